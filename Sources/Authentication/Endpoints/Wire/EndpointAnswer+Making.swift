internal import Bytes
internal import HTTP1
internal import JOSE
internal import Sessions

/// Makes answers. All of them are kept out of caches and can be read by the origins that CORS allows.
struct AnswerMaker {
    let authenticator: Authenticator
    let cookie: CookieDelivery
    let origin: CrossOrigin

    /// A pair, as `format` says.
    func granted(_ format: AnswerFormat, _ values: TemplateValues, _ outcome: EndpointOutcome) -> EndpointAnswer {
        var lines = ByteBuffer()
        let content = format.body?.json(values)
        if content != nil { lines.append("Content-Type: application/json\r\n") }
        appendDelivery(format, values, to: &lines)
        let exposed = format.headers.filter { values.fieldValue($0.value) != nil }.map(\.name)
        if !exposed.isEmpty, authenticator.mayRead(origin) {
            lines.append("Access-Control-Expose-Headers: \(exposed.joined(separator: ", "))\r\n")
        }
        appendCommon(to: &lines)
        return EndpointAnswer(status: format.status, lines: lines.bytes(), content: content ?? [], outcome: outcome)
    }

    /// The field lines and cookies of a pair.
    func appendDelivery(_ format: AnswerFormat, _ values: TemplateValues, to lines: inout ByteBuffer) {
        for header in format.headers {
            guard let value = values.fieldValue(header.value) else { continue }
            lines.append(header.name)
            lines.append(": ")
            lines.append(value)
            lines.append("\r\n")
        }
        if format.setsRefreshCookie, let token = values.refreshToken {
            appendCookie(cookie.name, token, maxAge: values.refreshExpiresIn ?? 0, to: &lines)
        }
        if let name = format.accessCookie, let token = values.accessToken {
            appendCookie(name, token, maxAge: values.expiresIn ?? 0, to: &lines)
        }
    }

    func refused(
        _ formats: RefusalFormats, _ kind: RefusalFormats.Kind, code: String, description: String, _ outcome: EndpointOutcome
    ) -> EndpointAnswer {
        let format = formats[kind]
        var lines = ByteBuffer()
        if format.status == 401 { appendChallenge(isMissing: kind == .missing, to: &lines) }
        if kind == .unavailable { lines.append(Self.retryAfter) }
        guard let body = format.body, let content = body.json(TemplateValues(code: code, description: description)) else {
            return problem(format.status, code: code, detail: description, lines: lines.bytes(), outcome)
        }
        lines.append("Content-Type: application/json\r\n")
        appendCommon(to: &lines)
        return EndpointAnswer(status: format.status, lines: lines.bytes(), content: content, outcome: outcome)
    }

    /// What was presented is no access token that is let in here; or the request is refused before that.
    func refused(_ kind: Refusal.Kind, lines: [UInt8] = [], _ outcome: EndpointOutcome) -> EndpointAnswer {
        let refusal = Refusal(kind)
        var challenge = ByteBuffer()
        challenge.append(lines)
        refusal.appendChallenge(realm: authenticator.realm, to: &challenge)
        return problem(refusal.status, code: refusal.code, detail: refusal.detail, lines: challenge.bytes(), outcome)
    }

    /// An error of RFC 6749 §5.2, which RFC 7009 and RFC 7662 answer with, too.
    func oauthError(_ status: Int, _ code: String, _ description: String, _ outcome: EndpointOutcome) -> EndpointAnswer {
        var text = ObjectText()
        text.append("error", code)
        text.append("error_description", description)
        return json(status, text.finished, outcome)
    }

    func json(_ status: Int, _ content: [UInt8], _ outcome: EndpointOutcome) -> EndpointAnswer {
        var lines = ByteBuffer()
        lines.append("Content-Type: application/json\r\n")
        appendCommon(to: &lines)
        return EndpointAnswer(status: status, lines: lines.bytes(), content: content, outcome: outcome)
    }

