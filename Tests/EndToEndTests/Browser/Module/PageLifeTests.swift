import Testing

extension InChromium {
    /// Goal: a page that browsers put aside, hidden, frozen or in the back/forward cache, asks for nothing meanwhile and knows
    /// afterwards what it missed. Method: the real thing, and another tab that goes on.
    @Suite("Pages that are put aside")
    struct PageLifeTests {
        @Test(arguments: ["memory", "local"])
        func `a page in the back/forward cache catches up with a refresh by another tab`(_ store: String) throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{ store: '\(store)', proactive: false }") }
                try tabs[0].start(application.tokens(left: 600))
                try tabs[1].waitUntil("events.length")
                #expect(try tabs[0].get("/api/x") == "200")
                try tabs[0].open(application.url + "/elsewhere")
                #expect(try tabs[1].evaluate("session.refresh()", as: Bool.self))
                try tabs[0].goBack()
                #expect(try tabs[0].evaluate("window.persisted", as: Bool.self), "\(tabs[0].console)")
                try tabs[0].waitUntil("events.includes('renewed')")
                #expect(try tabs[0].token() == tabs[1].token())
                #expect(try tabs[0].get("/api/x") == "200")
                #expect(try application.refreshes() == [1, 0])
            }
        }

        @Test(arguments: ["memory", "local"])
        func `and with a logout, which it does not undo`(_ store: String) throws {
            let application = try WebApplication(slides: true)
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{ store: '\(store)' }") }
                try tabs[0].start(application.tokens(left: 300, life: 3600))
                try tabs[1].waitUntil("session.state.active")
                try tabs[0].open(application.url + "/elsewhere")
                #expect(try tabs[1].evaluate("session.logout()", as: Bool.self))
                try tabs[0].goBack()
                #expect(try tabs[0].evaluate("window.persisted", as: Bool.self), "\(tabs[0].console)")
                try tabs[0].waitUntil("events.includes('ended: logout')")
                #expect(try tabs[0].get("/api/x") == "401")
                for tab in tabs {
                    #expect(try tab.events() == ["started", "ended: logout"])
                    #expect(try tab.token() == nil)
                }
            }
        }

        @Test func `and with the login of somebody else, in whose name it sends nothing that was meant before`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                try tabs[0].logIn("ann")
                try tabs[1].waitUntil("session.state.subject === 'ann'")
                // As the page is shown again, before it can have heard anything.
                try tabs[0].run("addEventListener('pageshow', () => { window.first = get('/api/first') })")
                try tabs[0].open(application.url + "/elsewhere")
                #expect(try tabs[1].evaluate("session.logout()", as: Bool.self))
                try tabs[1].logIn("bob")
                try tabs[0].goBack()
                #expect(try tabs[0].evaluate("window.persisted", as: Bool.self), "\(tabs[0].console)")
                #expect(try tabs[0].evaluate("first", as: String.self) == "SessionEnded")
                #expect(try tabs[0].evaluate("session.state.subject", as: String.self) == "bob")
                #expect(try tabs[0].get("/api/then") == "200")
                #expect(application.apiTargets == ["/api/then"])
            }
        }

        @Test func `alone in its browser it goes on where it was`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let page = try application.open(in: browser)
                try page.logIn()
                try page.open(application.url + "/elsewhere")
                try page.goBack()
                #expect(try page.evaluate("window.persisted", as: Bool.self), "\(page.console)")
                #expect(try page.get("/api/x") == "200")
                #expect(try page.events() == ["started"])
            }
        }

        @Test func `a hidden page lets its token go, and gets another when it is seen again`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let page = try application.open(in: browser, "{ proactive: 'always' }")
                try page.hide()
                try page.start(application.tokens(left: 600), expiresIn: 2)
                let end = try page.evaluate("session.state.expiresAt", as: Double.self)
                try page.waitUntil("Date.now() > \(end) + 500")
                #expect(try application.refreshes() == [0, 0])
                #expect(try page.events() == ["started"])
                try page.show()
                try page.waitUntil("events.includes('renewed')")
                #expect(try application.refreshes() == [1, 0])
                #expect(try page.get("/api/x") == "200")
            }
        }

        @Test func `what a hidden page asks for is answered all the same`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let page = try application.open(in: browser)
                try page.hide()
                try page.start(application.tokens(left: -1), expiresIn: 60)
                #expect(try page.evaluate("burst(10, '/api/x')", as: [String: Int].self) == ["200": 10])
                #expect(try application.refreshes() == [1, 0])
            }
        }

        @Test func `a frozen page hears on its return what became of the session`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                try tabs[0].start(application.tokens(left: 600))
                try tabs[1].waitUntil("session.state.active")
                try tabs[0].hide()
                try tabs[0].send("Page.setWebLifecycleState", ["state": "frozen"])
                #expect(try tabs[1].evaluate("session.logout()", as: Bool.self))
                try tabs[0].send("Page.setWebLifecycleState", ["state": "active"])
                try tabs[0].show()
                try tabs[0].waitUntil("events.includes('ended: logout')")
                #expect(try tabs[0].get("/api/x") == "401")
            }
        }

        @Test func `an aborted request that waits for a refresh is let go at once, and the refresh goes on`() throws {
            let application = try WebApplication(root: "sliding: { buffer: 10m }\ncors: { origins: \"*\" }")
            let network = try Network(to: application.gateway.port)
            try inBrowser { browser in
                let page = try application.open(in: browser)
                try page.start(application.tokens(left: 600), expiresIn: 0)
                try page.run(
                    """
                    const real = window.realFetch = fetch;
                    window.fetch = (url, init) => { window.asked = true; return real(String(url).replace(/:\\d+/, ":\(network.port)"), init) };
                    """)
                network.cut()
                let outcomes = try page.run(
                    """
                    const abort = new AbortController();
                    const aborted = get("/api/one", { signal: abort.signal });
                    window.other = get("/api/two");
                    await new Promise((resolve) => { (function look() { window.asked ? resolve() : setTimeout(look, 5) })() });
                    abort.abort();
                    return await aborted;
                    """, as: String.self)
                #expect(outcomes == "AbortError")
                try page.run("window.fetch = realFetch")
                network.mend()
                #expect(try page.evaluate("other", as: String.self) == "200")
                #expect(try application.refreshes() == [1, 0])
                #expect(application.apiTargets == ["/api/two"])
            }
        }
    }
}
