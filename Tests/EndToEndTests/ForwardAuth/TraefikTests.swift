import Foundation
import Testing

/// Traefik itself is not to be had here: what it asks is played by hand, as its ForwardAuth does it (version 3: a GET with the client's
/// end-to-end fields, and X-Forwarded-* of its own in the place of the client's).
@Suite("Beside Traefik", .timeLimit(.minutes(2)))
struct TraefikTests {
    private let gateway: Gateway
    private let api: Origin

    init() throws {
        api = try Origin.ok()
        gateway = try Gateway(PeerFront.gatewayFile(proxy: "traefik", .cookie), upstream: api, files: PeerFront.files)
    }

    private func ask(_ method: String, _ uri: String, _ fields: String...) throws -> Message {
        let own = [
            "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: api.example", "X-Forwarded-Method: \(method)", "X-Forwarded-Port: 8000",
            "X-Forwarded-Proto: http", "X-Forwarded-Server: edge", "X-Forwarded-Uri: \(uri)", "X-Real-Ip: 192.0.2.7",
            "User-Agent: curl/8", "Accept-Encoding: gzip",
        ]
        let lines = (fields + own).map { $0 + "\r\n" }.joined()
        return try gateway.exchange("GET /decide HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\(lines)\r\n")
    }

    @Test func `the decision brings identity and cookie`() throws {
        let answer = try ask("POST", "/things?x=1", "Cookie: __Host-token=\(Token.ending)", "Sec-Fetch-Site: same-origin", "X-User-Id: evil")
        #expect(answer.status == 200 && answer.body.isEmpty)
        #expect(answer.values(of: "X-User-Id") == ["user-1"] && !answer.has("X-User-Role"))
        #expect(Token(verifying: answer.cookie("__Host-token") ?? "") != nil)
        #expect(api.requests.isEmpty)
    }

    @Test func `a refusal is the gateway's, whole`() throws {
        expectProblem(try ask("GET", "/things"), status: 401, code: "token_missing")
        expectProblem(try ask("GET", "/admin", "Cookie: __Host-token=\(Token.fresh)"), status: 403, code: "insufficient_scope")
        expectProblem(
            try ask("POST", "/things", "Cookie: __Host-token=\(Token.fresh)", "Sec-Fetch-Site: cross-site"), status: 403, code: "cross_site")
        try gateway.process.waitForLine(containing: "peer=192.0.2.7")
    }

    @Test func `what is asked about is what Traefik says, once and in plain words`() throws {
        #expect(try ask("GET", "/by-method").status == 200)
        #expect(try ask("DELETE", "/by-method").status == 401)
        for uri in ["//admin", "/public/../admin", "/public/%2e%2e/admin"] {
            #expect((400...403).contains(try ask("GET", uri, "Cookie: __Host-token=\(Token.fresh)").status), "\(uri)")
        }
        expectProblem(
            try ask("GET", "/public", "X-Forwarded-Uri: /admin"), status: 400, code: "decision_request_malformed")
    }

    /// By what its documentation says of the options of `http.middlewares.NAME.forwardAuth` and `.headers`.
    @Test func `the shipped configuration says what it must`() throws {
        let file = try Peer.shipped("traefik.yaml")
        for line in [
            "address: http://127.0.0.1:8080/decide", "trustForwardHeader: false", "addAuthCookiesToResponse: [ __Host-token ]",
            "middlewares: [ uncached, slidegate, private ]", "Cache-Control: private, no-store",
        ] {
            #expect(file.contains(line), "\(line)")
        }
        // All that could be meant by the names of `forward.claims`, and nothing else.
        let quoted = try #require(file.split(separator: "authResponseHeadersRegex: \"").last?.split(separator: "\"").first)
        let names = try Regex(String(quoted))
        for name in ["X-User-Id", "x-user-role", "X_User_Id", "X-User_role"] { #expect(name.wholeMatch(of: names) != nil, "\(name)") }
        for name in ["X-User", "X-User-Id2", "AX-User-Id", "Authorization"] { #expect(name.wholeMatch(of: names) == nil, "\(name)") }
    }
}