    func empty(_ status: Int, lines: [UInt8] = [], _ outcome: EndpointOutcome) -> EndpointAnswer {
        var buffer = ByteBuffer()
        buffer.append(lines)
        appendCommon(to: &buffer)
        return EndpointAnswer(status: status, lines: buffer.bytes(), content: [], outcome: outcome)
    }

    /// Problem details (RFC 9457).
    func problem(
        _ status: Int, code: String, detail: String, lines: [UInt8] = [], _ outcome: EndpointOutcome
    ) -> EndpointAnswer {
        var text = ObjectText()
        text.append("type", "about:blank")
        text.append("title", reasonPhrase(of: status).description)
        text.append("status", Int64(status))
        text.append("code", code)
        text.append("detail", detail)
        var buffer = ByteBuffer()
        let error = status < 500 ? "http_request_denied" : "proxy_internal_error"
        buffer.append("Content-Type: application/problem+json\r\nProxy-Status: slidegate; error=\(error); details=\"\(code)\"\r\n")
        buffer.append(lines)
        appendCommon(to: &buffer)
        return EndpointAnswer(status: status, lines: buffer.bytes(), content: text.finished + [0x0A], outcome: outcome)
    }

    /// The store could not be asked.
    func unavailable(_ error: StoreError, session: SessionID? = nil, token: Fingerprint? = nil) -> EndpointAnswer {
        problem(
            503, code: Self.unavailableCode, detail: Self.unavailableDescription, lines: Array(Self.retryAfter.utf8),
            Self.unavailableOutcome(error, session, token))
    }

    static let unavailableCode = "sessions_unavailable"
    static let unavailableDescription = "Sessions are not available for the moment."
    /// As long as a store needs to be found again.
    static let retryAfter = "Retry-After: 2\r\n"

    static func unavailableOutcome(_ error: StoreError, _ session: SessionID?, _ token: Fingerprint?) -> EndpointOutcome {
        let reason =
            switch error {
            case .away: "away"
            case .failed: "failed"
            case .badCursor: "bad_cursor"
            case .closed: "closed"
            }
        return EndpointOutcome(.sessionsUnavailable, reason: reason, session: session, token: token)
    }

    func signingFailed(_ session: SessionID?, _ token: Fingerprint?) -> EndpointAnswer {
        problem(
            500, code: "signing_failed", detail: "The access token could not be signed.",
            EndpointOutcome(.signingFailed, session: session, token: token))
    }

    // MARK: Lines

    /// A challenge (RFC 6750 §3), which every 401 has (RFC 9110 §15.5.2).
    private func appendChallenge(isMissing: Bool, to lines: inout ByteBuffer) {
        lines.append("WWW-Authenticate: Bearer realm=\"")
        lines.append(authenticator.realm)
        if isMissing { lines.append("\"\r\n") } else { lines.append("\", error=\"invalid_token\"\r\n") }
    }

    func appendCookie(_ name: String, _ value: [UInt8], maxAge: Int64, to lines: inout ByteBuffer) {
        lines.append("Set-Cookie: \(name)=")
        lines.append(value)
        lines.append("; Path=\(cookie.path)")
        if let domain = cookie.domain { lines.append("; Domain=\(domain)") }
        lines.append("; Max-Age=")
        lines.append(decimal: Int(max(0, maxAge)))
        lines.append("; HttpOnly; Secure; SameSite=\(cookie.sameSite.rawValue)\r\n")
    }

    private func appendCommon(to lines: inout ByteBuffer) {
        lines.append("Cache-Control: no-store\r\nPragma: no-cache\r\n")
        authenticator.appendCrossOriginFields(for: origin, to: &lines)
    }
}

extension Authenticator {
    /// Whether scripts of the origin may read answers of the gateway's own.
    func mayRead(_ origin: CrossOrigin) -> Bool { crossOrigin?.allows(origin) ?? false }
}
