import Testing

/// Goal: a refresh token in a cookie is of no use to other sites (semantics §3.8), and pages of allowed origins can read the
/// answers. Method: what browsers send on their behalf.
@Suite("Refresh by cookie")
struct CookieModeTests {
    private static let root = "routes: [ { path: / } ]\ncors: { origins: [ \"https://app.example\" ], credentials: true }"

    private func request(_ sessions: SessionGateway, _ pair: TokenPair, _ fields: String...) -> String {
        sessions.post("/refresh", "", type: nil, ["Cookie: __Host-refresh=\(pair.refresh)"] + fields)
    }

    @Test(arguments: [
        ["Origin: https://evil.example"], ["Origin: null"], ["Sec-Fetch-Site: cross-site"],
        ["Origin: https://app.example", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"],
        ["Origin: https://api.example.evil.example", "Sec-Fetch-Site: same-site"],
    ])
    func `from another site is refused, and nothing is used up`(_ fields: [String]) throws {
        let sessions = try SessionGateway(.cookie, root: Self.root)
        let pair = try sessions.logIn()
        let text = sessions.post("/refresh", "", type: nil, ["Cookie: __Host-refresh=\(pair.refresh)"] + fields)
        let answer = try sessions.gateway.exchange(text)
        #expect(answer.status == 403, "\(answer.headText)\(answer.text)")
        #expect(answer.problemCode == "cross_site")
        #expect(answer.cookie("__Host-refresh") == nil)
        let again = try sessions.pair(sessions.refresh(pair), before: pair)
        #expect(again.counter == 1)
    }

    @Test func `from the same site, an allowed origin, or a client that is no browser it works`() throws {
        let sessions = try SessionGateway(.cookie, root: Self.root)
        for fields in [["Origin: https://app.example"], ["Sec-Fetch-Site: same-origin"], ["Sec-Fetch-Site: same-site", "Origin: https://app.example"]] {
            let pair = try sessions.logIn()
            let text = sessions.post("/refresh", "", type: nil, ["Cookie: __Host-refresh=\(pair.refresh)"] + fields)
            let answer = try sessions.gateway.exchange(text)
            #expect(answer.status == 200, "\(fields): \(answer.text)")
        }
    }

    @Test func `the cookie is for the gateway alone, renewed with each rotation and cleared by logout`() throws {
        let sessions = try SessionGateway(.cookie, root: Self.root)
        let pair = try sessions.logIn()
        let answer = try sessions.gateway.exchange(request(sessions, pair, "Sec-Fetch-Site: same-origin"))
        let line = try #require(answer.values(of: "Set-Cookie").first { $0.hasPrefix("__Host-refresh=") })
        let attributes = Set(line.split(separator: ";").dropFirst().map { $0.trimmed.lowercased() })
        #expect(attributes.isSuperset(of: ["httponly", "secure", "path=/", "samesite=strict"]), "\(line)")
        #expect(!attributes.contains { $0.hasPrefix("domain=") })
        let age = try #require(attributes.first { $0.hasPrefix("max-age=") }.flatMap { Int($0.dropFirst(8)) })
        #expect((7 * 86_400 - 60...7 * 86_400).contains(age))
        #expect(!answer.text.contains("sgr_"), "no script reads it")
        let second = try sessions.pair(answer, before: pair)
        let logout = try sessions.gateway.exchange(
            sessions.post("/auth/logout", "", type: nil, ["Cookie: __Host-refresh=\(second.refresh)", "Sec-Fetch-Site: same-origin"]))
        #expect((200...204).contains(logout.status), "\(logout.text)")
        let cleared = try #require(logout.values(of: "Set-Cookie").first { $0.hasPrefix("__Host-refresh=") })
        #expect(cleared.hasPrefix("__Host-refresh=;") && cleared.lowercased().contains("max-age=0"), "\(cleared)")
        expectProblem(try sessions.get(second.access), status: 401, code: "token_revoked")
        let crossSite = try sessions.gateway.exchange(
            sessions.post("/auth/logout", "", type: nil, ["Cookie: __Host-refresh=\(second.refresh)", "Sec-Fetch-Site: cross-site"]))
        #expect(crossSite.status == 403)
    }

    @Test(arguments: ["/refresh", "/auth/logout", "/auth/logout-everywhere", "/auth/revoke", "/auth/sessions"])
    func `preflights are answered, and answers of all kinds can be read by pages of allowed origins`(_ path: String) throws {
        let sessions = try SessionGateway(.cookie, root: Self.root)
        let method = path == "/auth/sessions" ? "GET" : "POST"
        let preflight = try sessions.gateway.exchange(
            "OPTIONS \(path) HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: \(method)\r\n\r\n")
        #expect(preflight.status == 204, "\(preflight.headText)")
        #expect(preflight["Access-Control-Allow-Origin"] == "https://app.example")
        #expect(preflight["Access-Control-Allow-Credentials"] == "true")
        let answer = try sessions.gateway.exchange(
            "\(method) \(path) HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nContent-Length: 0\r\n\r\n")
        #expect(answer.status >= 400)
        #expect(answer["Access-Control-Allow-Origin"] == "https://app.example", "\(answer.headText)")
        #expect(answer.members(of: "Vary").contains("Origin"))
        let foreign = try sessions.gateway.exchange(
            "\(method) \(path) HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n")
        #expect(!foreign.has("Access-Control-Allow-Origin"))
    }

    @Test func `a login from a page of an allowed origin can be read there`() throws {
        let sessions = try SessionGateway(.cookie, root: Self.root)
        let answer = try sessions.gateway.exchange(sessions.logInRequest("ann", ["Origin: https://app.example"]))
        #expect(answer["Access-Control-Allow-Origin"] == "https://app.example")
        #expect(answer["Access-Control-Allow-Credentials"] == "true")
        #expect(answer.cookie("__Host-refresh")?.hasPrefix("sgr_") == true)
    }
}
