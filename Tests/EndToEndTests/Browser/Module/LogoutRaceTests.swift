import Testing

extension InChromium {
    /// Goal: what a user has ended stays ended, whatever is under way. Method: answers that are held back until the logout is done.
    @Suite("Logout against what is under way")
    struct LogoutRaceTests {
        /// Everything the page could still have a token in, and whether a request goes out with one.
        private func expectGone(_ page: Page, _ application: WebApplication, _ pair: TokenPair) throws {
            #expect(try page.isActive() == false)
            #expect(try page.token() == nil)
            #expect(try page.get("/api/after") == "401")
            let stored: String = try page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
            #expect(!stored.contains("eyJ") && !stored.contains("sgr_"), "\(stored)")
        }

        @Test(arguments: ["memory", "local"])
        func `an answer with a successor comes too late`(_ store: String) throws {
            let answered = Gate()
            let application = try WebApplication(slides: true) { request in
                if request.target.hasPrefix("/api/slow") { try answered.wait() }
                return WebApplication.ok
            }
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{ store: '\(store)' }") }
                let pair = try application.tokens(left: 300, life: 3600)
                try tabs[0].start(pair)
                try tabs[1].waitUntil("session.state.active")
                // Not the same: a browser asks one after the other for what it could keep.
                for (number, tab) in tabs.enumerated() {
                    try tab.run("get('/api/slow/\(number)').then((outcome) => { window.slow = outcome })")
                }
                try eventually { application.apiTargets.count == 2 }
                #expect(try tabs[0].evaluate("session.logout()", as: Bool.self), "the gateway has confirmed it")
                try tabs[1].waitUntil("!session.state.active")
                answered.open()
                for tab in tabs {
                    try tab.waitUntil("window.slow")
                    try expectGone(tab, application, pair)
                    #expect(try tab.events() == ["started", "ended: logout"])
                }
                #expect(try application.gateway.status(with: pair.access, at: "/api/x") == 401)
                #expect(try application.sessions.refresh(pair).status == 400)
            }
        }

        @Test(arguments: ["memory", "local"])
        func `a refresh under way is dropped, also when another tab logs out`(_ store: String) throws {
            let application = try WebApplication(root: "sliding: { buffer: 10m }\ncors: { origins: \"*\" }")
            let (came, release) = (Gate(), Gate())
            let held = try application.holdingAnswers(came: came, until: release)
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{ store: '\(store)', proactive: false }") }
                let pair = try application.tokens(left: 600)
                try tabs[0].start(pair, expiresIn: 0)
                try tabs[1].waitUntil("events.length")
                try tabs[0].run(
                    """
                    const real = window.realFetch = fetch;
                    window.fetch = (url, init) => {
                      const answer = real(String(url).replace(/:\\d+/, ":\(held.port)"), { ...init, signal: undefined });
                      window.refreshed = answer.then(async (answer) => (await answer.clone().json()).access_token, String);
                      return answer;
                    };
                    """)
                try tabs[0].run("get('/api/one').then((outcome) => { window.outcome = outcome })")
                try came.wait()
                #expect(try tabs[1].evaluate("session.logout()", as: Bool.self))
                try tabs[0].waitUntil("window.outcome")
                #expect(try tabs[0].evaluate("outcome", as: String.self) == "SessionEnded")
                release.open()
                #expect(try tabs[0].evaluate("refreshed", as: String.self).hasPrefix("eyJ"), "its answer has come")
                try tabs[0].run("window.fetch = realFetch")
                for tab in tabs {
                    try expectGone(tab, application, pair)
                    #expect(try tab.events() == ["started", "ended: logout"])
                }
                #expect(application.apiTargets.isEmpty)
            }
        }

        @Test func `a login after it begins anew, and what was asked for before counts for nothing`() throws {
            let answered = Gate()
            let application = try WebApplication(slides: true) { request in
                if request.target.hasPrefix("/api/slow") { try answered.wait() }
                return WebApplication.ok
            }
            try inBrowser { browser in
                let page = try application.open(in: browser)
                // The same user, and a later end than that of the next session.
                let first = try application.tokens(left: 3000, life: 36_000)
                try page.start(first)
                try page.run("get('/api/slow').then((outcome) => { window.slow = outcome })")
                try eventually { application.apiTargets == ["/api/slow"] }
                try page.run("session.logout()")
                let second = try application.tokens(left: 3000, life: 3600)
                try page.start(second)
                #expect(try page.token() == second.access)
                answered.open()
                try page.waitUntil("window.slow")
                #expect(try page.token() == second.access)
                #expect(try page.get("/api/x") == "200")
                #expect(try page.events() == ["started", "ended: logout", "started"])
            }
        }

        @Test func `reaches the gateway from a page that is left at once`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let page = try application.open(in: browser)
                let pair = try application.tokens(left: 600)
                try page.start(pair)
                try page.run("session.logout(); location.assign('/elsewhere')")
                try eventually { try application.gateway.status(with: pair.access, at: "/api/x") == 401 }
                try page.waitUntil("document.title === 'Elsewhere'")
            }
        }

        @Test func `is confirmed also when the access token has ended`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let page = try application.open(in: browser)
                let pair = try application.tokens(left: -1)
                try page.start(pair)
                #expect(try page.evaluate("session.logout()", as: Bool.self))
                #expect(try application.sessions.refresh(pair).status == 400)
            }
        }

        @Test func `the user's other sessions end with the one that logs out everywhere`() throws {
            let application = try WebApplication()
            try inBrowser { one in
                try inBrowser { other in
                    let pages = try [application.open(in: one), application.open(in: other)]
                    for page in pages { try page.logIn() }
                    #expect(try pages[0].evaluate("session.logout({ everywhere: true })", as: Bool.self))
                    #expect(try pages[1].get("/api/x") == "401")
                    #expect(try pages[1].events() == ["started", "ended: revoked"])
                }
            }
        }

        @Test func `a gateway that is away keeps nobody logged in here`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{ store: 'local' }") }
                try tabs[0].logIn()
                application.gateway.process.signal(9)
                _ = try application.gateway.process.waitForExit()
                #expect(try tabs[0].evaluate("session.logout()", as: Bool.self) == false)
                for tab in tabs {
                    try tab.waitUntil("events.includes('ended: logout')")
                    #expect(try tab.token() == nil)
                }
            }
        }
    }
}
