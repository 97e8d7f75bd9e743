import HTTP1
import Testing

@testable import Authentication

@Suite("Requests that a page of another site may have made (semantics §3.8)")
struct CrossSiteTests {
    private let gateway = Gateway(
        Gateway.policy(
            sources: [.authorization, .cookie(name: "t")],
            cors: CORSPolicy(origins: .listed(["https://app.other.test"]), credentials: true)))

    private func request(_ lines: [String], method: String = "POST", host: String = "api.test") -> Gateway.Request {
        gateway.request(["Cookie: t=\(Gateway.token)"] + lines, method: method, host: host)
    }

    @Test(arguments: [
        "https://evil.test", "null", "https://api.test.evil.test", "https://evil.api.test", "api.test", "ftp://api.test",
        "https://api.test:8443", "https://", "", "https://app.other.test.evil.test",
    ])
    func `An Origin that is neither the gateway's own nor listed is refused`(_ origin: String) {
        let refusal = request(["Origin: \(origin)"]).refusal
        #expect(refusal?.status == 403)
        #expect(refusal?.code == "cross_site")
    }

    @Test(arguments: ["https://api.test", "http://api.test", "https://API.test", "https://api.test:443", "https://app.other.test"])
    func `The gateway's own Origin and a listed one pass`(_ origin: String) {
        #expect(request(["Origin: \(origin)"]).admission != nil)
    }

    @Test func `The port counts, the default one is none`() {
        #expect(request(["Origin: http://api.test:8080"], host: "api.test:8080").admission != nil)
        #expect(request(["Origin: http://api.test"], host: "api.test:80").admission != nil)
        #expect(request(["Origin: http://api.test"], host: "api.test:8080").refusal?.code == "cross_site")
        #expect(request(["Origin: http://api.test:8080"], host: "api.test").refusal?.code == "cross_site")
    }

    @Test(arguments: ["same-origin", "same-site", "none"])
    func `Sec-Fetch-Site of the same site passes`(_ site: String) {
        #expect(request(["Sec-Fetch-Site: \(site)"]).admission != nil)
        #expect(request(["Sec-Fetch-Site: \(site)", "Origin: https://api.test"]).admission != nil)
        #expect(request(["Sec-Fetch-Site: \(site)", "Origin: https://evil.test"]).refusal?.code == "cross_site")
    }

    @Test(arguments: ["cross-site", "", "same-origin, cross-site", "Same-Origin"])
    func `Any other Sec-Fetch-Site is refused`(_ site: String) {
        #expect(request(["Sec-Fetch-Site: \(site)"]).refusal?.code == "cross_site")
        #expect(request(["Sec-Fetch-Site: \(site)", "Origin: https://api.test"]).refusal?.code == "cross_site")
    }

    @Test func `A listed origin may be of another site`() {
        #expect(request(["Origin: https://app.other.test", "Sec-Fetch-Site: cross-site"]).admission != nil)
    }

    @Test func `Repeated fields are refused`() {
        #expect(request(["Origin: https://api.test", "Origin: https://api.test"]).refusal?.code == "cross_site")
        #expect(request(["Sec-Fetch-Site: none", "Sec-Fetch-Site: none"]).refusal?.code == "cross_site")
    }

    @Test func `What is no browser sends neither, and passes`() {
        #expect(request([]).admission != nil)
    }

    @Test(arguments: ["GET", "HEAD", "OPTIONS"])
    func `Safe methods are not concerned`(_ method: String) {
        #expect(request(["Origin: https://evil.test"], method: method).admission != nil)
    }

    @Test(arguments: ["PUT", "PATCH", "DELETE", "PURGE"])
    func `All others are`(_ method: String) {
        #expect(request(["Origin: https://evil.test"], method: method).refusal?.code == "cross_site")
    }

    @Test func `A WebSocket handshake is, though its method is safe`() {
        let upgrade = ["Connection: Upgrade", "Upgrade: websocket"]
        #expect(request(upgrade + ["Origin: https://evil.test"], method: "GET").refusal?.code == "cross_site")
        #expect(request(upgrade + ["Origin: https://api.test"], method: "GET").admission != nil)
    }

    @Test func `Tokens that scripts attach themselves are not concerned`() {
        let request = gateway.request(
            ["Authorization: Bearer \(Gateway.token)", "Origin: https://evil.test", "Sec-Fetch-Site: cross-site"], method: "POST")
        #expect(request.admission != nil)
    }

    @Test func `A star of CORS lists nobody`() {
        let open = Gateway(Gateway.policy(sources: [.cookie(name: "t")], cors: CORSPolicy(origins: .any)))
        let lines = ["Cookie: t=\(Gateway.token)", "Origin: https://evil.test"]
        #expect(open.request(lines, method: "POST").refusal?.code == "cross_site")
    }
}
