import JOSE
import Testing

@testable import Authentication

@Suite("Where a request carries its token (RFC 6750 §2)")
struct TokenExtractionTests {
    private let token = Gateway.token
    private let other = Toy.token(#"{"sub":"bob","iat":1000,"exp":4600}"#)

    /// `ok`, or the code of the refusal.
    private func outcome(
        _ lines: [String], sources: [TokenSourcePolicy.Source] = [.authorization],
        authentication: RoutePolicy.Authentication = .required
    ) -> String {
        let routes = [RoutePolicy(pathPrefix: "/", authentication: authentication)]
        let request = Gateway(Gateway.policy(sources: sources, routes: routes)).request(lines)
        if let refusal = request.refusal { return "\(refusal.status) \(refusal.code)" }
        return request.admission?.token == nil ? "anonymous" : "token"
    }

    @Test(arguments: ["Bearer ", "bearer ", "BEARER ", "bEaReR    "])
    func `The scheme is read in any case, with spaces behind it`(_ scheme: String) {
        #expect(outcome(["Authorization: \(scheme)\(token)"]) == "token")
    }

    @Test(arguments: ["Basic YTpi", "Bearer2 x", "Bearer-x y", "Digest username=\"x\"", "Negotiate", ""])
    func `Other schemes carry no token`(_ value: String) {
        #expect(outcome(["Authorization: \(value)"]) == "401 token_missing")
        #expect(outcome(["Authorization: \(value)"], authentication: .optional) == "anonymous")
    }

    @Test(arguments: ["Bearer", "Bearer \t", "Bearer=x", "Bearer,x", "Bearer\tx", "Bearer x y", "Bearer \"x\"", "Bearer a.b.c="])
    func `A bearer credential that is not well formed is refused, also where none is asked for`(_ value: String) {
        #expect(outcome(["Authorization: \(value)"]) == "401 token_malformed")
        #expect(outcome(["Authorization: \(value)"], authentication: .optional) == "401 token_malformed")
    }

    @Test func `Two Authorization lines are refused, whatever they say and wherever`() {
        let lines = ["Authorization: Bearer \(token)", "Authorization: Bearer \(token)"]
        #expect(outcome(lines) == "400 invalid_request")
        #expect(outcome(lines, authentication: .none) == "400 invalid_request")
        #expect(outcome(["Authorization: Basic YTpi", "authorization: Bearer \(token)"]) == "400 invalid_request")
        #expect(outcome(lines, sources: [.cookie(name: "t")]) == "400 invalid_request")
    }

    @Test func `Two tokens in one field are refused`() {
        #expect(outcome(["Authorization: Bearer \(token), Bearer \(other)"]) == "400 invalid_request")
        #expect(outcome(["Authorization: Bearer \(token),\(other)"]) == "400 invalid_request")
    }

    @Test(arguments: ["t=TOKEN", "a=b; t=TOKEN", "t=TOKEN; a=b", "a=b;t=TOKEN;c=d", "xt=1; t=TOKEN; tx=2", "t=; t=TOKEN"])
    func `A cookie is found by its name`(_ cookies: String) {
        let value = cookies.replacing("TOKEN", with: token)
        #expect(outcome(["Cookie: \(value)"], sources: [.cookie(name: "t")]) == "token")
    }

    @Test(arguments: ["", "a=b", "T=TOKEN", "xt=TOKEN", "t", "t=", "a=t=TOKEN", "tt=TOKEN"])
    func `A cookie of another name, or a cleared one, is no token`(_ cookies: String) {
        let value = cookies.replacing("TOKEN", with: token)
        #expect(outcome(["Cookie: \(value)"], sources: [.cookie(name: "t")]) == "401 token_missing")
    }

    @Test func `The cookie twice is two tokens`() {
        let sources = [TokenSourcePolicy.Source.cookie(name: "t")]
        #expect(outcome(["Cookie: t=\(token); t=\(token)"], sources: sources) == "400 invalid_request")
        #expect(outcome(["Cookie: t=\(token); t =\(other)"], sources: sources) == "400 invalid_request")
        #expect(outcome(["Cookie: t=\(token)", "Cookie: t=\(token)"], sources: sources) == "400 invalid_request")
        #expect(outcome(["Cookie: a=b", "Cookie: t=\(token)"], sources: sources) == "token")
    }

    @Test func `A quoted cookie is not taken apart`() {
        #expect(outcome(["Cookie: t=\"\(token)\""], sources: [.cookie(name: "t")]) == "401 token_malformed")
    }

    @Test func `A named header carries the bare token`() {
        let sources = [TokenSourcePolicy.Source.header(name: "X-Auth-Token")]
        #expect(outcome(["X-Auth-Token: \(token)"], sources: sources) == "token")
        #expect(outcome(["x-auth-token: \(token)"], sources: sources) == "token")
        #expect(outcome(["X-Auth-Token:"], sources: sources) == "401 token_missing")
        #expect(outcome(["X_Auth_Token: \(token)"], sources: sources) == "401 token_missing")
        #expect(outcome(["X-Auth-Token: Bearer \(token)"], sources: sources) == "401 token_malformed")
        #expect(outcome(["X-Auth-Token: \(token)", "X-Auth-Token: \(token)"], sources: sources) == "400 invalid_request")
    }

    private let upgrade = ["Connection: upgrade", "Upgrade: websocket"]

    @Test(arguments: ["bearer, TOKEN", "chat, bearer,TOKEN", "Bearer , TOKEN, chat"])
    func `A WebSocket client offers the token behind "bearer"`(_ offer: String) {
        let lines = upgrade + ["Sec-WebSocket-Protocol: \(offer.replacing("TOKEN", with: token))"]
        #expect(outcome(lines, sources: [.webSocketProtocol]) == "token")
        #expect(outcome(Array(lines.dropFirst(2)), sources: [.webSocketProtocol]) == "401 token_missing")
    }

    @Test(arguments: [
        ("chat", "401 token_missing"), ("TOKEN", "401 token_missing"), ("TOKEN, bearer", "401 token_malformed"),
        ("bearer", "401 token_malformed"), ("bearer, ,x", "401 token_malformed"),
        ("bearer, TOKEN, bearer, TOKEN", "400 invalid_request"),
    ])
    func `Other offers of subprotocols carry no token, half a one, or two`(_ offer: String, _ expected: String) {
        let lines = upgrade + ["Sec-WebSocket-Protocol: \(offer.replacing("TOKEN", with: token))"]
        #expect(outcome(lines, sources: [.webSocketProtocol]) == expected)
    }

    @Test func `Tokens in two places are refused, even the same one`() {
        let sources: [TokenSourcePolicy.Source] = [.authorization, .cookie(name: "t"), .header(name: "X-T"), .webSocketProtocol]
        let lines = [
            "Authorization: Bearer \(token)", "Cookie: t=\(token)", "X-T: \(token)", "Sec-WebSocket-Protocol: bearer, \(token)",
        ]
        for first in lines {
            #expect(outcome(upgrade + [first], sources: sources) == "token")
            for second in lines where second != first {
                #expect(outcome(upgrade + [first, second], sources: sources) == "400 invalid_request")
                #expect(outcome(upgrade + [first, second], sources: sources, authentication: .optional) == "400 invalid_request")
            }
        }
        // A malformed one does not hide behind a good one.
        #expect(outcome(["Authorization: Bearer", "Cookie: t=\(token)"], sources: sources) == "400 invalid_request")
    }

    @Test func `A place that is not configured is not looked at`() {
        #expect(outcome(["Authorization: Bearer \(token)", "Cookie: t=\(token)"]) == "token")
        #expect(outcome(["Cookie: t=\(token)"]) == "401 token_missing")
    }
}
