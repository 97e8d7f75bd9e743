import Testing

/// Goal: a line of the access log names the token that it is about, whatever became of the request.
@Suite("Tokens that are not admitted, in the access log")
struct RefusedTokenTests {
    @Test func `it is named as where it is admitted`() throws {
        let gateway = try Gateway(
            Gateway.accessLog() + "routes: [ { path: / }, { path: /admin, require: { role: admin } } ]\n", upstream: try Origin.ok())
        let token = "Authorization: Bearer \(Token.fresh)"
        #expect(try gateway.get("/", token).status == 200)
        #expect(try gateway.get("/admin", token).status == 403)
        #expect(try gateway.get("/", "Authorization: Bearer \(Token.with(left: 300, secret: [1, 2, 3]))").status == 401)
        let lines = try gateway.accessLines(3)
        let admitted = try #require(lines[0]["token"])
        #expect(lines[1]["token"] == admitted && lines[1]["reason"] == "insufficient_scope" && lines[1]["sub"] == nil)
        let forged = try #require(lines[2]["token"])
        #expect(forged != admitted && lines[2]["reason"] == "bad_signature" && lines[2]["sub"] == nil)
    }

    @Test func `in shadow mode it is named too`() throws {
        let gateway = try Gateway(
            Gateway.accessLog() + "routes: [ { path: / }, { path: /admin, mode: shadow, require: { role: admin } } ]\n",
            upstream: try Origin.ok())
        let token = "Authorization: Bearer \(Token.fresh)"
        for path in ["/", "/admin"] { #expect(try gateway.get(path, token).status == 200) }
        let lines = try gateway.accessLines(2)
        #expect(lines[1]["decision"] == "would_refuse" && lines[1]["reason"] == "insufficient_scope")
        let admitted = try #require(lines[0]["token"])
        #expect(lines[1]["token"] == admitted)
    }

    @Test func `an endpoint's is named with its session`() throws {
        let sessions = try SessionGateway(root: "routes: [ { path: / } ]")
        let pair = try sessions.logIn()
        try sessions.gateway.rewrite(
            SessionGateway.file(.oauth2).replacing("logs: { decisions: all }", with: "logs: { access: { format: json, to: $FOLDER/access.log } }"))
        sessions.gateway.process.signal(1)
        try sessions.gateway.process.waitForLine(containing: "configuration reloaded")
        try eventually {
            _ = try sessions.get(pair.access)
            return !sessions.gateway.accessText().isEmpty
        }
        #expect(try sessions.gateway.exchange(sessions.post("/auth/logout", "", type: nil, ["Authorization: Bearer \(pair.access)"])).status == 204)
        try eventually { sessions.gateway.accessText().contains { $0.contains("\"logged_out\"") } }
        let lines = try sessions.gateway.accessText().map { try AccessLine($0) }
        let line = try #require(lines.first { $0["reason"] == "logged_out" })
        #expect(line["sid"] == pair.session && line["decision"] == "answered")
        #expect(line["token"] == lines[0]["token"])
    }
}
