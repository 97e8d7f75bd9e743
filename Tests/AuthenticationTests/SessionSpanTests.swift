import JOSE
import Testing

@testable import Authentication

/// Semantics §7: a tunnel ends at `min(exp, cap)` and is extended when another request slides the same `sid`.
@Suite("How long a session reaches")
struct SessionSpanTests {
    private func span(_ token: String, _ gateway: Gateway, now: Int64 = Gateway.due) throws -> SessionSpan {
        let admission = try #require(gateway.request(["Authorization: Bearer \(token)"], now: now).admission)
        return try #require(gateway.authenticator.sessionSpan(of: admission))
    }

    @Test func `A token, its successor and that one's successor belong to one session; another token does not`() throws {
        let gateway = Gateway()
        let first = try span(Gateway.token, gateway)
        let successor = try #require(try gateway.exchange(now: Gateway.due).successor)
        let second = try span(successor, gateway)
        let next = try #require(try gateway.exchange(token: successor, now: second.end.seconds - 10).successor)
        #expect(first.session != nil)
        #expect(second.session == first.session)
        #expect(try span(next, gateway, now: second.end.seconds - 10).session == first.session)
        #expect(second.end > first.end)
        let other = try span(Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"t-2"}"#), gateway)
        #expect(other.session != first.session)
    }

    @Test func `The same sid is the same session, whatever else the tokens say`() throws {
        let gateway = Gateway()
        let one = try span(Toy.token(#"{"iat":1000,"exp":4600,"sid":"s"}"#), gateway)
        let two = try span(Toy.token(#"{"iat":2000,"exp":9600,"jti":"x","sid":"s"}"#), gateway)
        #expect(one.session != nil)
        #expect(one.session == two.session)
    }

    @Test func `The span tells the session's end, which is nil without a cap`() throws {
        #expect(try span(Gateway.token, Gateway()).sessionEnd?.seconds == 1_000 + 43_200)
        let uncapped = Gateway(Gateway.policy(sliding: RenewalPolicy(bufferWindow: .seconds(600), capSeconds: nil)))
        #expect(try span(Gateway.token, uncapped).sessionEnd == nil)
    }

    @Test func `A session reaches to the end of the successor that is handed out, or else of the token shown`() throws {
        let gateway = Gateway()
        let admission = try #require(
            gateway.request(["Authorization: Bearer \(Gateway.token)"], now: Gateway.due).admission)
        let attached = gateway.respond(to: admission, now: Gateway.due).outcome
        guard case .attached(let renewal, _) = attached else {
            Issue.record("no successor")
            return
        }
        #expect(gateway.authenticator.latestEnd(of: admission, attached)?.seconds == renewal.expiration)
        #expect(gateway.authenticator.latestEnd(of: admission, .skipped(.interimResponse))?.seconds == 4_600)
    }

    @Test func `Without a token there is no session`() throws {
        let gateway = Gateway(Gateway.policy(routes: [RoutePolicy(pathPrefix: "/", authentication: .optional)]))
        let admission = try #require(gateway.request([]).admission)
        #expect(gateway.authenticator.sessionSpan(of: admission) == nil)
        #expect(gateway.authenticator.latestEnd(of: admission, .skipped(.noToken)) == nil)
    }
}
