import JOSE
import Testing

@testable import Authentication

@Suite("Answers that carry a successor")
struct ResponseTests {
    private func gateway(_ change: (inout RenewalPolicy) -> Void = { _ in }, routes: [RoutePolicy]? = nil) -> Gateway {
        var policy = RenewalPolicy(bufferWindow: .seconds(600))
        change(&policy)
        return Gateway(Gateway.policy(sliding: policy, routes: routes ?? [RoutePolicy(pathPrefix: "/")]))
    }

    // MARK: Which answers

    @Test(arguments: [200, 201, 204, 206, 301, 302, 400, 403, 404, 409, 429, 500, 502, 503])
    func `Any final status carries it`(_ status: Int) throws {
        #expect(try gateway().exchange(status: status, now: Gateway.due).successor != nil)
    }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
    func `Any method does`(_ method: String) throws {
        #expect(try gateway().exchange(method: method, now: Gateway.due).successor != nil)
    }

    @Test(arguments: [
        (401, RenewalSkip.exceptedStatus), (304, .notModified), (101, .interimResponse), (100, .interimResponse),
        (103, .interimResponse),
    ])
    func `401, 304, 1xx and 101 do not`(_ status: Int, _ reason: RenewalSkip) throws {
        let answer = ["ETag: \"1\"", "Cache-Control: public"]
        let response = try gateway().exchange(answer: answer, status: status, now: Gateway.due)
        #expect(response.skip == reason)
        #expect(response.lines == answer)
    }

    @Test func `The excepted statuses can be chosen`() throws {
        let gateway = gateway { $0.exceptStatuses = [403, 503] }
        #expect(try gateway.exchange(status: 401, now: Gateway.due).successor != nil)
        #expect(try gateway.exchange(status: 403, now: Gateway.due).skip == .exceptedStatus)
        #expect(try gateway.exchange(status: 503, now: Gateway.due).skip == .exceptedStatus)
    }

    @Test(arguments: ["X-Refresh-Token: theirs", "x-refresh-token: theirs", "X-Refresh-Token:"])
    func `An upstream that sets the field itself is left alone`(_ line: String) throws {
        let response = try gateway().exchange(answer: [line, "ETag: \"1\""], now: Gateway.due)
        #expect(response.skip == .upstreamSetIt)
        #expect(response.lines == [line, "ETag: \"1\""])
    }

    @Test func `What the upstream meant for this hop only does not count`() throws {
        let response = try gateway().exchange(
            answer: ["Connection: x-refresh-token", "X-Refresh-Token: theirs"], now: Gateway.due)
        #expect(response.values("X-Refresh-Token").count == 1)
        #expect(response.successor != "theirs")
    }

    @Test func `Outside the window nothing changes`() throws {
        let answer = ["Cache-Control: public, max-age=60", "ETag: \"1\"", "Vary: Accept"]
        let response = try gateway().exchange(answer: answer, now: Gateway.early)
        #expect(response.skip == .notDue)
        #expect(response.lines == answer)
    }

    @Test func `A route that is no activity does not slide`() throws {
        let routes = [RoutePolicy(pathPrefix: "/"), RoutePolicy(pathPrefix: "/poll", slides: false)]
        let gateway = gateway(routes: routes)
        #expect(try gateway.exchange(path: "/poll", now: Gateway.due).skip == .routeDoesNotSlide)
        #expect(try gateway.exchange(path: "/", now: Gateway.due).successor != nil)
    }

    @Test func `A client may opt a request out`() throws {
        let gateway = gateway { $0.optOutHeader = "X-No-Refresh" }
        #expect(try gateway.exchange(["X-No-Refresh: 1"], now: Gateway.due).skip == .optedOut)
        #expect(try gateway.exchange(["x_no_refresh: 1"], now: Gateway.due).skip == .optedOut)
        #expect(try gateway.exchange(now: Gateway.due).successor != nil)
        #expect(try self.gateway().exchange(["X-No-Refresh: 1"], now: Gateway.due).successor != nil)
    }

    @Test func `Without a sliding policy, or without a token, there is nothing to renew`() throws {
        let off = Gateway(Gateway.policy(sliding: nil))
        #expect(try off.exchange(now: Gateway.due).skip == .slidingOff)
        let optional = gateway(routes: [RoutePolicy(pathPrefix: "/", authentication: .optional)])
        let admission = try #require(optional.request([], now: Gateway.due).admission)
        #expect(optional.respond(to: admission, now: Gateway.due).skip == .noToken)
    }

