internal import Bytes
package import HTTP1
package import JOSE
package import Sessions

/// Adds a pair of tokens to the upstream's answer on a login route (semantics §3.5).
///
/// First `SessionEndpoints.prepareLogin`, before the request's head goes upstream. Then this, from the final answer's head on. What is
/// said about that head, `LoginGrant.edit` does to it in the end: until then the caller keeps its bytes.
package struct LoginCapture {
    package enum Step {
        /// The answer goes to the client as it is, but without the claims field, which has been dropped from the head. With
        /// what to log, if the answer is one that should have been captured.
        case pass(EndpointOutcome?)
        /// The whole content is wanted (`contentEnded`), at most `contentBytesMax`; or `contentTooLarge`, and what has been
        /// received and the rest pass.
        case receive
        /// The store is to be asked, and `storeAnswered` to be called with what it says.
        case ask(StoreRequest)
        case grant(LoginGrant)
        /// In place of the upstream's answer.
        case answer(EndpointAnswer)
    }

    package private(set) var next: Step
    package let contentBytesMax: Int

    private let endpoints: SessionEndpoints
    private let request: LoginRequest
    private let policy: LoginPolicy
    private let head: AnswerFacts
    /// From the response field; nil: they are in the content.
    private let claims: [UInt8]?
    /// While the store is asked.
    private var grant: LoginGrant?

    /// What counts of the answer's head.
    private struct AnswerFacts {
        var status: Int
        var isUntransformed: Bool
        /// Whether scripts of the page that asked may read the answer.
        var isReadable: Bool
    }

    init(
        _ endpoints: SessionEndpoints, _ request: LoginRequest, _ head: inout ResponseHead, _ bytes: Span<UInt8>, now: NumericDate
    ) {
        self.endpoints = endpoints
        self.request = request
        policy = endpoints.policy.logins[request.login]
        contentBytesMax = policy.contentBytesMax
        let found = Self.takeClaims(policy.claims, &head, bytes)
        claims = if case .one(let value) = found { value } else { nil }
        let authenticator = endpoints.authenticator
        self.head = AnswerFacts(
            status: head.status, isUntransformed: Authenticator.forbidsTransformation(head, bytes),
            isReadable: request.origin.isPresent
                && (authenticator.crossOrigin == nil
                    ? head.fields.first(.accessControlAllowOrigin) != nil : authenticator.mayRead(request.origin)))
        next = .pass(nil)

        // A login that failed is none to capture, and nothing to remark on.
        guard (200...299).contains(head.status) else { return }
        start(found, head, bytes, now: now)
    }

    private mutating func start(
        _ found: FoundClaims, _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, now: NumericDate
    ) {
        if head.status == 206 { return miss("partial_content") }
        switch found {
        case .none: return miss("claims_missing")
        case .several: return miss("claims_repeated")
        case .one, .inContent: break
        }
        guard claims == nil || policy.answer.body != nil else {
            // Fields and cookies alone: the content may be anything, and of any length.
            return begin(content: nil, now: now)
        }
        if let obstacle = Self.obstacle(head, bytes, contentBytesMax) { return miss(obstacle) }
        if head.framing.hasContent { next = .receive } else { contentEnded([], now: now) }
    }

    /// - Parameter content: at most `contentBytesMax` of it.
    package mutating func contentEnded(_ content: [UInt8], now: NumericDate) {
        guard content.count <= contentBytesMax else { return contentTooLarge() }
        begin(content: content, now: now)
    }

    /// Instead of `contentEnded`.
    package mutating func contentTooLarge() { miss("content_too_large") }

    package mutating func storeAnswered(_ result: Result<StoreReply, StoreError>, now: NumericDate) {
        guard let grant else { return }
        self.grant = nil
        switch result {
        case .success(.created(let ended)): next = .grant(grant.ending(ended.count))
        case .success: next = .answer(maker.unavailable(.failed("not created"), session: grant.outcome.session))
        case .failure(let error): next = .answer(maker.unavailable(error, session: grant.outcome.session))
        }
    }

    private var maker: AnswerMaker {
        AnswerMaker(authenticator: endpoints.authenticator, cookie: endpoints.policy.cookie, origin: request.origin)
    }

    private mutating func miss(_ reason: String) { next = .pass(EndpointOutcome(.loginNotCaptured, reason: reason)) }
}

