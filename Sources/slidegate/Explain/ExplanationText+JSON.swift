import Authentication
import Bytes
import Configuration
import JOSE
import Metrics
import Proxy
import Signatures

extension ExplanationText {
    /// One object on one line; instants in seconds since 1970.
    var json: String {
        var members: [(name: String, value: JSONOutput)] = [
            ("answered_by", .string(answeredBy)), ("refused", .boolean(explanation.isRefused)), ("at", .integer(now)),
            ("request", request),
        ]
        switch explanation.answerer {
        case .refusal(let status, let code, let detail, let decision, let reason):
            members += [
                ("decision", .string(decision.rawValue)), ("reason", .string(reason)),
                ("refusal", ["status": JSONOutput(status), "code": .string(code), "detail": .string(detail)]),
            ]
        case .endpoint(let name, let methods):
            members.append(("endpoint", ["name": .string(name), "methods": .array(methods.map { .string($0) })]))
        case .route(let decision): members += self.members(of: decision)
        case .decisionPoint, .file, .nobody: break
        }
        return String(decoding: JSONOutput.object(members).bytes, as: UTF8.self)
    }

    private var answeredBy: String {
        switch explanation.answerer {
        case .route(let decision): if case .admit = decision.decision { configuration.upstreams.isEmpty ? "proxy_in_front" : "upstream" } else { "gateway" }
        case .refusal, .decisionPoint, .file, .endpoint, .nobody: "gateway"
        }
    }

    private var request: JSONOutput {
        [
            "method": .string(explanation.method), "host": .string(explanation.host), "sent_path": .string(explanation.sentPath.asLoggedPath),
            "path": .string(explanation.path.asLoggedPath),
        ]
    }

    private func members(of decision: DecisionExplanation) -> [(name: String, value: JSONOutput)] {
        let (word, reason) = Self.words(of: decision)
        return [
            ("decision", .string(word.rawValue)), ("reason", .string(reason)), ("refusal", refusal(decision)), ("route", route(decision)),
            ("token", token(decision)), ("checks", .array(decision.checks.map { check($0.check, $0.finding, decision) })),
            ("later", later(decision)), ("to_api", toAPI(decision)), ("to_client", toClient(decision)),
        ]
    }

    private func refusal(_ decision: DecisionExplanation) -> JSONOutput {
        guard let refusal = decision.refusal else { return nil }
        return [
            "status": JSONOutput(refusal.status), "code": .string(refusal.code), "reason": .string(refusal.reason),
            "detail": .string(refusal.detail), "enforced": .boolean(decision.mode == .enforce),
        ]
    }

    private func route(_ decision: DecisionExplanation) -> JSONOutput {
        guard let index = decision.route else { return nil }
        let route = configuration.servedRoutes[index]
        return [
            "name": .string(route.name), "path": .string(route.pathPrefix), "place": .string(route.place.path),
            "line": JSONOutput(route.place.line), "auth": .string(route.authentication.rawValue), "mode": .string(route.mode.rawValue),
            "upstream": JSONOutput(configuration.upstreams.isEmpty ? nil : configuration.upstreams[route.upstream].name),
        ]
    }

    private func token(_ decision: DecisionExplanation) -> JSONOutput {
        let place =
            switch decision.place {
            case .nowhere: "nowhere"
            case .malformed: "malformed"
            case .several: "several"
            case .found(.authorization): "authorization"
            case .found(.cookie(let name)): "cookie \(name)"
            case .found(.header(let name)): "header \(name)"
            case .found(.webSocketProtocol): "websocket_protocol"
            }
        return [
            "place": .string(place), "fingerprint": JSONOutput(decision.fingerprint?.text),
            "verified": .boolean(decision.token.map { $0.refusal == nil } ?? false),
            "key": decision.token?.keyIndex.flatMap { keys.entries.indices.contains($0) ? key(keys.entries[$0]) : nil } ?? nil,
            "header": object(decision.token?.header?.parameters), "claims": object(decision.token?.claims),
        ]
    }

    private func key(_ entry: LoadedKeys.Entry) -> JSONOutput {
        [
            "algorithm": .string(entry.key.algorithm.rawValue), "id": JSONOutput(entry.key.id),
            "place": .string(configuration.keys[entry.source].place.path),
        ]
    }

    /// As it was written, member for member.
    private func object(_ object: JSONObject?) -> JSONOutput {
        guard let object else { return nil }
        return .written(object.withText { Array(copying: $0) })
    }

    private func check(
        _ check: DecisionExplanation.Check, _ finding: DecisionExplanation.Finding, _ decision: DecisionExplanation
    ) -> JSONOutput {
        let text = CheckText(decision: decision, configuration: configuration, keys: keys, now: now, fetches: fetches)
        var (result, reason): (String, String?) = ("passed", nil)
        switch finding {
        case .passed: break
        case .failed(let kind): (result, reason) = ("failed", Refusal(kind).reason)
        case .open: result = "not_made"
        }
        return [
            "check": .string(text.name(of: check)), "result": .string(result), "reason": JSONOutput(reason),
            "detail": .string(text.text(of: check, finding)),
        ]
    }

    private func later(_ decision: DecisionExplanation) -> JSONOutput {
        guard let prospect = decision.prospect else { return nil }
        var members: [(name: String, value: JSONOutput)] = [
            ("window_opens", prospect.windowStart.map { .integer($0) } ?? nil), ("token_ends", .integer(prospect.tokenEnd)),
            ("session_ends", prospect.sessionEnd.map { .integer($0) } ?? nil), ("idle_seconds", prospect.idleSeconds.map { .integer($0) } ?? nil),
        ]
        switch prospect.next {
        case .renew(let renewal):
            members.append(("successor", ["issued": .integer(renewal.issuedAt), "ends": .integer(renewal.expiration)]))
        case .skip(let reason): members.append(("no_successor", .string(reason.rawValue)))
        }
        if let (interval, course) = course(decision) {
            members.append((
                "used_regularly",
                [
                    "every_seconds": .integer(interval), "ends": course.isEndless ? nil : .integer(course.end),
                    "renewals": course.isEndless ? nil : JSONOutput(course.renewals),
                ]
            ))
        }
        return .object(members)
    }

    private func toAPI(_ decision: DecisionExplanation) -> JSONOutput {
        guard case .admit = decision.decision else { return nil }
        return ["without": .array(decision.dropped.map { .string($0) }), "with": .array(decision.requestFields.map(field))]
    }

    private func toClient(_ decision: DecisionExplanation) -> JSONOutput {
        guard let outcome = decision.outcome else { return nil }
        var skip: String?
        if case .skipped(let reason) = outcome { skip = reason.rawValue }
        return ["renewed": .boolean(outcome.isAttached), "skipped": JSONOutput(skip), "with": .array(decision.responseFields.map(field))]
    }

    private func field(_ field: DecisionExplanation.Field) -> JSONOutput {
        switch field.value {
        case .text(let text): ["name": .string(field.name), "value": .string(text)]
        case .token(.successor): ["name": .string(field.name), "holds": "successor"]
        case .token(.presented): ["name": .string(field.name), "holds": "token"]
        }
    }
}
