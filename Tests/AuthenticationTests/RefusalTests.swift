import JOSE
import Testing

@testable import Authentication

@Suite("Who gets in, and what the others are told (RFC 6750 §3)")
struct RefusalTests {
    private func refusal(_ lines: [String], path: String = "/", _ routes: [RoutePolicy], method: String = "GET") throws -> (
        Refusal, [String]
    ) {
        let gateway = Gateway(Gateway.policy(routes: routes))
        let refusal = try #require(gateway.request(lines, method: method, path: path).refusal)
        return (refusal, gateway.refusalLines(refusal))
    }

    private let open = [RoutePolicy(pathPrefix: "/")]

    @Test func `Without a token the challenge is bare`() throws {
        let (refusal, lines) = try refusal([], open)
        #expect(refusal.status == 401)
        #expect(refusal.code == "token_missing")
        #expect(refusal.route == 0)
        #expect(lines == [#"WWW-Authenticate: Bearer realm="test""#, "Cache-Control: no-store"])
    }

    @Test func `A bad token is told why`() throws {
        let expired = Toy.token(#"{"iat":1,"exp":1999}"#)
        let (refusal, lines) = try refusal(["Authorization: Bearer \(expired)"], open)
        #expect(refusal.status == 401)
        #expect(refusal.code == "token_expired")
        #expect(refusal.reason == "expired")
        #expect(lines[0].hasPrefix(#"WWW-Authenticate: Bearer realm="test", error="invalid_token", error_description="#))
    }

    @Test(arguments: [
        (#"{"exp":2001}"#, nil), (#"{"exp":2000}"#, "token_expired"), (#"{"exp":4600,"nbf":2001}"#, "token_not_yet_valid"),
        (#"{"exp":4600,"nbf":2000}"#, nil), (#"{"iat":1}"#, "token_malformed"), (#"{"exp":1e3}"#, "token_malformed"),
        (#"{"exp":4600,"iss":"evil"}"#, nil),
    ] as [(String, String?)])
    func `The verifier's word counts`(_ claims: String, _ code: String?) {
        let request = Gateway().request(["Authorization: Bearer \(Toy.token(claims))"], now: 2_000)
        #expect(request.refusal?.code == code)
        #expect((request.admission?.token != nil) == (code == nil))
    }

    @Test func `A token signed by another key is refused`() {
        let forged = Toy.token(#"{"exp":4600}"#, key: ToyKey(secret: 2))
        let refusal = Gateway().request(["Authorization: Bearer \(forged)"]).refusal
        #expect(refusal?.code == "token_invalid")
        #expect(refusal?.reason == "bad_signature")
    }

    @Test func `A token longer than allowed is refused before it is looked at`() {
        var rules = ValidationRules()
        rules.limits.tokenBytesMax = 64
        let refusal = Gateway(Gateway.policy(validation: rules)).request(["Authorization: Bearer \(Gateway.token)"]).refusal
        #expect(refusal?.reason == "too_large")
    }

    @Test func `A bad token is refused where none is needed, and ignored where none is looked at`() {
        let lines = ["Authorization: Bearer x.y.z"]
        let optional = Gateway(Gateway.policy(routes: [RoutePolicy(pathPrefix: "/", authentication: .optional)]))
        #expect(optional.request(lines).refusal?.status == 401)
        let request = optional.request([])
        #expect(request.admission != nil)
        #expect(request.admission?.token == nil)
        let none = Gateway(Gateway.policy(routes: [RoutePolicy(pathPrefix: "/", authentication: .none)]))
        #expect(none.request(lines).admission?.token == nil)
        #expect(none.request(lines).upstream == lines)
    }

    @Test func `A path without route is 404, a method without route 405 with Allow`() throws {
        let routes = [RoutePolicy(pathPrefix: "/a", methods: ["GET", "POST"], authentication: .none)]
        let (missing, missingLines) = try refusal([], path: "/b", routes)
        #expect(missing.status == 404)
        #expect(missing.code == "no_route")
        #expect(missingLines == ["Cache-Control: no-store"])
        let (method, methodLines) = try refusal([], path: "/a", routes, method: "DELETE")
        #expect(method.status == 405)
        #expect(method.code == "method_not_allowed")
        #expect(methodLines == ["Allow: GET, POST", "Cache-Control: no-store"])
    }

    @Test func `A path that belongs to two routes is 400`() throws {
        let routes = [RoutePolicy(pathPrefix: "/", authentication: .none), RoutePolicy(pathPrefix: "/admin")]
        let (refusal, _) = try refusal([], path: "/admin;x/users", routes)
        #expect(refusal.status == 400)
        #expect(refusal.code == "path_ambiguous")
    }

    @Test func `Two tokens are an invalid request`() throws {
        let (refusal, lines) = try refusal(["Authorization: Bearer a", "Authorization: Bearer b"], open)
        #expect(refusal.status == 400)
        #expect(lines[0].contains(#"error="invalid_request""#))
    }

    @Test(arguments: [
        PathError.notAbsolute, .invalidEscape, .nul, .encodedSlash, .aboveRoot, .dotSegmentWithParameter, .overlongEncoding,
    ])
    func `A path without one meaning is 400 with a code of its own`(_ error: PathError) {
        let refusal = Refusal(.path(error))
        #expect(refusal.status == 400)
        #expect(refusal.code == error.code)
        #expect(error.code.hasPrefix("path_"))
    }

    // MARK: Required claims

    private func isAdmitted(_ claims: String, _ requirements: [RoutePolicy.Requirement]) -> Bool {
        let gateway = Gateway(Gateway.policy(routes: [RoutePolicy(pathPrefix: "/", requirements: requirements)]))
        let lines = ["Authorization: Bearer \(Toy.token(claims))"]
        let first = gateway.request(lines).admission != nil
        // The second time the answer comes from memory.
        #expect((gateway.request(lines).admission != nil) == first)
        return first
    }

    @Test(arguments: [
        (#"{"exp":4600,"role":"admin"}"#, true), (#"{"exp":4600,"role":["user","admin"]}"#, true),
        (#"{"exp":4600,"role":"root"}"#, true), (#"{"exp":4600,"role":"Admin"}"#, false), (#"{"exp":4600,"role":"administrator"}"#, false),
        (#"{"exp":4600,"role":["user"]}"#, false), (#"{"exp":4600,"role":[]}"#, false), (#"{"exp":4600,"role":null}"#, false),
        (#"{"exp":4600,"role":{"admin":true}}"#, false), (#"{"exp":4600}"#, false), (#"{"exp":4600,"role":"user admin"}"#, false),
        (#"{"exp":4600,"role":"\u0061dmin"}"#, true), (#"{"exp":4600,"Role":"admin"}"#, false),
    ])
    func `A required claim is one of its values, or contains one`(_ claims: String, _ isAdmitted: Bool) {
        #expect(self.isAdmitted(claims, [.init(claim: "role", values: ["admin", "root"])]) == isAdmitted)
    }

    @Test func `All requirements must hold`() {
        let both = [
            RoutePolicy.Requirement(claim: "role", values: ["admin"]), RoutePolicy.Requirement(claim: "tenant", values: ["7"]),
        ]
        #expect(isAdmitted(#"{"exp":4600,"role":"admin","tenant":7}"#, both))
        #expect(isAdmitted(#"{"exp":4600,"role":"admin","tenant":"7"}"#, both))
        #expect(!isAdmitted(#"{"exp":4600,"role":"admin","tenant":70}"#, both))
        #expect(!isAdmitted(#"{"exp":4600,"tenant":7}"#, both))
    }

    @Test func `Without values a claim need only be there`() {
        let present = [RoutePolicy.Requirement(claim: "email_verified", values: [])]
        #expect(isAdmitted(#"{"exp":4600,"email_verified":false}"#, present))
        #expect(!isAdmitted(#"{"exp":4600,"email_verified":null}"#, present))
        #expect(!isAdmitted(#"{"exp":4600}"#, present))
        #expect(isAdmitted(#"{"exp":4600,"email_verified":true}"#, [.init(claim: "email_verified", values: ["true"])]))
        #expect(!isAdmitted(#"{"exp":4600,"email_verified":false}"#, [.init(claim: "email_verified", values: ["true"])]))
    }

    @Test func `A scope is a list`() {
        let write = [RoutePolicy.Requirement(claim: "scope", values: ["write"])]
        #expect(isAdmitted(#"{"exp":4600,"scope":"read write"}"#, write))
        #expect(!isAdmitted(#"{"exp":4600,"scope":"read writer"}"#, write))
        #expect(isAdmitted(#"{"exp":4600,"scope":["write"]}"#, write))
    }

    @Test func `Insufficient scope is 403 and names the scope`() throws {
        let routes = [RoutePolicy(pathPrefix: "/", requirements: [.init(claim: "scope", values: ["write", "a\"b"])])]
        let (refusal, lines) = try refusal(["Authorization: Bearer \(Gateway.token)"], routes)
        #expect(refusal.status == 403)
        #expect(refusal.code == "insufficient_scope")
        #expect(lines[0].hasPrefix(#"WWW-Authenticate: Bearer realm="test", error="insufficient_scope""#))
        #expect(lines[0].hasSuffix(#", scope="write""#))
    }

    @Test func `Each route has its own requirements, for one and the same token`() {
        let routes = [
            RoutePolicy(pathPrefix: "/"), RoutePolicy(pathPrefix: "/admin", requirements: [.init(claim: "role", values: ["admin"])]),
            RoutePolicy(pathPrefix: "/me", requirements: [.init(claim: "sub", values: ["alice"])]),
        ]
        let gateway = Gateway(Gateway.policy(routes: routes))
        let lines = ["Authorization: Bearer \(Gateway.token)"]
        for _ in 0..<2 {
            #expect(gateway.request(lines).admission?.route == 0)
            #expect(gateway.request(lines, path: "/admin").refusal?.status == 403)
            #expect(gateway.request(lines, path: "/me").admission?.route == 2)
        }
    }

    @Test func `More than sixty-four sets of requirements are kept apart`() {
        let routes = (0..<100).map {
            RoutePolicy(pathPrefix: "/\($0)", requirements: [.init(claim: "n", values: ["\($0)"])])
        }
        let gateway = Gateway(Gateway.policy(routes: routes))
        for number in [0, 35, 63, 64, 99] {
            let lines = ["Authorization: Bearer \(Toy.token(#"{"exp":4600,"n":\#(number)}"#))"]
            for path in 0..<100 {
                #expect((gateway.request(lines, path: "/\(path)").admission != nil) == (path == number))
            }
        }
    }
}
