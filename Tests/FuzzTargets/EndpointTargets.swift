import Authentication
import Bytes
import HTTP1
import JOSE
import Sessions

private let now = NumericDate(seconds: 1_700_000_000)

extension FuzzTarget {
    /// The content of a request to each endpoint that reads some. The store is asked about nothing but tokens of this installation,
    /// at most about one, and every answer is whole.
    static let endpointContent = FuzzTarget(name: "endpoint-content", seeds: { EndpointSeeds.contents }) {
        (input) throws(Violation) in
        let worker = EndpointWorker()
        for (path, type) in EndpointWorker.paths {
            let head =
                "POST \(path) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer s\r\nContent-Type: \(type)\r\nContent-Length: \(input.count)\r\n\r\n"
            let first = try worker.call(Array(head.utf8), path, input)
            let second = try worker.call(Array(head.utf8), path, input)
            try promise("\(path) is answered otherwise the second time", first == second)
        }
    }

    /// Claims, a zero byte, and the content of the upstream's answer to a login. Either it passes as it is, or nothing in it has
    /// changed but the members that hold tokens.
    static let loginAnswer = FuzzTarget(name: "login-answer", seeds: { EndpointSeeds.logins }) { (input) throws(Violation) in
        let split = input.firstIndex(of: 0) ?? input.count
        let (claims, content) = (Array(input[..<split]), Array(input[min(split + 1, input.count)...]))
        try EndpointWorker().login(claims: claims, content: content)
    }
}

private enum EndpointSeeds {
    static let contents =
        [
            "grant_type=refresh_token&refresh_token=TOKEN", "token=TOKEN&token_type_hint=refresh_token", "a=%41+b&&c&=d&token=%53",
            "token=a&token=b", #"{"refresh":"TOKEN"}"#, #"{"refresh":"a","re\u0066resh":"b"}"#, #" { "a" : [1,{"b":null}] , "refresh":"" } "#,
            "", "{}", "token=e30.e30.AQID",
        ].map { Array($0.replacing("TOKEN", with: EndpointWorker.token).utf8) }

    static let logins = [
        #"{"sub":"a"}\#u{0}{}"#, #"{"sub":"a"}\#u{0}"#, #"eyJzdWIiOiJhIn0\#u{0}{"code":1,"data":{"x":[1,2]},"e":1e5}"#,
        "{\"sub\":7,\"role\":{\"a\":[]}}\u{0} { \"data\" : { \"access_token\" : \"old\\n\" } , \"\\u0063ode\" : 2 }\n",
        #"{"sub":"a","iat":1,"exp":2,"sid":"x"}\#u{0}{"data":null}"#, #"{"sub":"a","username":"é\u0000"}\#u{0}{"data":7}"#,
    ].map { Array($0.utf8) }
}

/// Endpoints without sockets, with a key that finds every signature valid and a store of one session.
private struct EndpointWorker {
    static let paths = [
        ("/form", "application/x-www-form-urlencoded"), ("/json", "application/json"), ("/revoke", "application/x-www-form-urlencoded"),
        ("/introspect", "application/x-www-form-urlencoded"), ("/logout", "application/json"),
    ]
    static let token: String = {
        let codec = RefreshTokenCodec(key: Code())
        return String(copying: codec.text(of: RefreshToken(session: SessionID(high: 1, low: 2), counter: 0)).span)
    }()

    let endpoints: SessionEndpoints

    init() {
        var policy = SessionPolicy(logins: [LoginPolicy(path: "/login", answer: WirePreset.express.login)])
        policy.refreshes = [
            RefreshEndpoint(path: "/form", format: WirePreset.oauth2.refresh(cookie: "c")),
            RefreshEndpoint(path: "/json", format: WirePreset.simplejwt.refresh(cookie: "c")),
        ]
        policy.revocation = PlainEndpoint(path: "/revoke")
        policy.introspection = IntrospectionEndpoint(path: "/introspect", secret: BearerSecret(Array("s".utf8)))
        policy.logout = PlainEndpoint(path: "/logout")
        let key = Key()
        let authenticator = Authenticator(
            policy: AuthenticationPolicy(validation: ValidationRules(), routes: []), keys: KeySet(verifiers: [key], signer: key),
            hasher: Hasher(), mintCache: SharedMintCache())
        guard let endpoints = SessionEndpoints(policy: policy, codec: RefreshTokenCodec(key: Code()), authenticator: authenticator)
        else { fatalError("the key signs") }
        self.endpoints = endpoints
    }