    @Test func `An answer later than the successor's own end carries none`() throws {
        let gateway = gateway()
        let admission = try #require(gateway.request(["Authorization: Bearer \(Gateway.token)"], now: Gateway.due).admission)
        #expect(gateway.respond(to: admission, now: 7_599).successor != nil)
        #expect(gateway.respond(to: admission, now: 7_600).skip == .answeredTooLate)
    }

    @Test func `The presented token stays good`() throws {
        let gateway = gateway()
        let first = try gateway.exchange(now: Gateway.due).successor
        #expect(try gateway.exchange(now: Gateway.due + 1).successor == first)
        #expect(gateway.request(["Authorization: Bearer \(Gateway.token)"], now: 4_599).admission != nil)
        #expect(gateway.request(["Authorization: Bearer \(Gateway.token)"], now: 4_600).refusal?.code == "token_expired")
    }

    @Test func `Leeway admits an expired token and does not renew it, grace does both`() throws {
        let lenient = Gateway(Gateway.policy(validation: .init(leewaySeconds: 30)))
        #expect(try lenient.exchange(now: 4_629).skip == .expired)
        #expect(lenient.request(["Authorization: Bearer \(Gateway.token)"], now: 4_631).refusal != nil)
        var sliding = RenewalPolicy(bufferWindow: .seconds(600))
        sliding.graceSeconds = 30
        let graceful = Gateway(Gateway.policy(sliding: sliding, validation: .init(graceSeconds: 30)))
        #expect(try graceful.exchange(now: 4_629).successor != nil)
        #expect(graceful.request(["Authorization: Bearer \(Gateway.token)"], now: 4_630).refusal?.code == "token_expired")
    }

    @Test func `The grace admits nobody whose token it does not renew`() throws {
        var sliding = RenewalPolicy(bufferWindow: .seconds(600), capSeconds: 3_600)
        sliding.graceSeconds = 30
        let gateway = Gateway(Gateway.policy(sliding: sliding, validation: .init(leewaySeconds: 5, graceSeconds: 30)))
        let pastTheCap = Toy.token(#"{"iat":3000,"exp":4600,"orig_iat":900}"#)
        #expect(gateway.request(["Authorization: Bearer \(pastTheCap)"], now: 4_604).admission != nil, "within the leeway")
        #expect(gateway.request(["Authorization: Bearer \(pastTheCap)"], now: 4_605).refusal?.code == "token_expired")
        let anchorless = Toy.token(#"{"exp":4600}"#)
        #expect(gateway.request(["Authorization: Bearer \(anchorless)"], now: 4_610).refusal?.code == "token_expired")
    }

    // MARK: Caches

    @Test func `An answer with a token is kept out of caches`() throws {
        let gone = [
            "Cache-Control: public, max-age=60", "Cache-Control: s-maxage=5", "Pragma: x", "Expires: 0", "ETag: \"1\"",
            "Last-Modified: x", "Age: 1", "CDN-Cache-Control: max-age=1", "Surrogate-Control: max-age=1", "X-Accel-Expires: 9",
        ]
        let response = try gateway().exchange(answer: gone + ["Content-Type: text/plain"], now: Gateway.due)
        let successor = try #require(response.successor)
        #expect(
            response.lines == [
                "Content-Type: text/plain", "X-Refresh-Token: \(successor)", "Cache-Control: private, no-store", "Pragma: no-cache",
            ])
    }

    @Test func `What the upstream forbade besides stays forbidden`() throws {
        let response = try gateway().exchange(answer: ["Cache-Control: max-age=1, No-Transform"], now: Gateway.due)
        #expect(response.values("Cache-Control") == ["private, no-store, no-transform"])
    }

    // MARK: Carriers

    @Test func `The header's name can be chosen`() throws {
        let response = try gateway { $0.delivery = .header(name: "X-New-Token") }.exchange(now: Gateway.due)
        #expect(response.successor == nil)
        #expect(response.values("X-New-Token").count == 1)
    }

    @Test func `It can ride in Authorization`() throws {
        let gateway = gateway { $0.delivery = .authorization }
        let response = try gateway.exchange(now: Gateway.due)
        #expect(try #require(response.values("Authorization").first).hasPrefix("Bearer eyJ"))
        #expect(try gateway.exchange(answer: ["Authorization: Bearer x"], now: Gateway.due).skip == .upstreamSetIt)
    }

    @Test func `It can ride in a cookie that lasts as long as the token`() throws {
        let gateway = gateway { $0.delivery = .cookie(CookieDelivery()) }
        let response = try gateway.exchange(answer: ["Set-Cookie: a=b"], now: Gateway.due)
        guard case .attached(_, let successor) = response.outcome else { Issue.record("not attached"); return }
        let token = String(decoding: successor, as: UTF8.self)
        #expect(
            response.values("Set-Cookie") == [
                "a=b", "__Host-token=\(token); Path=/; Max-Age=3500; HttpOnly; Secure; SameSite=Lax",
            ])
        #expect(try gateway.exchange(answer: ["Set-Cookie: a=b", "Set-Cookie: __Host-token=x"], now: Gateway.due).skip == .upstreamSetIt)
        #expect(try gateway.exchange(answer: ["Set-Cookie: __Host-token2=x"], now: Gateway.due).skip == nil)
    }