// MARK: - From the head

extension LoginCapture {
    private enum FoundClaims {
        case none, several, inContent
        case one([UInt8])
    }

    /// Drops the claims field, whatever the answer is.
    private static func takeClaims(
        _ source: LoginPolicy.ClaimsSource, _ head: inout ResponseHead, _ bytes: Span<UInt8>
    ) -> FoundClaims {
        guard case .header(let header) = source else { return .inContent }
        let name = Array(header.utf8)
        let hash = canonicalHash(name.span)
        var found = FoundClaims.none
        for index in 0..<head.fields.lines.count where head.fields.lines[index].canonicalHash == hash {
            let line = head.fields.lines[index]
            guard isCanonicallyEqual(bytes.extracting(line.name.bounds), name.span) else { continue }
            head.fields.drop(at: index)
            if case .none = found {
                found = .one(Array(copying: bytes.extracting(line.value.bounds)))
            } else {
                found = .several
            }
        }
        return found
    }

    /// Why the content cannot be read, or nothing be merged into it.
    private static func obstacle(_ head: borrowing ResponseHead, _ bytes: Span<UInt8>, _ bytesMax: Int) -> String? {
        if let line = head.fields.first(.contentEncoding) {
            let coding = bytes.extracting(line.value.bounds)
            guard head.fields.count(of: .contentEncoding) == 1, coding.equalsIgnoringCase("identity") else { return "content_coded" }
        }
        guard head.framing.hasContent else { return nil }
        if case .length(let length) = head.framing, length > bytesMax { return "content_too_large" }
        guard let line = head.fields.first(.contentType) else { return nil }
        return MediaType.isJSON(bytes.extracting(line.value.bounds)) ? nil : "content_not_json"
    }
}

// MARK: - The session

extension LoginCapture {
    /// - Parameter content: nil: it stays as it is.
    private mutating func begin(content: [UInt8]?, now: NumericDate) {
        var object: JSONObject?
        if let content, !content.isEmpty {
            do throws(JSONError) {
                object = try JSONObject(parsing: content, limits: AnswerTemplate.mergeLimits)
            } catch {
                return miss("content_not_json")
            }
        }
        let login: (session: Session, pair: TokenPair)
        do throws(ClaimsFault) {
            login = try endpoints.issuer.begin(
                claims: try claimsText(object), device: request.device, address: request.address, now: now)
        } catch {
            return miss(error.rawValue)
        }
        let session = login.session
        let values = TemplateValues(
            login.pair, sessionID: session.id.text, subject: session.subject, presented: nil, now: now)

        var newContent: [UInt8]?
        if content != nil, let body = policy.answer.body {
            newContent = if let object { body.merged(into: object, values) } else { body.json(values) }
            guard newContent != nil else { return miss("content_not_json") }
        }
        grant = LoginGrant(
            status: newContent != nil && (head.status == 204 || head.status == 205) ? 200 : head.status,
            lines: lines(values, isNewObject: newContent != nil && object == nil), content: newContent,
            outcome: EndpointOutcome(.sessionCreated, session: session.id), replacesType: newContent != nil && object == nil,
            replacedNames: policy.answer.headers.filter { values.fieldValue($0.value) != nil }.map(\.name),
            replacedCookies: (policy.answer.setsRefreshCookie ? [endpoints.policy.cookie.name] : [])
                + (policy.answer.accessCookie.map { [$0] } ?? []))
        next = .ask(StoreRequest(.create(session), rules: endpoints.policy.rules, now: now))
    }

    /// The text of an object; empty, and so none, where the content has none of the members.
    private func claimsText(_ object: JSONObject?) throws(ClaimsFault) -> [UInt8] {
        if let claims { return Self.claimsText(field: claims) }
        guard case .members(let members) = policy.claims, let object else { throw .notAnObject }
        var text = ObjectText()
        for member in members {
            if let value = Self.value(at: member.path[...], in: object) { text.append(member.claim, value) }
        }
        return text.finished
    }

    /// JSON, or the base64url text of it.
    private static func claimsText(field value: [UInt8]) -> [UInt8] {
        if value.first == UInt8(ascii: "{") { return value }
        return Base64URL.decode(value.span) ?? []
    }

