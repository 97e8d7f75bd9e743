import Bytes
import HTTP1
import JOSE
import SessionStores
import Sessions
import Testing

@testable import Authentication

/// A worker's endpoints on a store in memory: text in, what would be written out.
final class EndpointGateway {
    let endpoints: SessionEndpoints
    let authenticator: Authenticator
    let codec: RefreshTokenCodec
    let revocations = RevocationSet()
    private let store: MemoryStore
    /// What the store answers instead of doing anything.
    var storeFailure: StoreError?
    /// How often it was asked.
    private(set) var questions = 0
    private var requestHead = RequestHead()
    private var responseHead = ResponseHead()

    static let start: Int64 = 1_000_000
    static let claims = #"{"sub":"alice","username":"Alice","email":"a@x.test","role":"admin","id":7}"#

    init(
        _ policy: SessionPolicy, authentication: AuthenticationPolicy = Gateway.policy(), key: ToyKey = ToyKey(),
        secret: UInt64 = 1, previousSecret: UInt64? = nil
    ) {
        authenticator = Authenticator(
            policy: authentication, keys: KeySet(verifiers: [key], signer: key, signingIndex: 0), hasher: ToyHasher(),
            mintCache: SharedMintCache())
        authenticator.revocations = RevocationView(revocations, awayAfter: 5_000)
        codec = RefreshTokenCodec(key: ToySecret(secret), previousKey: previousSecret.map(ToySecret.init))
        store = MemoryStore(revocations: revocations)
        guard let endpoints = SessionEndpoints(policy: policy, codec: codec, authenticator: authenticator) else {
            fatalError("the toy key signs")
        }
        self.endpoints = endpoints
    }

    /// With a refresh endpoint of that preset, where it belongs.
    convenience init(
        _ preset: WirePreset, rules: SessionRules = SessionRules(), authentication: AuthenticationPolicy = Gateway.policy(),
        secret: UInt64 = 1
    ) {
        var policy = SessionPolicy(rules: rules)
        policy.refreshes = [
            RefreshEndpoint(path: preset.refreshPath, format: preset.refresh(cookie: policy.cookie.name))
        ]
        self.init(policy, authentication: authentication, secret: secret)
    }

    struct Answer {
        var status: Int
        var lines: [String]
        var body: String
        var outcome: EndpointOutcome

        func values(_ name: String) -> [String] {
            lines.filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map { String($0.dropFirst(name.count + 2)) }
        }

        /// The text of a string member, wherever it is in the body.
        func string(_ name: String) -> String? {
            body.firstRange(of: "\"\(name)\":\"").map { String(body[$0.upperBound...].prefix { $0 != "\"" }) }
        }
    }

    // MARK: Sessions

    func perform(_ operation: StoreRequest.Operation, now: Int64 = EndpointGateway.start) -> Result<StoreReply, StoreError> {
        perform(StoreRequest(operation, rules: endpoints.policy.rules, now: NumericDate(seconds: now)))
    }

    private func perform(_ request: StoreRequest) -> Result<StoreReply, StoreError> {
        let box = Box()
        store.perform(request) { box.reply = $0 }
        return box.reply ?? .failure(.closed)
    }

    private final class Box: @unchecked Sendable {  // the memory store replies before it returns
        var reply: Result<StoreReply, StoreError>?
    }

    /// Begins a session and puts it into the store.
    func login(
        claims: String = EndpointGateway.claims, device: Session.Device = Session.Device(), now: Int64 = EndpointGateway.start
    ) throws -> (session: Session, access: String, refresh: String) {
        let (session, pair) = try endpoints.issuer.begin(
            claims: Array(claims.utf8), device: device, address: "192.0.2.1", now: NumericDate(seconds: now))
        guard case .success(.created) = perform(.create(session), now: now) else { fatalError("the store takes it") }
        return (session, String(copying: pair.accessToken.span), String(copying: pair.refreshToken.span))
    }

