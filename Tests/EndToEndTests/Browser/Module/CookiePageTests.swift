import Testing

extension InChromium {
    /// Goal: where tokens are in cookies that no script can read, the page still knows how long its session lasts, and keeps it.
    /// Method: the browser's own cookies.
    @Suite("Cookie mode in a page")
    struct CookiePageTests {
        /// Both tokens in cookies, the access token's for seconds.
        private func application(access: String, slides: Bool = false, root: String = "") throws -> WebApplication {
            let answer = ", answer: { body: { expires_in: $expires_in }, cookies: { access: __Host-token, refresh: true } }"
            let sliding = "sliding: { buffer: 60%, deliver: { cookie: __Host-token } }\ntokens: { from: [ { cookie: __Host-token } ] }\n"
            return try WebApplication(
                .cookie, settings: "  access: { lifetime: \(access) }", login: answer, refresh: answer, slides: slides, root: sliding + root)
        }

        @Test func `scripts see no token, and requests have one`() throws {
            let application = try application(access: "15m")
            try inBrowser { browser in
                let page = try application.open(in: browser, "{ store: 'local' }")
                try page.logIn()
                #expect(try page.get("/api/x") == "200")
                #expect(try page.token() == nil)
                let seen: String = try page.evaluate("JSON.stringify([document.cookie, { ...localStorage }, session.state])")
                #expect(!seen.contains("eyJ") && !seen.contains("sgr_"), "\(seen)")
                let left = try page.evaluate("(session.state.expiresAt - Date.now()) / 1000", as: Double.self)
                #expect(left > 840 && left <= 900)
                let request = application.origin.requests.first { $0.target == "/api/x" }
                #expect(request?["Authorization"] == nil)
                #expect(request?["Cookie"]?.contains("__Host-token=eyJ") == true)
            }
        }

        @Test func `cookies that are gone are fetched anew, once for all requests of both tabs`() throws {
            let application = try application(access: "15m")
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                try tabs[0].logIn()
                try tabs[1].waitUntil("session.state.active")
                try tabs[0].send("Network.enable")
                try tabs[0].send("Network.deleteCookies", ["name": "__Host-token", "url": .string(application.url)])
                let outcomes = try inParallel(2) { try tabs[$0].evaluate("burst(20, '/api/x')", as: [String: Int].self) }
                #expect(outcomes == [["200": 20], ["200": 20]])
                #expect(try application.refreshes() == [1, 0])
                for tab in tabs { #expect(try tab.events().filter { $0.hasPrefix("ended") }.isEmpty) }
            }
        }

        @Test func `a renewed cookie is told of, in the other tab too`() throws {
            let application = try application(access: "8s", slides: true)
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                try tabs[0].logIn()
                try tabs[1].waitUntil("session.state.active")
                let end = try tabs[0].evaluate("session.state.expiresAt", as: Double.self)
                // The window opens after three seconds; until then nothing is renewed.
                try tabs[0].waitUntil("(await get('/api/x')) === '200' && session.state.expiresAt > \(end) + 2000")
                try tabs[1].waitUntil("session.state.expiresAt > \(end) + 2000")
                for tab in tabs { #expect(try Set(tab.events()) == ["started", "renewed"]) }
                #expect(try application.refreshes() == [0, 0])
            }
        }

        @Test func `logout takes the cookies away`() throws {
            let application = try application(access: "15m")
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                try tabs[0].logIn()
                try tabs[1].waitUntil("session.state.active")
                #expect(try tabs[0].evaluate("session.logout()", as: Bool.self))
                try tabs[1].waitUntil("events.includes('ended: logout')")
                for tab in tabs { #expect(try tab.get("/api/x") == "401") }
                #expect(application.apiTargets.isEmpty)
                let cookies = try tabs[0].send("Network.getCookies", ["urls": [.string(application.url)]])
                #expect(cookies["cookies"]?.elements.isEmpty == true, "\(cookies)")
                #expect(try tabs[0].evaluate("session.refresh()", as: Bool.self) == false)
            }
        }

        @Test func `a page that is opened anew finds the session by its refresh cookie`() throws {
            let application = try application(access: "15m")
            try inBrowser { browser in
                let page = try application.open(in: browser)
                try page.logIn()
                try application.open(page)
                #expect(try page.get("/api/x") == "200")
                try page.send("Network.enable")
                try page.send("Network.deleteCookies", ["name": "__Host-token", "url": .string(application.url)])
                try application.open(page)
                #expect(try page.get("/api/x") == "200")
                #expect(try page.isActive())
                #expect(try application.refreshes() == [1, 0])
            }
        }
    }
}