    /// - Returns: status, lines and content.
    func call(_ head: [UInt8], _ path: String, _ content: [UInt8]) throws(Violation) -> [[UInt8]] {
        var requestHead = RequestHead()
        guard (try? requestHead.parse(head.span)) == true else { throw Violation("the target's own head does not parse") }
        let pathBytes = Array(path.utf8)
        guard let match = endpoints.match(pathBytes.span) else { throw Violation("\(path) is no endpoint") }
        var call = endpoints.begin(match, &requestHead, path: pathBytes.span, bytes: head.span, address: "", now: now, instant: 0)
        var questions = 0
        while true {
            switch call.next {
            case .receive:
                if content.count > SessionEndpoints.contentBytesMax {
                    call.contentTooLarge(now: now)
                } else {
                    call.contentEnded(content.span, now: now, instant: 0)
                }
            case .ask(let request):
                questions += 1
                try promise("the store is asked too often", questions <= 2)
                call.storeAnswered(try reply(request.operation), now: now)
            case .answer(let answer):
                try promise("an odd status", [200, 204, 400, 401, 413, 415].contains(answer.status))
                let lines = String(copying: answer.lines.span)
                try promise("it may be stored", lines.contains("Cache-Control: no-store\r\n"))
                if !answer.content.isEmpty {
                    try promise("no JSON", (try? JSONObject(parsing: answer.content)) != nil)
                }
                return [[UInt8(truncatingIfNeeded: answer.status)], answer.lines, answer.content]
            case .preflight: throw Violation("no preflight was sent")
            }
        }
    }

    private func reply(_ operation: StoreRequest.Operation) throws(Violation) -> Result<StoreReply, StoreError> {
        switch operation {
        case .refresh(let id, _, _), .find(let id):
            try promise("a session of nobody", id == SessionID(high: 1, low: 2))
            return .success(.unknown)
        // By access tokens, too: every signature is valid here.
        case .end: return .success(.ended(nil))
        case .revoke: return .success(.revoked)
        case .create, .list, .endAll, .sweep: throw Violation("nobody asked for this")
        }
    }

    func login(claims: [UInt8], content: [UInt8]) throws(Violation) {
        let request = Array("POST /login HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        var requestHead = RequestHead()
        guard (try? requestHead.parse(request.span)) == true else { throw Violation("the target's own head does not parse") }
        let login = endpoints.prepareLogin(0, &requestHead, bytes: request.span, origin: .absent, address: "")
        let lines = "\r\nContent-Type: application/json\r\nContent-Length: \(content.count)\r\n\r\n"
        let bytes = Array("HTTP/1.1 200 OK\r\nX-Session-Claims: ".utf8) + claims + Array(lines.utf8)
        var head = ResponseHead()
        // Not every claims text is one that a field can carry.
        guard (try? head.parse(bytes.span, answering: .post)) == true else { return }
        var capture = endpoints.captureLogin(login, &head, bytes: bytes.span, now: now)
        while true {
            switch capture.next {
            case .receive:
                if content.count > capture.contentBytesMax { capture.contentTooLarge() } else { capture.contentEnded(content, now: now) }
            case .ask: capture.storeAnswered(.success(.created(ended: [])), now: now)
            case .pass(let outcome): return try promise("it passes without a reason", outcome?.reason != nil)
            case .grant(let grant): return try check(grant, content)
            case .answer: throw Violation("the store has failed nobody")
            }
        }
    }

    private func check(_ grant: LoginGrant, _ content: [UInt8]) throws(Violation) {
        guard let new = grant.content else { throw Violation("the content stays as it is") }
        let limits = TokenLimits(nestingMax: 40, membersMax: 600)
        guard let merged = try? JSONObject(parsing: new, limits: limits) else { throw Violation("what was merged is no JSON") }
        guard let data = merged.member(named: "data") else { throw Violation("no envelope") }
        if data.kind == .object { try promise("no token", String(copying: new.span).contains("\"access_token\":\"") || hasEscapes(content)) }
        guard !content.isEmpty else { return }
        guard let old = try? JSONObject(parsing: content, limits: limits) else { throw Violation("captured what is no JSON") }
        try promise("members are lost", merged.members.count >= old.members.count)
        for (before, after) in zip(old.members, merged.members) {
            let name = old.name(of: before)
            try promise("members are moved or renamed", name == merged.name(of: after))
            if name == "data" { continue }
            let isEqual = old.withValue(of: before) { Array(copying: $0) } == merged.withValue(of: after) { Array(copying: $0) }
            try promise("\(name) changed", isEqual)
        }
    }

    /// Names with escapes stay as they were written.
    private func hasEscapes(_ content: [UInt8]) -> Bool { content.contains(UInt8(ascii: "\\")) || content.contains(0x20) }
}

private final class Key: SignatureVerifier, TokenSigner {
    let algorithm = Algorithm.HS256
    let keyID: String? = nil

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool { true }
    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? { [1, 2, 3] }
    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { InlineArray(repeating: 7) }
}

private final class Hasher: TokenHasher {
    func sha256(_ bytes: Span<UInt8>) -> InlineArray<32, UInt8> { spread(bytes) }
}

private final class Code: RefreshTokenKey {
    func code(_ message: Span<UInt8>) -> InlineArray<32, UInt8> { spread(message) }
}

/// Tells most inputs apart.
private func spread(_ bytes: Span<UInt8>) -> InlineArray<32, UInt8> {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<bytes.count { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
    return InlineArray<32, UInt8> { index in UInt8(truncatingIfNeeded: (hash &* UInt64(2 * index + 1)) >> 40) }
}
