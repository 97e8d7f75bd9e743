import Authentication
import Bytes
import Configuration
import HTTP1
import JOSE
import Metrics
import Proxy

/// What became of a request, for people.
struct ExplanationText {
    let explanation: RequestExplanation
    let configuration: Configuration
    let keys: LoadedKeys
    let now: Int64
    /// Of the uses that a course is told for; nil: the longest that the session survives.
    let interval: Int64?
    let asksStore: Bool
    let fetches: Bool

    var text: String {
        var sections = [verdict]
        if case .route(let decision) = explanation.answerer {
            sections += [requestLines(decision), tokenLines(decision), checkLines(decision), laterLines(decision)]
            sections += [upstreamLines(decision), clientLines(decision), logLines(decision)]
        } else {
            sections.append(requestLines(nil))
        }
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    // MARK: In a word

    private var verdict: [String] {
        switch explanation.answerer {
        case .refusal(let status, let code, let detail, _, _): ["REFUSED: \(status) \(code). \(detail)"]
        case .nobody: ["REFUSED: 404 no_route. Nothing is proxied here, and this is nothing that the gateway serves itself."]
        case .file: ["ANSWERED by the gateway itself, with a file of its own. No token is looked at."]
        case .endpoint(let name, let methods):
            [
                "ANSWERED by the gateway itself: the endpoint sessions.endpoints.\(name), for \(Prose.alternatives(methods)), looks at tokens "
                    + "by its own rules."
            ]
        case .decisionPoint(_, true):
            ["ANSWERED by the gateway itself: a proxy in front asks here. Explain the path that it asks about, not this one."]
        case .decisionPoint(_, false): ["REFUSED: 400. This is below a path where proxies ask, and nothing that any of them asks."]
        case .route(let decision): verdict(decision)
        }
    }

    private func verdict(_ decision: DecisionExplanation) -> [String] {
        switch decision.decision {
        case .refuse(let refusal): return ["REFUSED: \(describe(refusal)). \(refusal.detail.asSentence)"]
        case .preflight: return ["ANSWERED by the gateway itself: a preflight, with 204. No token is needed for that."]
        case .admit(let admission):
            if let refusal = admission.wouldRefuse {
                return [
                    "PASSES, since the route is in shadow mode. It would be REFUSED: \(describe(refusal)). \(refusal.detail.asSentence)"
                ]
            }
            switch decision.outcome {
            case .attached: return ["PASSES, and its answer carries a successor of the token."]
            case .skipped(.shadow):
                return ["PASSES. Its answer would carry a successor of the token, were the route not in shadow mode."]
            case .skipped, nil: return [admission.token == nil ? "PASSES, as nobody in particular." : "PASSES."]
            }
        }
    }

    private func describe(_ refusal: Refusal) -> String {
        refusal.reason == refusal.code ? "\(refusal.status) \(refusal.code)" : "\(refusal.status) \(refusal.code) (\(refusal.reason))"
    }

    // MARK: The request and its route

    private func requestLines(_ decision: DecisionExplanation?) -> [String] {
        var rows = Rows()
        rows.add("request", "\(printable(explanation.method)) \(printable(explanation.sentPath.asLoggedPath)) on \(printable(explanation.host))")
        if explanation.path != explanation.sentPath {
            rows.add("path", "\(printable(explanation.path.asLoggedPath)), as routes and the API see it")
        }
        rows.add("at", InstantText.calendar(now))
        guard let decision else { return rows.lines("REQUEST") }
        rows.add("route", describe(decision.match))
        if let route = decision.route.map({ configuration.servedRoutes[$0] }) {
            rows.add("asks for", demand(of: route))
            if route.login != nil { rows.add("", "a login: its answer begins a session, unless the route is in shadow mode") }
            if decision.mode == .shadow { rows.add("mode", "shadow: nothing is refused or renewed here") }
        }
        rows.add("token", place(of: decision))
        return rows.lines("REQUEST")
    }

    private func describe(_ match: RouteTable.Match) -> String {
        switch match {
        case .route(let index):
            let route = configuration.servedRoutes[index]
            let place = route.place.path.isEmpty ? "the only one" : "\(route.place.path) in line \(route.place.line)"
            var text = "\(route.pathPrefix) (\(place)), the longest path that fits"
            if !route.hosts.isEmpty { text += ", for \(Prose.alternatives(route.hosts))" }
            if !route.methods.isEmpty { text += ", for \(Prose.alternatives(route.methods))" }
            return text
        case .noRoute: return "none: no route has this path and host"
        case .methodNotAllowed: return "none: those with this path and host do not take \(printable(explanation.method))"
        case .ambiguous: return "none for certain: with what follows ; in it the path belongs to one, without it to another"
        }
    }

    private func demand(of route: Configuration.Route) -> String {
        let conditions = route.require.map { "\($0.claim) is or contains \(Prose.alternatives($0.values.map { "\"\($0)\"" }))" }
        let condition = conditions.isEmpty ? "" : " whose \(Prose.all(conditions))"
        switch route.authentication {
        case .required: return "a valid token\(condition)"
        case .optional: return "a valid token\(condition), or none at all"
        case .none: return "nothing: tokens are not looked at"
        }
    }

    private func place(of decision: DecisionExplanation) -> String {
        switch decision.place {
        case .nowhere: return "none, in \(Prose.alternatives(configuration.tokens.sources.map(describe)))"
        case .malformed: return "the field that should carry it does not"
        case .several: return "more than one, which is never right"
        case .found(let source):
            let text: String =
                switch source {
                case .authorization: describe(.authorization)
                case .cookie(let name): describe(.cookie(name: name))
                case .header(let name): describe(.header(name: name))
                case .webSocketProtocol: describe(.webSocketProtocol)
                }
            return "in \(text)" + (decision.fingerprint.map { ", called \($0.text) in logs" } ?? "")
        }
    }

    private func describe(_ source: Configuration.Tokens.Source) -> String {
        switch source {
        case .authorization: "Authorization: Bearer"
        case .cookie(let name): "the cookie \(name)"
        case .header(let name): "the header \(name)"
        case .webSocketProtocol: "Sec-WebSocket-Protocol"
        }
    }

    // MARK: The token

    private func tokenLines(_ decision: DecisionExplanation) -> [String] {
        guard let token = decision.token, let header = token.header else { return [] }
        var rows = Rows()
        for member in header.parameters.members {
            rows.add(printable(header.parameters.name(of: member)), value(of: member, in: header.parameters))
        }
        if let claims = token.claims {
            rows.add("", "")
            for member in claims.members {
                var text = value(of: member, in: claims)
                if Self.dates.contains(claims.name(of: member)), let seconds = claims.integer(of: member) {
                    text += "  (\(InstantText.describe(seconds, now: now)))"
                }
                rows.add(printable(claims.name(of: member)), text)
            }
        }
        return rows.lines(token.keyIndex == nil ? "TOKEN, as it says: anyone could have written it" : "TOKEN")
    }

    static let dates = ["exp", "nbf", "iat", "orig_iat", "auth_time", "updated_at"]

    private func value(of member: JSONMember, in object: JSONObject) -> String {
        let text = printable(object.withValue(of: member) { String(copying: $0) })
        return text.count <= 120 ? text : text.prefix(119) + "…"
    }

    // MARK: The checks

    private func checkLines(_ decision: DecisionExplanation) -> [String] {
        var lines: [String] = []
        let checks = CheckText(decision: decision, configuration: configuration, keys: keys, now: now, fetches: fetches)
        var rows = Rows()
        for (check, finding) in decision.checks {
            let mark =
                switch finding {
                case .passed: "ok"
                case .failed: "NO"
                case .open: "- "
                }
            rows.add("\(mark)  \(checks.name(of: check))", checks.text(of: check, finding))
        }
        if configuration.sessions != nil, !asksStore, decision.token != nil {
            rows.add("-   revocation", "the store is not asked whether the token was revoked; --store does that")
        }
        lines += rows.lines("CHECKS, in their order")
        let failures = decision.checks.filter { if case .failed = $0.finding { true } else { false } }
        if failures.count > 1 { lines.append("  The first that fails decides; the others would be next.") }
        return rows.isEmpty ? [] : lines
    }

    // MARK: What comes later

    private func laterLines(_ decision: DecisionExplanation) -> [String] {
        guard let prospect = decision.prospect else { return [] }
        var rows = Rows()
        if let start = prospect.windowStart {
            rows.add("window opens", "\(InstantText.describe(start, now: now)): from then on an answer carries a successor")
        } else {
            rows.add("window opens", "never: \(describe(prospect.now))")
        }
        rows.add("token ends", InstantText.describe(prospect.tokenEnd, now: now))
        if let end = prospect.sessionEnd { rows.add("session ends", "\(InstantText.describe(end, now: now)), whatever happens") }
        switch prospect.next {
        case .renew(let renewal):
            rows.add(
                "successor", "issued \(InstantText.describe(renewal.issuedAt, now: now)); ends \(InstantText.describe(renewal.expiration, now: now))")
        case .skip(let reason):
            if prospect.windowStart != nil { rows.add("successor", "none: \(Self.describe(reason))") }
        }
        rows.add("not used again", "it is over \(InstantText.relative(prospect.tokenEnd, now: now))")
        if let course = course(decision) {
            let every = "used every \(InstantText.span(course.interval))"
            let times = course.course.renewals == 1 ? "one renewal" : "\(course.course.renewals) renewals"
            rows.add(
                every,
                course.course.isEndless
                    ? "it goes on without end"
                    : "it lives until \(InstantText.describe(course.course.end, now: now)), by \(times)")
        }
        return rows.lines("LATER")
    }

    /// Used at intervals from now on.
    func course(_ decision: DecisionExplanation) -> (interval: Int64, course: RenewalPolicy.Course)? {
        guard let sliding = configuration.sliding, let prospect = decision.prospect, case .admit(let admission) = decision.decision,
            let token = admission.token?.token, let interval = interval ?? prospect.idleSeconds, interval > 0
        else { return nil }
        let course = RenewalPolicy(sliding).course(
            expiration: token.expiration.seconds, issuedAt: token.issuedAt?.seconds, anchor: token.anchor?.seconds, now: now,
            interval: interval)
        return (interval, course)
    }

    private func describe(_ decision: RenewalDecision) -> String {
        switch decision {
        case .renew: "it is open"
        case .skip(let reason): Self.describe(reason)
        }
    }

    // MARK: What goes where

    private func upstreamLines(_ decision: DecisionExplanation) -> [String] {
        guard case .admit = decision.decision, let route = decision.route.map({ configuration.servedRoutes[$0] }) else { return [] }
        var rows = Rows()
        if !decision.dropped.isEmpty { rows.add("without", decision.dropped.map(printable).joined(separator: ", ")) }
        for field in decision.requestFields { rows.add("with", describe(field)) }
        guard !configuration.upstreams.isEmpty else {
            return rows.lines("TO THE API, by the proxy in front", orElse: "as the client has sent it")
        }
        let title = "TO THE API, \(configuration.upstreams[route.upstream].name)"
        return rows.lines(title, orElse: "as the client has sent it, but for what every proxy adds")
    }

    private func clientLines(_ decision: DecisionExplanation) -> [String] {
        guard let outcome = decision.outcome else { return [] }
        var rows = Rows()
        for field in decision.responseFields { rows.add("with", describe(field)) }
        if case .skipped(let reason) = outcome { rows.add("renewed", "no: \(Self.describe(reason))") }
        return rows.lines("TO THE CLIENT, if the API answers with 200")
    }

    private func describe(_ field: DecisionExplanation.Field) -> String {
        switch field.value {
        case .text(let text): "\(printable(field.name)): \(printable(text))"
        case .token(.successor): "\(printable(field.name)): (the successor, which is not shown)"
        case .token(.presented): "\(printable(field.name)): (the token of the request, which is not shown)"
        }
    }

    private func logLines(_ decision: DecisionExplanation) -> [String] {
        var rows = Rows()
        let (word, reason) = Self.words(of: decision)
        rows.add("decision", word.rawValue)
        if !reason.isEmpty { rows.add("reason", reason) }
        return rows.lines("LOG")
    }

    /// As logs and metrics say them.
    static func words(of decision: DecisionExplanation) -> (RequestDecision, reason: String) {
        switch (decision.decision, decision.outcome) {
        case (.refuse(let refusal), _): (.refused, refusal.reason)
        case (.preflight, _): (.answered, "preflight")
        case (.admit(let admission), let outcome):
            if let refusal = admission.wouldRefuse {
                (.wouldRefuse, refusal.reason)
            } else {
                switch outcome {
                case .attached: (.renewed, "")
                case .skipped(.shadow): (.wouldRenew, RenewalSkip.shadow.rawValue)
                case .skipped(let reason): (.admitted, reason.rawValue)
                case nil: (.admitted, "")
                }
            }
        }
    }

    /// Why there is no successor.
    static func describe(_ reason: RenewalSkip) -> String {
        switch reason {
        case .slidingOff: "there is no sliding in this configuration"
        case .noToken: "no token was taken from the request"
        case .routeDoesNotSlide: "requests on this route are no activity"
        case .optedOut: "the client asks not to renew"
        case .notDue: "more is left of the token than the buffer"
        case .expired: "the token has ended"
        case .noAnchor: "the token does not say when its session began"
        case .lifetimeUnknown: "the token does not say how long it was meant to live"
        case .bufferExceedsLifetime: "the token lives no longer than the buffer"
        case .sessionCap: "the session is at its end, or too near to it"
        case .exceptedStatus: "answers with this status carry none"
        case .notModified: "answers with 304 carry none"
        case .interimResponse: "the answer is an interim one"
        case .upstreamSetIt: "the API has set that field itself"
        case .mintFailed: "it could not be signed"
        case .revoked: "the token has been revoked"
        case .revocationUnknown: "it is not known whether the token has been revoked"
        case .answeredTooLate: "the answer came when the successor had ended too"
        case .shadow: "the route is in shadow mode, and nothing else is in the way"
        }
    }
}

/// Labels and texts in two columns.
private struct Rows {
    private var rows: [(label: String, text: String)] = []

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ label: String, _ text: String) { rows.append((label, text)) }

    /// Nothing at all without any, but for what is said instead.
    func lines(_ title: String, orElse none: String? = nil) -> [String] {
        guard !rows.isEmpty else { return none.map { [title, "  \($0)"] } ?? [] }
        let width = min(24, rows.map(\.label.count).max() ?? 0)
        return [title]
            + rows.map { label, text in
                if label.isEmpty, text.isEmpty { return "" }
                return "  \(label)\(String(repeating: " ", count: max(0, width - label.count)))  \(text)"
            }
    }
}

extension String {
    /// As the gateway's sentences for clients begin: some with a capital letter and a full stop, some without.
    fileprivate var asSentence: String {
        let text = prefix(1).uppercased() + dropFirst()
        return text.hasSuffix(".") ? text : text + "."
    }
}

extension String {
    /// A path as logs show it: segments that are longer than any name may be tokens, and are cut.
    var asLoggedPath: String {
        var shown = ByteBuffer()
        let bytes = Array(utf8)
        shown.append(cutPath: bytes.span)
        return String(decoding: shown.bytes(), as: UTF8.self)
    }
}
