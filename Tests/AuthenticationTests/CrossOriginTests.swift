import Testing

@testable import Authentication

@Suite("CORS (Fetch standard)")
struct CrossOriginTests {
    private let app = "https://app.test"

    private func gateway(_ change: (inout CORSPolicy) -> Void = { _ in }, routes: [RoutePolicy]? = nil) -> Gateway {
        var cors = CORSPolicy(origins: .listed(["https://other.test", app, "null"]), credentials: true)
        change(&cors)
        return Gateway(Gateway.policy(cors: cors, routes: routes ?? [RoutePolicy(pathPrefix: "/")]))
    }

    private func preflight(_ origin: String, _ lines: [String] = []) -> [String] {
        ["Origin: \(origin)", "Access-Control-Request-Method: PUT"] + lines
    }

    // MARK: Preflights

    @Test func `A preflight passes without a token`() throws {
        let gateway = gateway()
        let request = gateway.request(
            preflight(app, ["Access-Control-Request-Headers: authorization, x-a"]), method: "OPTIONS")
        let answer = try #require(request.preflight)
        #expect(
            gateway.preflightLines(answer) == [
                "Access-Control-Allow-Origin: \(app)", "Access-Control-Allow-Credentials: true",
                "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
                "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE",
                "Access-Control-Allow-Headers: authorization, x-a", "Access-Control-Max-Age: 600",
            ])
    }

    @Test func `Methods, headers and age can be chosen`() throws {
        let gateway = gateway {
            $0.methods = ["GET"]
            $0.headers = ["X-One", "X-Two"]
            $0.maxAgeSeconds = 5
            $0.credentials = false
        }
        let answer = try #require(
            gateway.request(preflight(app, ["Access-Control-Request-Headers: x-evil"]), method: "OPTIONS").preflight)
        let lines = gateway.preflightLines(answer)
        #expect(lines.contains("Access-Control-Allow-Methods: GET"))
        #expect(lines.contains("Access-Control-Allow-Headers: X-One, X-Two"))
        #expect(lines.contains("Access-Control-Max-Age: 5"))
        #expect(!lines.contains { $0.hasPrefix("Access-Control-Allow-Credentials") })
    }

    @Test(arguments: ["a;b", "a: b", "\u{22}a\u{22}", "é"])
    func `What is no list of names is not echoed`(_ value: String) throws {
        let gateway = gateway()
        let request = gateway.request(preflight(app, ["Access-Control-Request-Headers: \(value)"]), method: "OPTIONS")
        let lines = gateway.preflightLines(try #require(request.preflight))
        #expect(!lines.contains { $0.hasPrefix("Access-Control-Allow-Headers") })
    }

    @Test(arguments: [
        "https://evil.test", "http://app.test", "https://app.test:443", "https://app.test.evil.test", "https://APP.test", "null",
        "https://sub.app.test", "https://app.tes", "",
    ])
    func `An origin is one of the list, exactly`(_ origin: String) throws {
        let gateway = gateway()
        let refusal = try #require(gateway.request(preflight(origin), method: "OPTIONS").refusal)
        #expect(refusal.status == 403)
        #expect(refusal.code == "origin_not_allowed")
        #expect(!gateway.refusalLines(refusal).contains { $0.hasPrefix("Access-Control") })
        #expect(gateway.refusalLines(refusal).contains("Vary: Origin"))
    }

    @Test func `Two Origins match nothing`() {
        #expect(gateway().request(preflight(app, ["Origin: \(app)"]), method: "OPTIONS").refusal?.code == "origin_not_allowed")
    }

    @Test func `OPTIONS that is no preflight needs a token like any method`() {
        #expect(gateway().request(["Origin: \(app)"], method: "OPTIONS").refusal?.code == "token_missing")
        #expect(gateway().request(["Access-Control-Request-Method: PUT"], method: "OPTIONS").refusal?.code == "token_missing")
        #expect(gateway().request(preflight(app), method: "GET").refusal?.code == "token_missing")
    }

    @Test func `Without a policy a preflight goes upstream, on the route it asks about, and never slides`() throws {
        let routes = [RoutePolicy(pathPrefix: "/", methods: ["GET"]), RoutePolicy(pathPrefix: "/", methods: ["PUT"])]
        let gateway = Gateway(Gateway.policy(routes: routes))
        let admission = try #require(gateway.request(preflight(app), method: "OPTIONS").admission)
        #expect(admission.route == 1)
        #expect(admission.token == nil)
        #expect(gateway.respond(to: admission, ["Access-Control-Allow-Origin: *"], now: Gateway.due).lines == [
            "Access-Control-Allow-Origin: *"
        ])
        // One that carries a token is no browser's preflight.
        let token = preflight(app, ["Authorization: Bearer x.y.z"])
        #expect(gateway.request(token, method: "OPTIONS").refusal?.code == "token_malformed")
    }

    // MARK: Answers

    @Test func `A listed origin may read the answer and the successor`() throws {
        let response = try gateway().exchange(["Origin: \(app)"], now: Gateway.due)
        #expect(response.values("Access-Control-Allow-Origin") == [app])
        #expect(response.values("Access-Control-Allow-Credentials") == ["true"])
        #expect(response.values("Vary") == ["Origin"])
        #expect(response.values("Access-Control-Expose-Headers") == ["X-Refresh-Token"])
    }

    @Test func `Names are merged with the upstream's, once each`() throws {
        let gateway = gateway { $0.exposed = ["X-Total", "ETag"] }
        let answer = ["Access-Control-Expose-Headers: X-A, etag", "Access-Control-Expose-Headers: X-B"]
        let response = try gateway.exchange(["Origin: \(app)"], answer: answer, now: Gateway.due)
        #expect(response.values("Access-Control-Expose-Headers") == ["X-A, etag, X-B, X-Total, X-Refresh-Token"])
        let early = try gateway.exchange(["Origin: \(app)"], answer: answer, now: Gateway.early)
        #expect(early.values("Access-Control-Expose-Headers") == ["X-A, etag, X-B, X-Total"])
        let named = try gateway.exchange(
            ["Origin: \(app)"], answer: ["Access-Control-Expose-Headers: x-refresh-token"], now: Gateway.due)
        #expect(named.values("Access-Control-Expose-Headers") == ["x-refresh-token, X-Total, ETag"])
    }

    @Test func `The upstream's own permissions give way to the policy`() throws {
        let answer = ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true"]
        let listed = try gateway().exchange(["Origin: \(app)"], answer: answer, now: Gateway.early)
        #expect(listed.values("Access-Control-Allow-Origin") == [app])
        let evil = try gateway().exchange(["Origin: https://evil.test"], answer: answer, now: Gateway.due)
        #expect(evil.values("Access-Control-Allow-Origin") == [])
        #expect(evil.values("Access-Control-Allow-Credentials") == [])
        #expect(evil.values("Access-Control-Expose-Headers") == [])
        #expect(evil.values("Vary") == ["Origin"])
        #expect(evil.successor != nil)
    }

    @Test(arguments: ["Origin", "Accept, ORIGIN", "*"])
    func `An answer that varies with the origin already is left as it is`(_ vary: String) throws {
        let response = try gateway().exchange(answer: ["Vary: \(vary)"], now: Gateway.early)
        #expect(response.lines == ["Vary: \(vary)"])
    }

    @Test func `Answers without Origin vary, too`() throws {
        #expect(try gateway().exchange(answer: ["Vary: Accept"], now: Gateway.early).lines == ["Vary: Accept", "Vary: Origin"])
    }

    @Test func `Any origin is a star, never with credentials`() throws {
        let gateway = gateway { $0.origins = .any }
        let response = try gateway.exchange(["Origin: https://anyone.test"], now: Gateway.due)
        #expect(response.values("Access-Control-Allow-Origin") == ["*"])
        #expect(response.values("Access-Control-Allow-Credentials") == [])
        #expect(response.values("Access-Control-Expose-Headers") == ["X-Refresh-Token"])
        #expect(response.values("Vary") == [])
    }

    @Test func `Without a policy the name is added where the upstream lets the origin read`() throws {
        let gateway = Gateway()
        let allowed = try gateway.exchange(
            ["Origin: \(app)"], answer: ["Access-Control-Allow-Origin: \(app)", "Access-Control-Expose-Headers: X-A"],
            now: Gateway.due)
        #expect(allowed.values("Access-Control-Allow-Origin") == [app])
        #expect(allowed.values("Access-Control-Expose-Headers") == ["X-A, X-Refresh-Token"])
        #expect(try gateway.exchange(["Origin: \(app)"], now: Gateway.due).values("Access-Control-Expose-Headers") == [])
        let sameOrigin = try gateway.exchange(answer: ["Access-Control-Allow-Origin: *"], now: Gateway.due)
        #expect(sameOrigin.values("Access-Control-Expose-Headers") == [])
        let early = ["Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: X-A"]
        #expect(try gateway.exchange(["Origin: \(app)"], answer: early, now: Gateway.early).lines == early)
    }

    @Test func `A cookie is for no script to read, the seconds are`() throws {
        var sliding = RenewalPolicy(bufferWindow: .seconds(600))
        sliding.delivery = .cookie(CookieDelivery())
        let cors = CORSPolicy(origins: .listed([app]))
        let silent = Gateway(Gateway.policy(sliding: sliding, cors: cors))
        #expect(try silent.exchange(["Origin: \(app)"], now: Gateway.due).values("Access-Control-Expose-Headers") == [])
        sliding.tokenExpiryHeader = "X-Token-Expires-In"
        let timed = Gateway(Gateway.policy(sliding: sliding, cors: cors))
        #expect(try timed.exchange(["Origin: \(app)"], now: Gateway.due).values("Access-Control-Expose-Headers") == [
            "X-Token-Expires-In"
        ])
    }

    @Test func `The gateway's own refusals can be read as well`() throws {
        let gateway = gateway()
        let refusal = try #require(gateway.request(["Origin: \(app)"]).refusal)
        let lines = gateway.refusalLines(refusal)
        #expect(lines.contains("Access-Control-Allow-Origin: \(app)"))
        #expect(lines.contains("Access-Control-Allow-Credentials: true"))
        #expect(lines.contains("Vary: Origin"))
        let missing = try #require(Gateway(Gateway.policy()).request(["Origin: \(app)"]).refusal)
        #expect(!Gateway().refusalLines(missing).contains { $0.hasPrefix("Access-Control") || $0.hasPrefix("Vary") })
    }
}