    func session(_ id: SessionID) -> Session? {
        if case .success(.found(let session)) = perform(.find(id)) { session } else { nil }
    }

    // MARK: Calls

    enum Outcome {
        case answer(Answer)
        case preflight(Preflight)
        case noEndpoint
    }

    /// - Parameters:
    ///   - content: nil: the request has none.
    ///   - meanwhile: what happens between the head and the content.
    func call(
        _ method: String, _ target: String, _ lines: [String] = [], content: String? = nil, now: Int64 = EndpointGateway.start + 10,
        instant: Int64 = 0, meanwhile: () -> Void = {}
    ) -> Outcome {
        let bytes = content.map { Array($0.utf8) }
        let length = bytes.map { "Content-Length: \($0.count)\r\n" } ?? ""
        let text = "\(method) \(target) HTTP/1.1\r\nHost: api.test\r\n" + lines.map { $0 + "\r\n" }.joined() + length + "\r\n"
        let head = Array(text.utf8)
        guard (try? requestHead.parse(head.span)) == true else { fatalError("the test's own request does not parse: \(text)") }
        let path = Array(target.split(separator: "?", omittingEmptySubsequences: false)[0].utf8)
        guard let match = endpoints.match(path.span) else { return .noEndpoint }
        let date = NumericDate(seconds: now)
        var call = endpoints.begin(
            match, &requestHead, path: path.span, bytes: head.span, address: "198.51.100.7", now: date, instant: instant)
        while true {
            switch call.next {
            case .receive:
                meanwhile()
                let content = bytes ?? []
                if content.count > SessionEndpoints.contentBytesMax {
                    call.contentTooLarge(now: date)
                } else {
                    call.contentEnded(content.span, now: date, instant: instant)
                }
            case .ask(let request):
                questions += 1
                call.storeAnswered(storeFailure.map { .failure($0) } ?? perform(request), now: date)
            case .answer(let answer): return .answer(Self.answer(answer))
            case .preflight(let preflight): return .preflight(preflight)
            }
        }
    }