    @Test func `A cookie for a domain says so`() throws {
        let cookie = CookieDelivery(name: "session", path: "/app", domain: "example.com", sameSite: .strict)
        let response = try gateway { $0.delivery = .cookie(cookie) }.exchange(now: 4_000)
        #expect(try #require(response.values("Set-Cookie").first).hasSuffix(
            "; Path=/app; Domain=example.com; Max-Age=3600; HttpOnly; Secure; SameSite=Strict"))
    }

    @Test(arguments: [
        (CookieDelivery(), nil), (CookieDelivery(name: "t", path: "/a", domain: "b.test"), nil),
        (CookieDelivery(name: "__Host-t", domain: "b.test"), .hostPrefixWithDomain),
        (CookieDelivery(name: "__host-t", path: "/a"), .hostPrefixWithPath), (CookieDelivery(name: "a b"), .name),
        (CookieDelivery(name: ""), .name), (CookieDelivery(name: "t", path: "a"), .path),
        (CookieDelivery(name: "t", path: "/a;b"), .path), (CookieDelivery(name: "t", domain: "a\r\nb"), .domain),
    ] as [(CookieDelivery, CookieDelivery.Fault?)])
    func `Cookies that browsers would drop have a fault`(_ cookie: CookieDelivery, _ fault: CookieDelivery.Fault?) {
        #expect(cookie.fault == fault)
    }

    // MARK: Clients without a clock

    private func timed(_ answers: RenewalPolicy.RelativeHeaders, cap: Int64? = 43_200) -> Gateway {
        gateway {
            $0.tokenExpiryHeader = "X-Token-Expires-In"
            $0.sessionExpiryHeader = "X-Session-Expires-In"
            $0.relativeHeaders = answers
            $0.capSeconds = cap
        }
    }

    @Test func `Relative headers tell the seconds to both ends`() throws {
        let response = try timed(.renewals).exchange(now: Gateway.due)
        #expect(response.values("X-Token-Expires-In") == ["3500"])
        #expect(response.values("X-Session-Expires-In") == ["40100"])
        #expect(try timed(.renewals).exchange(now: Gateway.early).lines == [])
    }

    @Test func `On every answer they tell about the token at hand`() throws {
        let response = try timed(.everyAnswer).exchange(now: Gateway.early)
        #expect(response.lines == ["X-Token-Expires-In: 2600", "X-Session-Expires-In: 42200"])
        #expect(try timed(.everyAnswer).exchange(status: 304, now: Gateway.early).lines == [])
        #expect(try timed(.everyAnswer).exchange(status: 103, now: Gateway.early).lines == [])
        #expect(try timed(.everyAnswer, cap: nil).exchange(now: Gateway.early).lines == ["X-Token-Expires-In: 2600"])
    }

    @Test func `They never tell less than nothing`() throws {
        let gateway = timed(.everyAnswer, cap: 10)
        let admission = try #require(gateway.request(["Authorization: Bearer \(Gateway.token)"], now: 4_599).admission)
        #expect(gateway.respond(to: admission, now: 5_000).lines == ["X-Token-Expires-In: 0", "X-Session-Expires-In: 0"])
    }

    @Test func `A tunnel ends with the token, and no later than the session`() throws {
        let gateway = timed(.renewals)
        let admission = try #require(gateway.request(["Authorization: Bearer \(Gateway.token)"], now: 4_000).admission)
        #expect(gateway.authenticator.tunnelEnd(of: admission)?.seconds == 4_600)
        let short = timed(.renewals, cap: 3_000)
        let capped = try #require(short.request(["Authorization: Bearer \(Gateway.token)"], now: 3_900).admission)
        #expect(short.authenticator.tunnelEnd(of: capped)?.seconds == 4_000)
    }
}
