import Testing

extension InChromium {
    /// Goal: a page of another origin has its session as one of the gateway's own has, by CORS alone; and no other origin ever gets a
    /// token. Method: the browser's own rules for origins and sites, and a foreign server that keeps every byte.
    @Suite("Pages of other origins, and requests to them")
    struct CrossOriginPageTests {
        /// - Parameter host: `localhost` is another site than the gateway; `127.0.0.1` is the same, on another port.
        private func site(_ host: String) throws -> (site: WebSite, origin: String) {
            let site = try WebSite(WebApplication.files)
            return (site, site.url("", host: host))
        }

        @Test func `a page of another site logs in, is renewed, refreshes, hears refusals and logs out`() throws {
            let (site, origin) = try site("localhost")
            let cors = #"cors: { origins: [ "\#(origin)" ], headers: [ Authorization, Content-Type, X-No-Refresh ] }"#
            let application = try WebApplication(slides: true, root: "sliding: { buffer: 10m }\n" + cors)
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{ store: 'local', proactive: false }", origin: origin) }
                try tabs[0].logIn()
                try tabs[1].waitUntil("session.state.active")
                #expect(try tabs[0].get("/api/x", "{ method: 'PUT', body: 'x' }") == "200")
                let ended = try application.tokens(left: -1)
                try tabs[0].start(ended, expiresIn: 60)
                try tabs[1].waitUntil("session.token === '\(ended.access)'")
                let outcomes = try inParallel(2) { try tabs[$0].evaluate("burst(10, '/api/x')", as: [String: Int].self) }
                #expect(outcomes == [["200": 10], ["200": 10]])
                #expect(try application.refreshes() == [1, 0])
                let ending = try application.tokens(left: 300, life: 3600)
                try tabs[0].start(ending)
                #expect(try tabs[0].get("/api/x", "{ slide: false }") == "200")
                #expect(try tabs[0].token() == ending.access)
                #expect(try tabs[0].get("/api/x") == "200")
                #expect(try tabs[0].token() != ending.access, "the successor can be read")
                #expect(try tabs[0].evaluate("session.logout()", as: Bool.self))
                try tabs[1].waitUntil("events.includes('ended: logout')")
                #expect(try tabs[1].get("/api/x") == "401")
            }
            _ = site
        }

        @Test func `with cookies too, where both are of one site`() throws {
            let (site, origin) = try site("127.0.0.1")
            let answer = ", answer: { body: { expires_in: $expires_in }, cookies: { access: __Host-token, refresh: true } }"
            let application = try WebApplication(
                .cookie, login: answer, refresh: answer,
                root: """
                    sliding: { buffer: 10m, deliver: { cookie: __Host-token } }
                    tokens: { from: [ { cookie: __Host-token } ] }
                    cors: { origins: [ "\(origin)" ], credentials: true }
                    """)
            try inBrowser { browser in
                let page = try application.open(in: browser, origin: origin)
                try page.logIn()
                #expect(try page.get("/api/x") == "200")
                #expect(try page.get("/api/x", "{ method: 'DELETE' }") == "200")
                try page.send("Network.enable")
                try page.send("Network.deleteCookies", ["name": "__Host-token", "url": .string(application.url)])
                #expect(try page.evaluate("burst(10, '/api/x')", as: [String: Int].self) == ["200": 10])
                #expect(try application.refreshes() == [1, 0])
                #expect(try page.evaluate("session.logout()", as: Bool.self))
                #expect(try page.get("/api/x") == "401")
            }
            _ = site
        }

        @Test(arguments: ["authorization", "{ header: X-Auth-Token }"])
        func `no token goes to another origin, not by a redirect either`(_ source: String) throws {
            let foreign = try Origin.answering { _ in
                "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: *\r\nX-Refresh-Token: x\r\nContent-Length: 0\r\n\r\n"
            }
            let port = foreign.port
            let application = try WebApplication(root: "sliding: { buffer: 10m }\ntokens: { from: [ \(source) ] }") { request in
                request.target.hasPrefix("/api/away")
                    ? "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:\(port)/landed\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n"
                    : WebApplication.ok
            }
            try inBrowser { browser in
                let page = try application.open(in: browser, nil)
                let pair = try application.tokens(left: 3000, life: 3600)
                try page.start(pair)
                #expect(try page.get("/api/x") == "200")
                let elsewhere = ["http://127.0.0.1:\(port)/direct", "http://localhost:\(application.gateway.port)/other-name"]
                for address in elsewhere { try page.run("await session.fetch('\(address)', { mode: 'cors' }).catch(() => {})") }
                try page.run("await session.fetch(new Request('http://127.0.0.1:\(port)/object'))")
                let redirected = try page.get("/api/away")
                #expect(source == "authorization" ? redirected == "200" : redirected == "TypeError")
                _ = try foreign.waitForRequests(source == "authorization" ? 3 : 2)
                #expect(!String(latin1: foreign.received).contains(pair.access))
                #expect(!String(latin1: foreign.received).lowercased().contains("authorization:"))
                #expect(!application.origin.requests.contains { $0.target == "/other-name" && ($0.has("Authorization") || $0.has("X-Auth-Token")) })
                #expect(try page.token() == pair.access, "nor is any taken from there")
            }
        }
    }
}