    private static func value(at path: ArraySlice<String>, in object: JSONObject) -> [UInt8]? {
        guard let name = path.first, let member = object.member(named: name) else { return nil }
        let text = object.withValue(of: member) { Array(copying: $0) }
        guard path.count > 1 else { return member.kind == .null ? nil : text }
        guard member.kind == .object, let inner = try? JSONObject(parsing: text, limits: AnswerTemplate.mergeLimits) else { return nil }
        return value(at: path.dropFirst(), in: inner)
    }

    private func lines(_ values: TemplateValues, isNewObject: Bool) -> [UInt8] {
        var lines = ByteBuffer()
        if isNewObject { lines.append("Content-Type: application/json\r\n") }
        maker.appendDelivery(policy.answer, values, to: &lines)
        let exposed = policy.answer.headers.filter { values.fieldValue($0.value) != nil }.map(\.name)
        if !exposed.isEmpty, head.isReadable {
            lines.append("Access-Control-Expose-Headers: \(exposed.joined(separator: ", "))\r\n")
        }
        if head.isUntransformed {
            lines.append("Cache-Control: private, no-store, no-transform\r\nPragma: no-cache\r\n")
        } else {
            lines.append("Cache-Control: private, no-store\r\nPragma: no-cache\r\n")
        }
        return lines.bytes()
    }
}

// MARK: - The answer

/// The upstream's answer with tokens in it.
package struct LoginGrant: Sendable {
    package let status: Int
    /// Lines that the head gets, each with its CRLF.
    package let lines: [UInt8]
    /// Nil: the content stays as it is, also one that has not been received yet.
    package let content: [UInt8]?
    package private(set) var outcome: EndpointOutcome
    /// Whether the content is of the gateway's making alone.
    let replacesType: Bool
    let replacedNames: [String]
    let replacedCookies: [String]

    /// Drops the lines of the head that are not true any more, that `lines` replace, or that would let a cache keep the answer
    /// (semantics §1.11). `Content-Length` is the caller's business.
    ///
    /// - Parameter bytes: what `head` was parsed from.
    package func edit(_ head: inout ResponseHead, bytes: Span<UInt8>) {
        Authenticator.dropCacheFields(&head.fields)
        if content != nil {
            for name in Self.contentFields { head.fields.drop(name.span, hash: canonicalHash(name.span), from: bytes) }
        }
        if replacesType { head.fields.drop(.contentType) }
        for name in replacedNames {
            let name = Array(name.utf8)
            head.fields.drop(name.span, hash: canonicalHash(name.span), from: bytes)
        }
        for cookie in replacedCookies {
            let pair = Array("\(cookie)=".utf8)
            for index in 0..<head.fields.lines.count where head.fields.lines[index].id == .setCookie {
                let value = head.fields.lines[index].value
                if bytes.extracting(value.bounds).starts(with: pair.span) { head.fields.drop(at: index) }
            }
        }
    }

    fileprivate func ending(_ sessions: Int) -> LoginGrant {
        var grant = self
        grant.outcome.endedSessions = sessions
        return grant
    }

    /// What is said about content, byte for byte.
    private static let contentFields: [[UInt8]] = [
        "accept-ranges", "content-range", "content-md5", "digest", "content-digest", "repr-digest", "content-encoding",
    ].map { Array($0.utf8) }
}

extension LoginGrant: CustomStringConvertible {
    /// Without lines and content: tokens are in there.
    package var description: String { "LoginGrant(\(status))" }
}

extension SessionEndpoints {
    /// Begins with the head of an answer on a login route, the final one. Drops the claims field from it.
    ///
    /// - Parameter bytes: what `head` was parsed from.
    package func captureLogin(
        _ request: LoginRequest, _ head: inout ResponseHead, bytes: Span<UInt8>, now: NumericDate
    ) -> LoginCapture {
        LoginCapture(self, request, &head, bytes, now: now)
    }

    /// Whether a trailer field of that name must not go to the client: the claims field.
    package func isClaimsField(trailer name: Span<UInt8>, of login: Int) -> Bool {
        guard case .header(let header) = policy.logins[login].claims else { return false }
        let own = Array(header.utf8)
        return isCanonicallyEqual(own.span, name)
    }
}
