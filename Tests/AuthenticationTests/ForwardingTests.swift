import Testing

@testable import Authentication

@Suite("What goes upstream")
struct ForwardingTests {
    private let authorization = "Authorization: Bearer \(Gateway.token)"

    private func gateway(
        _ route: RoutePolicy, sources: [TokenSourcePolicy.Source] = [.authorization],
        sliding: RenewalPolicy? = RenewalPolicy(bufferWindow: .seconds(600))
    ) -> Gateway {
        Gateway(Gateway.policy(sources: sources, sliding: sliding, routes: [route]))
    }

    // MARK: Identity

    private let identity = RoutePolicy(
        pathPrefix: "/",
        claimHeaders: [
            .init(header: "X-User-Id", claim: "sub"), .init(header: "X-Roles", claim: "roles"), .init(header: "X-Level", claim: "level"),
        ])

    private func identityLines(_ claims: String) -> [String] {
        let gateway = gateway(identity)
        let request = { gateway.request(["Authorization: Bearer \(Toy.token(claims))"]).upstream.filter { !$0.hasPrefix("Auth") } }
        let lines = request()
        #expect(request() == lines)  // from memory, the second time
        return lines
    }

    @Test(arguments: [
        (#"{"exp":4600,"sub":"alice"}"#, ["X-User-Id: alice"]),
        (#"{"exp":4600,"sub":"alice","roles":["a","b"],"level":7}"#, ["X-User-Id: alice", "X-Roles: a,b", "X-Level: 7"]),
        (#"{"exp":4600,"level":true}"#, ["X-Level: true"]), (#"{"exp":4600,"level":1.50e1}"#, ["X-Level: 1.50e1"]),
        (#"{"exp":4600,"sub":"Jörg Ü"}"#, ["X-User-Id: J%C3%B6rg %C3%9C"]),
        (#"{"exp":4600,"sub":"a\r\nX-Admin: 1"}"#, ["X-User-Id: a%0D%0AX-Admin: 1"]),
        (#"{"exp":4600,"sub":"a\u0000\u007f\t"}"#, ["X-User-Id: a%00%7F%09"]), (#"{"exp":4600,"sub":"100%"}"#, ["X-User-Id: 100%25"]),
        (#"{"exp":4600,"sub":" a b "}"#, ["X-User-Id: %20a b%20"]), (#"{"exp":4600,"roles":["a,b","c"]}"#, ["X-Roles: a%2Cb,c"]),
        (#"{"exp":4600,"roles":"a,b"}"#, ["X-Roles: a,b"]), (#"{"exp":4600,"sub":"\u20ac😀"}"#, ["X-User-Id: %E2%82%AC%F0%9F%98%80"]),
        (#"{"exp":4600,"sub":"x","roles":null,"level":{"a":1}}"#, ["X-User-Id: x"]), (#"{"exp":4600,"roles":[1,"a"]}"#, []),
        (#"{"exp":4600,"sub":""}"#, ["X-User-Id: "]), (#"{"exp":4600}"#, []),
    ])
    func `Claims become fields that cannot break out of their line`(_ claims: String, _ expected: [String]) {
        #expect(identityLines(claims) == expected)
    }

    @Test(arguments: ["X-User-Id", "x-user-id", "X_User_Id", "x-USER_id"])
    func `Identity fields of the client are removed in every spelling, on every route`(_ name: String) {
        let routes = [
            RoutePolicy(pathPrefix: "/", authentication: .none), identityRoute("/in", .required), identityRoute("/perhaps", .optional),
        ]
        let gateway = Gateway(Gateway.policy(routes: routes))
        #expect(gateway.request(["\(name): admin", "X-Other: 1", "\(name): root"]).upstream == ["X-Other: 1"])
        #expect(gateway.request(["\(name): admin", authorization], path: "/in").upstream == [authorization, "X-User-Id: alice"])
        #expect(gateway.request(["\(name): admin"], path: "/perhaps").upstream == [])
    }

    private func identityRoute(_ path: String, _ authentication: RoutePolicy.Authentication) -> RoutePolicy {
        RoutePolicy(pathPrefix: path, authentication: authentication, claimHeaders: [.init(header: "X-User-Id", claim: "sub")])
    }

    @Test func `A connection option cannot remove what the gateway sets`() {
        let lines = gateway(identity).request(["Connection: x-user-id, close", "X-User-Id: admin", authorization]).upstream
        #expect(lines == [authorization, "X-User-Id: alice"])
    }

    @Test func `Names that only look alike stay`() {
        let lines = ["X-User-Id2: 1", "XX-User-Id: 2", "X-User-I: 3", "XUserId: 4"]
        #expect(gateway(identity).request(lines + [authorization]).upstream == lines + [authorization, "X-User-Id: alice"])
    }

    @Test func `Two routes may make different fields of one token`() {
        let routes = [
            RoutePolicy(pathPrefix: "/a", claimHeaders: [.init(header: "X-A", claim: "sub")]),
            RoutePolicy(pathPrefix: "/b", claimHeaders: [.init(header: "X-B", claim: "sub")]),
        ]
        let gateway = Gateway(Gateway.policy(routes: routes))
        for _ in 0..<2 {
            #expect(gateway.request([authorization, "X-B: 1"], path: "/a").upstream == [authorization, "X-A: alice"])
            #expect(gateway.request([authorization, "X-A: 1"], path: "/b").upstream == [authorization, "X-B: alice"])
        }
    }

    @Test func `Fields of the gateway's own are removed from requests`() {
        var sliding = RenewalPolicy(bufferWindow: .seconds(600))
        sliding.optOutHeader = "X-No-Refresh"
        sliding.tokenExpiryHeader = "X-Token-Expires-In"
        sliding.sessionExpiryHeader = "X-Session-Expires-In"
        let gateway = gateway(
            RoutePolicy(pathPrefix: "/"), sources: [.authorization, .header(name: "X-Auth-Token")], sliding: sliding)
        let lines = [
            "X-Refresh-Token: a", "x_refresh_token: b", "X-No-Refresh: 1", "X-Token-Expires-In: 9", "X_Session-Expires-In: 9",
            "X_Auth_Token: c", "X-Keep: 1",
        ]
        #expect(gateway.request(lines + [authorization]).upstream == ["X-Keep: 1", authorization])
    }

    @Test(arguments: [("X-User-Id", true), ("x_user_id", true), ("X-Refresh-Token", true), ("X-Checksum", false)])
    func `Reserved names are reserved among trailers, too`(_ name: String, _ isReserved: Bool) {
        let answer = gateway(identity).authenticator.isReserved(trailer: Array(name.utf8).span)
        #expect(answer == isReserved)
    }

    // MARK: The token

    @Test(arguments: [RoutePolicy.TokenForwarding.original, .renewed])
    func `The token goes upstream as it came while none is due`(_ forwarding: RoutePolicy.TokenForwarding) {
        let gateway = gateway(RoutePolicy(pathPrefix: "/", forwarding: forwarding))
        #expect(gateway.request([authorization, "X-A: 1"]).upstream == [authorization, "X-A: 1"])
    }

    @Test func `By default it goes upstream as it came even when one is due`() {
        #expect(gateway(RoutePolicy(pathPrefix: "/")).request([authorization], now: Gateway.due).upstream == [authorization])
    }

    @Test func `Stripped, nothing of it goes upstream`() {
        let sources: [TokenSourcePolicy.Source] = [.authorization, .cookie(name: "t"), .header(name: "X-T"), .webSocketProtocol]
        let gateway = gateway(RoutePolicy(pathPrefix: "/", forwarding: .stripped), sources: sources)
        let token = Gateway.token
        #expect(gateway.request([authorization, "X-A: 1"]).upstream == ["X-A: 1"])
        #expect(gateway.request(["X-T: \(token)", "X-A: 1"]).upstream == ["X-A: 1"])
        #expect(gateway.request(["Cookie: t=\(token)"]).upstream == [])
        #expect(gateway.request(["Cookie: a=1; t=\(token); b=2"]).upstream == ["Cookie: a=1; b=2"])
        #expect(gateway.request(["Cookie: t=\(token);b=2", "Authorization: Basic x"]).upstream == ["Cookie: b=2"])
        let upgrade = ["Connection: upgrade", "Upgrade: websocket"]
        #expect(gateway.request(upgrade + ["Sec-WebSocket-Protocol: bearer, \(token)"]).upstream == [])
        #expect(gateway.request(upgrade + ["Sec-WebSocket-Protocol: chat,bearer, \(token), x"]).upstream == [
            "Sec-WebSocket-Protocol: chat, x"
        ])
    }

    @Test func `Stripped also where nobody looks at it`() {
        let route = RoutePolicy(pathPrefix: "/", authentication: .none, forwarding: .stripped)
        let gateway = gateway(route, sources: [.authorization, .cookie(name: "t")])
        #expect(gateway.request(["Authorization: Basic x", "X-A: 1"]).upstream == ["X-A: 1"])
        #expect(gateway.request(["Cookie: t=x; a=b"]).upstream == ["Cookie: a=b"])
    }

    @Test func `Renewed, the successor stands where the token stood`() throws {
        let sources: [TokenSourcePolicy.Source] = [.authorization, .cookie(name: "t"), .header(name: "X-T"), .webSocketProtocol]
        let gateway = gateway(RoutePolicy(pathPrefix: "/", forwarding: .renewed), sources: sources)
        let token = Gateway.token
        let first = try #require(gateway.request([authorization], now: Gateway.due).admission)
        let successor = try #require(gateway.respond(to: first, now: Gateway.due).successor)
        let upgrade = ["Connection: upgrade", "Upgrade: websocket"]
        for line in [
            "Authorization: Bearer \(token)", "Cookie: a=1; t=\(token); b=2", "X-T: \(token)", "Sec-WebSocket-Protocol: bearer, \(token)",
        ] {
            let upstream = gateway.request(upgrade + [line, "X-A: 1"], now: Gateway.due).upstream
            #expect(upstream == ["X-A: 1", line.replacing(token, with: successor)])
        }
    }

    @Test func `Renewed, the original stands in when minting fails`() {
        let gateway = gateway(RoutePolicy(pathPrefix: "/", forwarding: .renewed))
        gateway.key.isBroken = true
        #expect(gateway.request([authorization], now: Gateway.due).upstream == [authorization])
    }
}
