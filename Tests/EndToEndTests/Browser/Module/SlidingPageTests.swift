import Testing

extension InChromium {
    /// Goal: a page that is used keeps its session by what comes with answers, whatever its clock, its cache and other tabs do.
    /// Method: tokens of which the gateway renews each, before an API whose answers have every status and cache rule.
    @Suite("A page whose token slides")
    struct SlidingPageTests {
        static let hour = 3600

        /// A clock that is wrong by that many seconds, in every document of the page.
        private func skew(_ page: Page, by seconds: Int) throws {
            try page.addScriptOnNewDocument(
                """
                const Real = Date;
                globalThis.Date = class extends Real {
                  constructor(...time) { time.length ? super(...time) : super(Date.now()) }
                  static now() { return Real.now() + \(seconds * 1000) }
                };
                """)
        }

        @Test(arguments: [
            (200, "sliding: { buffer: 10m }"), (404, "sliding: { buffer: 10m, deliver: authorization }"),
            (500, "sliding: { buffer: 10m, deliver: { header: X-New-Token } }\ntokens: { from: [ { header: X-Auth-Token } ] }"),
        ])
        func `takes the successor from an answer of any status, where the gateway puts it`(_ status: Int, _ settings: String) throws {
            let application = try WebApplication(slides: true, root: settings) { _ in "HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n" }
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                let pair = try application.tokens(left: 300, life: 3600)
                try tabs[0].start(pair)
                #expect(try tabs[0].get("/api/x") == "\(status)")
                let successor = try #require(try tabs[0].token())
                #expect(Token(verifying: successor)?.integer("exp") ?? 0 > Token.now() + 3000)
                #expect(try tabs[0].events() == ["started", "renewed"])
                try tabs[1].waitUntil("events.includes('renewed')")
                #expect(try tabs[1].token() == successor)
                let left = try tabs[1].evaluate("(session.state.expiresAt - Date.now()) / 1000", as: Double.self)
                #expect(left > 2900 && left <= 3600)
            }
        }

        @Test func `polls keep nothing alive`() throws {
            let application = try WebApplication(slides: true)
            try inBrowser { browser in
                let page = try application.open(in: browser)
                let pair = try application.tokens(left: 300, life: 3600)
                try page.start(pair)
                #expect(try page.get("/api/x", "{ slide: false }") == "200")
                #expect(try page.token() == pair.access)
                #expect(try page.get("/api/x") == "200")
                #expect(try page.token() != pair.access)
            }
        }

        @Test(arguments: [hour, -hour])
        func `a clock that is wrong by an hour neither ends the session nor keeps it`(_ seconds: Int) throws {
            let application = try WebApplication(slides: true, root: "sliding: { buffer: 50% }")
            try inBrowser { browser in
                let page = try browser.newPage()
                try skew(page, by: seconds)
                try application.open(page, "{ store: 'local' }")
                #expect(try abs(page.evaluate("Date.now() / 1000", as: Double.self) - Token.preciseNow() - Double(seconds)) < 60)
                // Without a refresh token: it slides, or it ends.
                try page.start(TokenPair(access: application.access(of: application.sessions.logIn(), left: 2, life: 4), refresh: ""))
                #expect(try page.isActive())
                #expect(try page.get("/api/x") == "200")
                #expect(try page.events() == ["started", "renewed"])
                try application.open(page, "{ store: 'local' }")
                #expect(try page.isActive(), "also after a new start")
                #expect(try page.get("/api/x") == "200")
                let end = try page.evaluate("session.state.expiresAt - Date.now()", as: Double.self)
                #expect(end > 0 && end <= 4000)
                // Nothing is asked for any more, and nothing is refused: the page knows by itself.
                let before = application.apiTargets.count
                try page.waitUntil("events.some((event) => event.startsWith('ended'))")
                #expect(try page.events().filter { $0.hasPrefix("ended") } == ["ended: expired"])
                #expect(try page.isActive() == false)
                #expect(application.apiTargets.count == before)
                #expect(!application.gateway.logs.contains("token_expired"))
            }
        }

        @Test(arguments: [hour, -hour])
        func `nor does it keep the page from refreshing in time, without a request`(_ seconds: Int) throws {
            let application = try WebApplication(settings: "  access: { lifetime: 4s }")
            try inBrowser { browser in
                let page = try browser.newPage()
                try skew(page, by: seconds)
                try application.open(page, "{ refreshBefore: 3 }")
                try page.logIn()
                try page.waitUntil("events.includes('renewed')")
                #expect(application.apiTargets.isEmpty)
                #expect(try application.refreshes()[0] >= 1)
                #expect(try page.get("/api/x") == "200")
            }
        }

        @Test func `seconds and successors from a cache change nothing`() throws {
            let stale = Token.signed(claims: #"{"sub":"ann","iat":\#(Token.now() - 3600),"exp":\#(Token.now() + 30)}"#)
            let application = try WebApplication(
                slides: true, root: "sliding: { buffer: 1m, expires_in: { on: all } }\ntokens: { leeway: 0s }"
            ) { request in
                switch request.target {
                case "/api/stored":
                    return "HTTP/1.1 200 OK\r\nCache-Control: private, max-age=600\r\nX-Refresh-Token: \(stale)\r\nContent-Length: 2\r\n\r\nok"
                case "/api/asked" where request["If-None-Match"] != nil:
                    return "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: private, no-cache\r\n\r\n"
                case "/api/asked":
                    return "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nCache-Control: private, no-cache\r\nContent-Length: 2\r\n\r\nok"
                default: return WebApplication.ok
                }
            }
            try inBrowser { browser in
                let page = try application.open(in: browser)
                let pair = try application.tokens(left: 3000, life: 3600)
                try page.start(pair)
                for path in ["/api/stored", "/api/asked"] { #expect(try page.get(path) == "200") }
                // Another token of the session, which ends sooner.
                let present = TokenPair(access: application.access(of: pair, left: 600, life: 1200), refresh: pair.refresh)
                try page.start(present, expiresIn: 600)
                let end = try page.evaluate("session.state.expiresAt", as: Double.self)
                for path in ["/api/stored", "/api/asked"] { #expect(try page.get(path) == "200") }
                #expect(application.apiTargets.filter { $0 == "/api/stored" }.count == 1, "the browser has it")
                #expect(application.origin.requests.contains { $0.target == "/api/asked" && $0["If-None-Match"] == "\"1\"" })
                #expect(try page.token() == present.access)
                let now = try page.evaluate("session.state.expiresAt", as: Double.self)
                #expect(abs(now - end) < 30_000, "\((now - end) / 1000) s")
            }
        }

        @Test func `a session that nobody uses is announced to end, and ends in all tabs once`() throws {
            let application = try WebApplication(slides: true, root: "sliding: { buffer: 50% }")
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{}") }
                try tabs[0].start(TokenPair(access: application.access(of: application.sessions.logIn(), left: 3, life: 3), refresh: ""))
                for tab in tabs { try tab.waitUntil("events.some((event) => event.startsWith('ended'))") }
                for tab in tabs { #expect(try tab.events() == ["started", "ending", "ended: expired"]) }
            }
        }
    }
}
