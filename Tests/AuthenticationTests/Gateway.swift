import Bytes
import HTTP1
import JOSE
import Testing

@testable import Authentication

/// A worker's share of an exchange without the sockets: text in, what would be written out.
final class Gateway {
    let authenticator: Authenticator
    let key: ToyKey
    private var requestHead = RequestHead()
    private var responseHead = ResponseHead()

    /// Issued at 1000, ends at 4600.
    static let token = Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"t-1"}"#)
    /// Outside and inside the default window of 600 s.
    static let early: Int64 = 2_000
    static let due: Int64 = 4_100

    init(
        _ policy: AuthenticationPolicy = Gateway.policy(), key: ToyKey = ToyKey(),
        mintCache: any MintCache = SharedMintCache()
    ) {
        self.key = key
        authenticator = Authenticator(
            policy: policy, keys: KeySet(verifiers: [key], signer: key), hasher: ToyHasher(), mintCache: mintCache)
    }

    init(_ authenticator: Authenticator, key: ToyKey) {
        self.authenticator = authenticator
        self.key = key
    }

    static func policy(
        sources: [TokenSourcePolicy.Source] = [.authorization],
        sliding: RenewalPolicy? = RenewalPolicy(bufferWindow: .seconds(600)), cors: CORSPolicy? = nil,
        routes: [RoutePolicy] = [RoutePolicy(pathPrefix: "/")], validation: ValidationRules = ValidationRules()
    ) -> AuthenticationPolicy {
        AuthenticationPolicy(
            tokens: TokenSourcePolicy(sources: sources), validation: validation, sliding: sliding, cors: cors, routes: routes,
            realm: "test")
    }

    struct Request {
        var decision: Decision
        /// The lines that go upstream, kept ones first.
        var upstream: [String] = []

        var admission: Admission? { if case .admit(let admission) = decision { admission } else { nil } }
        var refusal: Refusal? { if case .refuse(let refusal) = decision { refusal } else { nil } }
        var preflight: Preflight? { if case .preflight(let preflight) = decision { preflight } else { nil } }
    }

    /// - Parameter lines: field lines, `Host` left out.
    func request(
        _ lines: [String], method: String = "GET", path: String = "/", host: String = "api.test", now: Int64 = Gateway.early,
        instant: Int64 = 0
    ) -> Request {
        let text = "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        guard (try? requestHead.parse(bytes.span)) == true else { fatalError("the test's own request does not parse: \(text)") }
        let decision = authenticator.authenticate(
            &requestHead, path: Array(path.utf8).span, bytes: bytes.span, now: NumericDate(seconds: now), instant: instant)
        var request = Request(decision: decision)
        if let admission = request.admission {
            var buffer = ByteBuffer()
            requestHead.fields.appendKept(from: bytes.span, to: &buffer)
            authenticator.appendRequestFields(admission, to: &buffer)
            request.upstream = Self.lines(buffer)
        }
        return request
    }

    struct Response {
        var outcome: RenewalOutcome
        /// The lines that go downstream, kept ones first.
        var lines: [String]

        /// The values of the lines of that name.
        func values(_ name: String) -> [String] {
            lines.filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map { String($0.dropFirst(name.count + 2)) }
        }

        var successor: String? { values("X-Refresh-Token").first }
        var skip: RenewalSkip? { if case .skipped(let reason) = outcome { reason } else { nil } }
    }

    func respond(
        to admission: Admission, _ lines: [String] = [], status: Int = 200, method: Method = .get, now: Int64, instant: Int64 = 0
    ) -> Response {
        let text = "HTTP/1.1 \(status) X\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        guard (try? responseHead.parse(bytes.span, answering: method)) == true else {
            fatalError("the test's own response does not parse: \(text)")
        }
        let now = NumericDate(seconds: now)
        let outcome = authenticator.prepareResponse(
            admission, &responseHead, bytes: bytes.span, now: now, instant: instant)
        var buffer = ByteBuffer()
        responseHead.fields.appendKept(from: bytes.span, to: &buffer)
        authenticator.appendResponseFields(admission, outcome, responseHead, bytes: bytes.span, now: now, to: &buffer)
        return Response(outcome: outcome, lines: Self.lines(buffer))
    }

    /// A request with `token` in `Authorization` and its answer, in the same second.
    func exchange(
        token: String = Gateway.token, _ requestLines: [String] = [], answer: [String] = [], status: Int = 200,
        method: String = "GET", path: String = "/", now: Int64
    ) throws -> Response {
        let request = request(["Authorization: Bearer \(token)"] + requestLines, method: method, path: path, now: now)
        let admission = try #require(request.admission)
        return respond(
            to: admission, answer, status: status, method: Method(Array(method.utf8).span), now: now)
    }

    func refusalLines(_ refusal: Refusal) -> [String] {
        var buffer = ByteBuffer()
        authenticator.appendRefusalFields(refusal, to: &buffer)
        return Self.lines(buffer)
    }

    func preflightLines(_ preflight: Preflight) -> [String] {
        var buffer = ByteBuffer()
        authenticator.appendPreflightFields(preflight, to: &buffer)
        return Self.lines(buffer)
    }

    /// Every line must end with CRLF, and hold no other control character.
    static func lines(_ buffer: borrowing ByteBuffer) -> [String] {
        let bytes = buffer.bytes()
        let text = String(copying: bytes.span)
        if text.isEmpty { return [] }
        #expect(text.hasSuffix("\r\n"))
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: true).map(String.init)
        for line in lines { #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }) }
        return lines
    }
}