    func send(
        _ method: String = "POST", _ target: String, _ lines: [String] = [], content: String? = nil,
        now: Int64 = EndpointGateway.start + 10, instant: Int64 = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Answer {
        let outcome = call(method, target, lines, content: content, now: now, instant: instant)
        guard case .answer(let answer) = outcome else {
            Issue.record("no answer: \(outcome)", sourceLocation: sourceLocation)
            throw NoAnswer()
        }
        return answer
    }

    private struct NoAnswer: Error {}

    func json(_ target: String, _ content: String, now: Int64 = EndpointGateway.start + 10) throws -> Answer {
        try send("POST", target, ["Content-Type: application/json"], content: content, now: now)
    }

    func form(_ target: String, _ content: String, _ lines: [String] = [], now: Int64 = EndpointGateway.start + 10) throws -> Answer {
        try send("POST", target, lines + ["Content-Type: application/x-www-form-urlencoded"], content: content, now: now)
    }

    /// Every line must end with CRLF, and no answer may be stored.
    private static func answer(_ answer: EndpointAnswer) -> Answer {
        var buffer = ByteBuffer()
        buffer.append(answer.lines)
        let lines = Gateway.lines(buffer)
        #expect(lines.contains("Cache-Control: no-store") && lines.contains("Pragma: no-cache"))
        if answer.status == 401 { #expect(lines.contains { $0.hasPrefix("WWW-Authenticate: Bearer realm=\"test\"") }) }
        if answer.status == 503 { #expect(lines.contains("Retry-After: 2")) }
        return Answer(
            status: answer.status, lines: lines, body: String(copying: answer.content.span), outcome: answer.outcome)
    }

    // MARK: Logins

    struct Capture {
        /// Of the answer that goes to the client.
        var status: Int
        var lines: [String]
        var body: String
        var outcome: EndpointOutcome?

        func values(_ name: String) -> [String] {
            lines.filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map { String($0.dropFirst(name.count + 2)) }
        }
    }

    /// What a client gets for the upstream's answer, and what the upstream got of the request.
    func capture(
        request: [String] = [], status: Int = 200, _ lines: [String] = [], content: String = "", origin: String? = nil,
        now: Int64 = EndpointGateway.start
    ) -> (upstream: [String], answer: Capture) {
        let requestText = "POST /login HTTP/1.1\r\nHost: api.test\r\n" + request.map { $0 + "\r\n" }.joined() + "\r\n"
        let requestBytes = Array(requestText.utf8)
        guard (try? requestHead.parse(requestBytes.span)) == true else { fatalError("the test's own request does not parse") }
        let crossOrigin = authenticator.survey(&requestHead, in: requestBytes.span).origin
        let login = endpoints.prepareLogin(
            0, &requestHead, bytes: requestBytes.span, origin: crossOrigin, address: "198.51.100.7")
        var upstream = ByteBuffer()
        requestHead.fields.appendKept(from: requestBytes.span, to: &upstream)

        let contentBytes = Array(content.utf8)
        let text =
            "HTTP/1.1 \(status) X\r\n" + lines.map { $0 + "\r\n" }.joined() + (status == 204 ? "" : "Content-Length: \(contentBytes.count)\r\n")
            + "\r\n"
        let bytes = Array(text.utf8)
        guard (try? responseHead.parse(bytes.span, answering: .post)) == true else {
            fatalError("the test's own response does not parse: \(text)")
        }
        let date = NumericDate(seconds: now)
        var capture = endpoints.captureLogin(login, &responseHead, bytes: bytes.span, now: date)
        func kept() -> [String] {
            var buffer = ByteBuffer()
            responseHead.fields.appendKept(from: bytes.span, to: &buffer)
            return Gateway.lines(buffer)
        }
        while true {
            switch capture.next {
            case .receive:
                if contentBytes.count > capture.contentBytesMax {
                    capture.contentTooLarge()
                } else {
                    capture.contentEnded(contentBytes, now: date)
                }
            case .ask(let request):
                questions += 1
                capture.storeAnswered(storeFailure.map { .failure($0) } ?? perform(request), now: date)
            case .pass(let outcome):
                return (Gateway.lines(upstream), Capture(status: status, lines: kept(), body: content, outcome: outcome))
            case .grant(let grant):
                grant.edit(&responseHead, bytes: bytes.span)
                var added = ByteBuffer()
                added.append(grant.lines)
                let body = grant.content.map { String(copying: $0.span) } ?? content
                return (
                    Gateway.lines(upstream),
                    Capture(status: grant.status, lines: kept() + Gateway.lines(added), body: body, outcome: grant.outcome)
                )
            case .answer(let answer):
                let own = Self.answer(answer)
                return (Gateway.lines(upstream), Capture(status: own.status, lines: own.lines, body: own.body, outcome: own.outcome))
            }
        }
    }

    /// Whether the token is let in on a route, and with which code it is refused.
    func admits(_ token: String, now: Int64 = EndpointGateway.start + 10) -> String? {
        let text = Array("GET / HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8)
        guard (try? requestHead.parse(text.span)) == true else { fatalError("the test's own request does not parse") }
        let path = Array("/".utf8)
        let decision = authenticator.authenticate(
            &requestHead, path: path.span, bytes: text.span, now: NumericDate(seconds: now), instant: 0)
        switch decision {
        case .admit: return nil
        case .refuse(let refusal): return refusal.code
        case .preflight: return "preflight"
        }
    }
}

/// A secret whose code tells different bytes apart; nothing more is asked of it here.
final class ToySecret: RefreshTokenKey {
    private let secret: UInt64

    init(_ secret: UInt64) { self.secret = secret }

    func code(_ message: Span<UInt8>) -> InlineArray<32, UInt8> {
        Toy.digest(Array("refresh \(secret) ".utf8) + Array(copying: message))
    }
}
