import Foundation
import Testing

/// Where a request may carry its token (semantics 1.14), and that it carries one only.
@Suite("A token is taken from where the file says")
struct TokenSourceTests {
    private func refusal(_ fields: String, settings: String = "") throws -> Message {
        try RefusalTests.refusal(fields, settings: settings)
    }

    @Test(arguments: [
        "Authorization: Bearer T\r\nAuthorization: Bearer T\r\n", "Authorization: Bearer T\r\nCookie: token=T\r\n",
        "Cookie: token=T\r\nCookie: token=T\r\n",
        "Cookie: token=T; token=T\r\n",
    ])
    func `two tokens are a 400 invalid_request`(_ fields: String) throws {
        let answer = try refusal(
            fields.replacingOccurrences(
                of: "T", with: Token.fresh), settings: "tokens: { from: [ authorization, { cookie: token } ] }")
        expectProblem(answer, status: 400)
        #expect(answer["WWW-Authenticate"]?.contains(#"error="invalid_request""#) == true)
    }

    @Test func `two Authorization fields are a 400 wherever tokens are read from`() throws {
        let token = Token.fresh
        let answer = try refusal("Authorization: Bearer \(token)\r\nAuthorization: Basic eDp5\r\n")
        expectProblem(answer, status: 400)
    }

    @Test(arguments: ["Bearer", "Bearer ", "Bearer\u{20}\u{20}", "Bearer a b", "Bearer a,b", "Bearera.b.c", "Bearer \"a.b.c\""])
    func `a Bearer field that is no credentials is refused`(_ value: String) throws {
        let answer = try refusal("Authorization: \(value)\r\n")
        #expect(answer.status == 400 || answer.status == 401, "\(answer.startLine)")
        expectProblem(answer, status: answer.status)
    }

    @Test(arguments: ["Bearer", "bearer", "BEARER"])
    func `the scheme has no case`(_ scheme: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        #expect(try gateway.get("/", "Authorization: \(scheme) \(Token.fresh)").status == 200)
    }

    @Test func `a token in the query is none`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        expectProblem(try gateway.get("/?access_token=\(Token.fresh)"), status: 401, code: "token_missing")
        #expect(origin.received.isEmpty)
    }

    @Test func `a token is taken from a cookie or a named header where configured, and only there`() throws {
        let origin = try Origin.ok()
        let token = Token.fresh
        let cookie = try Gateway("tokens: { from: [ { cookie: session } ] }", upstream: origin)
        #expect(try cookie.get("/", "Cookie: a=b; session=\(token); c=d").status == 200)
        #expect(try cookie.get("/", "Cookie: a=b", "Cookie: session=\(token)").status == 200)
        #expect(try cookie.get("/", "Cookie: xsession=\(token)").status == 401)
        expectProblem(try cookie.get("/", "Cookie: Session=\(token)"), status: 401, code: "token_missing")
        expectProblem(try cookie.get("/", "Authorization: Bearer \(token)"), status: 401, code: "token_missing")
        let header = try Gateway("tokens: { from: [ { header: X-Token } ] }", upstream: origin)
        #expect(try header.get("/", "x-token: \(token)").status == 200)
        expectProblem(try header.get("/", "Cookie: session=\(token)"), status: 401, code: "token_missing")
    }

    @Test func `a token is taken from Sec-WebSocket-Protocol where configured`() throws {
        let origin = try UpgradeTests.echo()
        let gateway = try Gateway("tokens: { from: [ websocket_protocol ] }", upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "Sec-WebSocket-Protocol: chat, bearer, \(Token.fresh)\r\n\r\n")
        #expect(try client.receiveAny().status == 101)
    }
}
