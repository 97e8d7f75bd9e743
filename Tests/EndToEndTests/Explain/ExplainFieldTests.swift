import Testing

/// Goal: whoever operates the gateway, and nobody else, reads in an answer why it was decided so. Method: clients inside and outside of
/// the networks ask, on answers of every kind.
@Suite("The field that explains an answer")
struct ExplainFieldTests {
    private static let here = "explain: { networks: [ 127.0.0.0/8 ] }\n"
    private static let asks = "X-Slidegate-Explain: 1"

    private static func bearer(_ token: String) -> String { "Authorization: Bearer \(token)" }

    /// The members of the dictionary.
    private static func explanation(_ message: Message, _ name: String = "X-Slidegate-Explain") throws -> [String: String] {
        #expect(message.values(of: name).count == 1)
        var members: [String: String] = [:]
        for member in message.members(of: name) {
            let parts = member.split(separator: "=", maxSplits: 1).map(String.init)
            try #require(parts.count == 2)
            #expect(members.updateValue(parts[1], forKey: parts[0]) == nil)
        }
        return members
    }

    @Test func `an admitted request: route, decision, reason, token, window and session`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            Self.here + "keys: [ { id: k1, algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: sign } ]\nroutes: [ { path: /, name: api } ]",
            upstream: origin)
        let token = Token.with(left: 3000)
        let answer = try gateway.get("/", Self.bearer(token), Self.asks)
        let told = try Self.explanation(answer)
        #expect(told["route"] == "\"api\"" && told["decision"] == "admitted" && told["reason"] == "\"not_due\"" && told["key"] == "\"k1\"")
        #expect(told["token"]?.count == 14)
        let window = try #require(told["window"].flatMap { Int($0) })
        #expect((2390...2400).contains(window))
        let end = try #require(told["session_end"].flatMap { Int($0) })
        #expect((12 * 3600 - 610 ... 12 * 3600 - 600).contains(end))
        let renewed = try Self.explanation(gateway.get("/", Self.bearer(Token.ending), Self.asks))
        #expect(renewed["decision"] == "renewed" && renewed["window"] == "0" && renewed["reason"] == nil)
        #expect(!origin.received.isEmpty)
        #expect(!String(latin1: origin.received).lowercased().contains("x-slidegate-explain"))
    }

    @Test func `a refusal: why, and no token`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.here + "tokens: { audience: api }\nroutes: [ { path: /a, require: { role: admin } } ]", upstream: origin)
        let missing = try gateway.get("/a", Self.asks)
        #expect(missing.status == 401)
        #expect(try Self.explanation(missing) == ["decision": "refused", "reason": "\"token_missing\"", "route": "\"/a\""])
        let token = Token.fresh
        let other = try gateway.get("/a", Self.bearer(token), Self.asks)
        #expect(try Self.explanation(other)["reason"] == "\"wrong_audience\"")
        for part in token.split(separator: ".") { #expect(!other.headText.contains(part)) }
        #expect(try Self.explanation(gateway.get("/elsewhere", Self.asks)) == ["decision": "refused", "reason": "\"no_route\""])
        let guest = Token.with(left: 3000, more: #","aud":"api""#)
        let scope = try Self.explanation(gateway.get("/a", Self.bearer(guest), Self.asks))
        #expect(scope["reason"] == "\"insufficient_scope\"" && scope["token"]?.count == 14)
    }

    @Test func `failures, preflights, files and endpoints`() throws {
        let gateway = try Gateway(
            Self.here + "upstream: 127.0.0.1:1\nroutes: [ { path: /, auth: none } ]\nbrowser: /sg\ncors: { origins: [ \"https://a.example\" ] }",
            upstream: nil)
        #expect(try Self.explanation(gateway.get("/", Self.asks)) == ["decision": "failed", "reason": "\"upstream_unreachable\"", "route": "\"/\""])
        #expect(try Self.explanation(gateway.get("/sg/session.js", Self.asks)) == ["decision": "answered", "reason": "\"file\""])
        let preflight = try gateway.exchange(
            "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n\(Self.asks)\r\n\r\n")
        #expect(try Self.explanation(preflight)["reason"] == "\"preflight\"")
    }

    @Test func `shadow mode tells what it would have done`() throws {
        let gateway = try Gateway(Self.here + "mode: shadow", upstream: Origin.ok())
        let told = try Self.explanation(gateway.get("/", Self.bearer(Token.with(left: -9)), Self.asks))
        #expect(told["decision"] == "would_refuse" && told["reason"] == "\"expired\"" && told["token"]?.count == 14)
        #expect(try Self.explanation(gateway.get("/", Self.bearer(Token.ending), Self.asks))["decision"] == "would_renew")
    }

    @Test func `a tunnel, and nothing but tunnel behind it`() throws {
        let gateway = try Gateway(Self.here + "routes: [ { path: /, name: api } ]", upstream: UpgradeTests.echo())
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\(Self.bearer(Token.ending))\r\n\(Self.asks)\r\n\r\n")
        let answer = try client.receiveAny()
        #expect(answer.status == 101 && answer["Sec-WebSocket-Accept"] != nil)
        let told = try Self.explanation(answer)
        #expect(told["decision"] == "admitted" && told["reason"] == "\"interim_response\"" && told["route"] == "\"api\"")
        try client.send("ping")
        #expect(try client.reader.read(4, by: .after()) == Array("ping".utf8))
    }

    @Test(arguments: Asking.allCases)
    func `decisions for proxies in front`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking, Self.here)
        let admitted = try gateway.exchange(asking.request("GET", "/", [Self.bearer(Token.fresh), Self.asks]))
        #expect(admitted.status == 200)
        #expect(try Self.explanation(admitted)["decision"] == "admitted")
        #expect(try Self.explanation(gateway.exchange(asking.request("GET", "/", [Self.asks])))["decision"] == "refused")
    }

    @Test func `nobody else is told, and the field never goes upstream`() throws {
        let origin = try Origin.ok()
        let elsewhere = try Gateway("explain: { networks: [ 10.0.0.0/8 ] }", upstream: origin)
        let inside = try Gateway(Self.here, upstream: origin)
        let token = Self.bearer(Token.fresh)
        #expect(!(try elsewhere.get("/", token, Self.asks)).has("X-Slidegate-Explain"))
        #expect(!(try elsewhere.get("/", Self.asks)).has("X-Slidegate-Explain"))
        for value in ["0", "true", "11", ""] { #expect(!(try inside.get("/", token, "X-Slidegate-Explain: \(value)")).has("X-Slidegate-Explain")) }
        #expect(!(try inside.get("/", token)).has("X-Slidegate-Explain"))
        #expect(!(try inside.get("/", token, "X_Slidegate_Explain: 1")).has("X-Slidegate-Explain"))
        #expect(origin.requests.count == 7)
        #expect(!String(latin1: origin.received).lowercased().contains("slidegate-explain"))
        #expect(!String(latin1: origin.received).lowercased().contains("slidegate_explain"))
    }

    @Test func `by the client's address, as a trusted proxy tells it`() throws {
        let gateway = try Gateway(
            "explain: { networks: [ 192.0.2.0/24 ], header: X-Why }\ntrusted_proxies: [ 127.0.0.1 ]", upstream: Origin.ok())
        let token = Self.bearer(Token.fresh)
        #expect(try gateway.get("/", token, "X-Why: 1", "X-Forwarded-For: 192.0.2.7").has("X-Why"))
        #expect(!(try gateway.get("/", token, "X-Why: 1", "X-Forwarded-For: 198.51.100.7")).has("X-Why"))
        #expect(!(try gateway.get("/", token, "X-Why: 1")).has("X-Why"))
    }

    @Test func `an API cannot speak in the gateway's name, whoever asks or not`() throws {
        let origin = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nX-Slidegate-Explain: decision=mine\r\nContent-Length: 2\r\n\r\nok" }
        let gateway = try Gateway(Self.here, upstream: origin)
        #expect(try Self.explanation(gateway.get("/", Self.bearer(Token.fresh), Self.asks))["decision"] == "admitted")
        #expect(!(try gateway.get("/", Self.bearer(Token.fresh))).has("X-Slidegate-Explain"))
        let elsewhere = try Gateway("explain: { networks: [ 10.0.0.0/8 ] }", upstream: origin)
        #expect(!(try elsewhere.get("/", Self.bearer(Token.fresh), Self.asks)).has("X-Slidegate-Explain"))
    }

    @Test func `it is one for a connection's each request, and not for the next`() throws {
        let gateway = try Gateway(Self.here, upstream: Origin.ok())
        let client = try gateway.connect()
        for asks in [true, false, true, false] {
            let line = asks ? Self.asks + "\r\n" : ""
            let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(Self.bearer(Token.fresh))\r\n\(line)\r\n")
            #expect(answer.has("X-Slidegate-Explain") == asks)
        }
    }
}
