import Testing

extension InChromium {
    /// Goal: however many requests of however many tabs meet the end of a token, there is one refresh, and every request is answered
    /// as if there had been none. Method: two windows of one browser, and the gateway's own count.
    @Suite("One refresh for all requests of all tabs")
    struct RefreshOnceTests {
        /// Who learns first that the token has ended.
        enum Moment: String, CaseIterable {
            /// The clock of the page has it already: nothing is sent.
            case knownToThePage
            /// The gateway refuses what the page takes for alive.
            case knownToTheGateway
            /// It ends between the requests.
            case between
        }

        @Test(arguments: ["memory", "local"], Moment.allCases)
        func `two tabs and fifty requests at the end of a token`(_ store: String, _ moment: Moment) throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{ store: '\(store)', proactive: false }") }
                let pair = try application.tokens(left: moment == .knownToTheGateway ? -1 : 2)
                try tabs[0].start(pair, expiresIn: moment == .knownToTheGateway ? 60 : moment == .between ? 2 : 0)
                try tabs[1].waitUntil("session.state.active || events.length")
                #expect(try tabs[1].token() == tabs[0].token())
                let start = moment == .between ? "{ from: session.state.expiresAt - 250, every: 20 }" : "{ from: \(Int(Token.preciseNow() * 1000) + 300) }"
                let outcomes = try inParallel(2) { try tabs[$0].evaluate("burst(25, '/api/x', \(start))", as: [String: Int].self) }
                #expect(outcomes == [["200": 25], ["200": 25]])
                #expect(try application.refreshes() == [1, 0])
                for tab in tabs {
                    #expect(try tab.events() == ["started", "renewed"])
                    #expect(try tab.token() != pair.access)
                }
                #expect(try tabs[0].token() == tabs[1].token())
                // Each reached the API once: what had been refused had not.
                #expect(application.apiTargets.count == 50)
            }
        }

        @Test func `the timers of two pages that are used refresh once, before the end, with no request`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser, "{}") }
                try tabs[0].start(application.tokens(left: 600), expiresIn: 3)
                try tabs[1].waitUntil("session.state.active")
                for tab in tabs { #expect(try tab.get("/api/x") == "200") }
                for tab in tabs { try tab.waitUntil("events.includes('renewed')") }
                #expect(try application.refreshes() == [1, 0])
                #expect(try tabs[0].token() == tabs[1].token())
                #expect(application.apiTargets.count == 2)
            }
        }

        @Test func `a refused request is sent again with all that it had`() throws {
            let application = try WebApplication { request in
                let length = request.body.count
                return "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n\(request.text)"
            }
            try inBrowser { browser in
                let page = try application.open(in: browser)
                let address = application.url + "/api/echo"
                for request in [
                    "'\(address)', { method: 'POST', body: 'a text' }",
                    "'\(address)', { method: 'PUT', body: new Blob(['a text']) }",
                    "'\(address)', { method: 'POST', body: new URLSearchParams({ a: 'a text' }) }",
                    "new Request('\(address)', { method: 'POST', body: 'a text', headers: { 'X-Own': '1' } })",
                    "new Request('\(address)'), { method: 'PATCH', body: new TextEncoder().encode('a text') }",
                    "new URL('\(address)'), { method: 'POST', body: (() => { const form = new FormData(); form.set('a', 'a text'); return form })() }",
                ] {
                    try page.start(application.tokens(left: -1), expiresIn: 60)
                    let text = try page.evaluate("(await session.fetch(\(request))).text()", as: String.self)
                    #expect(text.contains("a text") || text == "a=a+text", "\(request): \(text)")
                    #expect(application.origin.requests.last { $0.target == "/api/echo" }?.has("X-Own") == request.contains("X-Own"))
                }
                #expect(application.apiTargets.count == 6)
                #expect(try application.refreshes() == [6, 0])
            }
        }

        @Test func `a refused refresh settles every request of both tabs, and ends the session in each once`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                var pair = try application.tokens(left: -1)
                pair.refresh += "A"
                try tabs[0].start(pair, expiresIn: 60)
                try tabs[1].waitUntil("session.state.active")
                let outcomes = try inParallel(2) { try tabs[$0].evaluate("burst(25, '/api/x')", as: [String: Int].self) }
                for outcome in outcomes {
                    #expect(outcome.values.reduce(0, +) == 25)
                    #expect(Set(outcome.keys).isSubset(of: ["401", "SessionEnded"]), "\(outcome)")
                }
                for tab in tabs {
                    try tab.waitUntil("events.length > 1")
                    #expect(try tab.events() == ["started", "ended: refused"])
                    #expect(try tab.token() == nil)
                    #expect(try tab.get("/api/x") == "401", "without a token")
                }
                #expect(application.apiTargets.isEmpty)
            }
        }

        @Test(arguments: ["memory", "local"])
        func `a tab that is opened later has the session, without a refresh or a login`(_ store: String) throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let one = try application.open(in: browser, "{ store: '\(store)' }")
                try one.logIn()
                let later = try application.open(in: browser, "{ store: '\(store)' }")
                #expect(try later.get("/api/x") == "200")
                #expect(try later.token() == one.token())
                #expect(try later.evaluate("session.state.subject", as: String.self) == "ann")
                #expect(try application.refreshes() == [0, 0])
                try one.close()
                try application.open(later, "{ store: '\(store)' }")
                #expect(try later.get("/api/x") == (store == "local" ? "200" : "401"), "memory is gone with the last page")
            }
        }

        @Test func `a tab that is closed while it refreshes leaves the refresh to the other`() throws {
            let application = try WebApplication()
            let network = try Network(to: application.gateway.port)
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try application.open(in: browser) }
                try tabs[0].start(application.tokens(left: 600), expiresIn: 0)
                try tabs[1].waitUntil("events.length")
                // Only the first one's refresh goes through the network that is cut.
                try tabs[0].run(
                    """
                    const real = window.realFetch = fetch;
                    window.fetch = (url, init) => { window.asked = true; return real(String(url).replace(/:\\d+/, ":\(network.port)"), init) };
                    """)
                network.cut()
                try tabs[0].run("get('/api/one')")
                try tabs[0].waitUntil("window.asked")
                try tabs[1].run("get('/api/two').then((outcome) => { window.outcome = outcome })")
                // The lock is held, and asked for.
                try tabs[1].waitUntil("(await navigator.locks.query()).pending.length === 1")
                #expect(try tabs[1].evaluate("window.outcome ?? null", as: String?.self) == nil)
                try tabs[0].close()
                try tabs[1].waitUntil("window.outcome")
                #expect(try tabs[1].evaluate("outcome", as: String.self) == "200")
                #expect(application.apiTargets == ["/api/two"])
                network.mend()
            }
        }

        /// A page over plain HTTP from a name that is not localhost's: there is no `navigator.locks`.
        @Test func `where browsers have no locks, each tab refreshes once at most, and the session lives on`() throws {
            let application = try WebApplication()
            try inBrowser { browser in
                let address = "http://plain.example:\(application.gateway.port)"
                let tabs = try (0..<2).map { _ in
                    let page = try browser.newPage()
                    try page.open(address + "/page?gateway=\(address)&options={}")
                    try page.waitUntil("window.session")
                    return page
                }
                #expect(try tabs[0].evaluate("[isSecureContext, !!navigator.locks]", as: [Bool].self) == [false, false])
                try tabs[0].start(application.tokens(left: -1), expiresIn: 60)
                try tabs[1].waitUntil("session.state.active")
                let outcomes = try inParallel(2) { try tabs[$0].evaluate("burst(10, '/api/x')", as: [String: Int].self) }
                #expect(outcomes == [["200": 10], ["200": 10]])
                let refreshes = try application.refreshes()
                #expect(refreshes[0] == 1 && refreshes[1] <= 1, "the gateway answers the second with the successor of the first")
                #expect(try inParallel(2) { try tabs[$0].get("/api/y") } == ["200", "200"])
            }
        }
    }
}
