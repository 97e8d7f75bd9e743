import Testing

extension InChromium {
    /// What a person sees who looks at the demo, against the program that they would run. Pictures are in `.build/test-output`.
    @Suite("The demo")
    struct DemoTests {
        private let demo: Demo

        init() throws { demo = try Demo() }

        @Test func `while one works the token slides, and when one is idle it ends`() throws {
            try inBrowser { browser in
                let tab = try DemoTab(demo, in: browser)
                try tab.page.screenshot(to: "demo-1-welcome.png")
                try tab.logIn("Änne <b>")
                #expect(try tab.page.text(of: "#name") == "Änne <b>")
                let first = try #require(try tab.stored().claims)
                #expect(try tab.stored().refresh == nil, "kept without being asked for")

                try tab.waitFor(headline: "In the window")
                #expect(try tab.bar("token") <= 0.51)
                try tab.page.screenshot(to: "demo-2-window.png")
                try tab.waitFor(headline: "Renewed")
                try tab.page.waitUntil("!document.querySelector('#token').matches('.jump')")
                #expect(try tab.bar("token") > 0.5)
                try tab.page.screenshot(to: "demo-3-renewed.png")
                let second = try #require(try tab.stored().claims)
                #expect(second.exp > first.exp && second.sid == first.sid)
                #expect(try tab.headlines.prefix(3) == ["Working", "In the window", "Renewed"])

                // Polls pass, and renew nothing.
                try tab.waitFor(headline: "Working")
                try tab.page.click("#poll")
                try tab.waitFor(headline: "Renewed")
                try tab.page.waitUntil("document.querySelector('#log .poll')")
                try tab.page.screenshot(to: "demo-4-working.png")
                try tab.page.click("[value=idle]")
                let asked = try tab.requests(to: "/api/hello")
                let last = try tab.stored().claims?.exp
                try tab.waitFor(headline: "Idle, and nearly over")
                try tab.page.screenshot(to: "demo-5-idle.png")
                let polled = try tab.requests(to: "/api/poll")
                try tab.page.waitUntil("performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/api/poll')).length > \(polled)")
                #expect(try tab.stored().claims?.exp == last)

                try tab.waitFor(view: "over")
                #expect(try tab.headline == "Ended")
                #expect(try tab.page.text(of: "#why")?.contains("no request counted") == true)
                #expect(try tab.requests(to: "/api/hello") == asked)
                #expect(try tab.bar("token") == 0)
                #expect(try tab.marks("renewed") >= 2 && tab.marks("request") >= 3 && tab.marks("poll") >= 2 && tab.marks("ended") == 1)
                try tab.page.waitUntil("document.getAnimations().length === 0")
                try tab.page.screenshot(to: "demo-6-ended.png", isWhole: true)

                // And again.
                try tab.logIn("Änne <b>")
                #expect(try #require(try tab.stored().claims).sid != first.sid)
            }
        }

        @Test func `two tabs are one session: one renews, both go on, and one logs out both`() throws {
            try inBrowser { browser in
                let one = try DemoTab(demo, in: browser)
                try one.logIn()
                try one.page.click("[value=idle]")
                let other = try DemoTab(demo, in: browser)
                try other.waitFor(view: "session")
                #expect(try other.entries.last == "Welcome back")
                #expect(try other.page.text(of: "#name") == "alice")
                try one.page.waitUntil("document.querySelector('#tabs').textContent === '2 tabs'")

                let asked = try one.requests(to: "/api/hello")
                try one.waitFor(headline: "Another tab renewed")
                try one.page.screenshot(to: "demo-7-other-tab.png")
                #expect(try one.entries.contains("Another tab renewed") && other.entries.contains("Renewed"))
                #expect(try one.requests(to: "/api/hello") == asked)
                #expect(try one.marks("other") == 1 && one.marks("renewed") == 0)

                // A tab that is loaded again takes part again.
                try other.page.reload()
                try other.waitFor(view: "session")
                try other.page.click("#logout")
                for tab in [one, other] {
                    try tab.waitFor(view: "over")
                    #expect(try tab.headline == "Logged out")
                }
                #expect(try one.stored().over == "logout" && one.stored().access == nil)
                try one.page.screenshot(to: "demo-8-logged-out.png")
                // So does nothing bring it back.
                try other.page.reload()
                try other.waitFor(view: "welcome")

                try other.logIn("bob")
                try one.waitFor(view: "session")
                #expect(try one.page.text(of: "#name") == "bob")
            }
        }

        @Test func `a hidden tab rests, and finds out when it is looked at`() throws {
            try inBrowser { browser in
                let tab = try DemoTab(demo, in: browser)
                try tab.logIn()
                try tab.page.hide()
                let asked = try tab.requests(to: "/api/hello")
                try tab.page.waitUntil("document.title.startsWith('0 s')")
                #expect(try tab.requests(to: "/api/hello") == asked)
                try tab.page.show()
                try tab.waitFor(view: "over")
                #expect(try tab.headline == "Ended")
            }
        }

        @Test func `with a refresh token a pause does no harm`() throws {
            try inBrowser { browser in
                let tab = try DemoTab(demo, in: browser)
                try tab.logIn(keepingRefreshToken: true)
                let first = try tab.stored()
                try tab.page.click("[value=idle]")
                // It was asked for something just now, so the module refreshes once ahead of the end.
                try tab.waitFor(headline: "Refreshed")
                let second = try tab.stored()
                #expect(second.refresh != first.refresh && second.claims?.sid == first.claims?.sid)
                // Then nobody asks for anything.
                try tab.waitFor(headline: "The token has run out")
                #expect(try tab.requests(to: "/auth/refresh") == 1)
                try tab.page.screenshot(to: "demo-9-run-out.png")
                try tab.page.click("#once")
                try tab.waitFor(headline: "Refreshed")
                try tab.page.screenshot(to: "demo-10-refreshed.png")
                #expect(try tab.requests(to: "/auth/refresh") == 2 && tab.marks("refreshed") == 2)
                try tab.page.waitUntil("document.querySelector('#log b').textContent.startsWith('GET /api/hello')")
                #expect(try tab.marks("refused") == 0)
            }
        }

        @Test func `one's sessions are listed, ended one by one, and all at once`() throws {
            try inBrowser { browser in
                let here = try DemoTab(demo, in: browser)
                try here.logIn("carol")
                try inBrowser { another in
                    let there = try DemoTab(demo, in: another)
                    try there.logIn("carol")
                    let names = "[...document.querySelectorAll('#sessions span')].map((each) => each.innerText.split('\\n')[0])"
                    try here.page.waitUntil("\(names).length === 2")
                    #expect(try here.page.evaluate("document.querySelector('#sessions small').textContent", as: String.self) == "this session")

                    try here.page.click("#sessions button")
                    try there.waitFor(view: "over")
                    #expect(try there.headline == "Ended from elsewhere")
                    #expect(try there.entries.contains("401 token_revoked"))
                    try there.page.screenshot(to: "demo-11-revoked.png")
                    try here.page.waitUntil("\(names).length === 1")

                    try there.logIn("carol")
                    try here.page.click("#device")
                    try here.page.waitUntil("\(names).includes('Another device')")
                    try here.page.screenshot(to: "demo-12-sessions.png")
                    try here.page.click("#everywhere")
                    try here.waitFor(view: "over")
                    #expect(try here.headline == "Logged out everywhere")
                    try there.waitFor(view: "over")
                    #expect(try there.headline == "Ended from elsewhere")
                }
                // None is left.
                try here.logIn("carol")
                try here.page.waitUntil("document.querySelectorAll('#sessions li').length === 1")
            }
        }

        @Test(arguments: [(390, 844, "light"), (320, 568, "dark"), (1280, 800, "dark")])
        func `it fits its view and can be used by keyboard, in light and dark`(width: Int, height: Int, scheme: String) throws {
            try inBrowser { browser in
                let media = ["prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"]
                let tab = try DemoTab(demo, in: browser, width: width, height: height, media: media)
                let name = "demo-\(width)-\(scheme)"
                #expect(try tab.overflow() == 0)
                try tab.page.screenshot(to: "\(name)-welcome.png")

                try tab.page.run("document.querySelector('#user').focus()")
                try tab.page.press(.enter)
                try tab.waitFor(view: "session")
                let focus = "document.activeElement.value"
                #expect(try tab.page.evaluate(focus, as: String.self) == "working")
                try tab.waitFor(headline: "Renewed")
                #expect(try tab.overflow() == 0)
                #expect(try tab.page.evaluate("document.getAnimations().filter(({ playState }) => playState === 'running').length", as: Int.self) == 0)
                try tab.page.screenshot(to: "\(name)-renewed.png")

                try tab.page.press(.right)
                #expect(try tab.page.evaluate(focus, as: String.self) == "idle")
                try tab.page.press(.tab)
                try tab.page.press(.space)
                #expect(try tab.page.evaluate("document.querySelector('#poll').checked", as: Bool.self))
                try tab.page.press(.tab)
                let before = try tab.requests(to: "/api/hello")
                try tab.page.press(.enter)
                try tab.page.waitUntil("performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/api/hello')).length > \(before)")
                try tab.page.screenshot(to: "\(name)-session.png", isWhole: true)

                try tab.page.run("document.querySelector('#logout').focus()")
                try tab.page.press(.enter)
                try tab.waitFor(view: "over")
                #expect(try tab.page.evaluate("document.activeElement.textContent", as: String.self) == "Log in")
                #expect(try tab.overflow() == 0)
                try tab.page.screenshot(to: "\(name)-over.png", isWhole: true)
            }
        }

        @Test func `everything comes from the gateway, and all that can be used has a name`() throws {
            try inBrowser { browser in
                let tab = try DemoTab(demo, in: browser)
                try tab.logIn()
                try tab.page.waitUntil("document.querySelector('#log .request') && document.querySelector('#sessions li')")
                let origins = "[...new Set(performance.getEntriesByType('resource').map(({ name }) => new URL(name).origin))]"
                #expect(try tab.page.evaluate(origins, as: [String].self) == [String(demo.url.dropLast())])
                let policy = "(await fetch('/')).headers.get('Content-Security-Policy')"
                #expect(try tab.page.evaluate(policy, as: String.self).hasPrefix("default-src 'self'"))

                try tab.page.send("Accessibility.enable")
                let tree = try tab.page.send("Accessibility.getFullAXTree")
                for node in tree["nodes"]?.elements ?? [] where node["ignored"]?.bool != true {
                    let isFocusable = node["properties"]?.elements.contains { $0["name"] == "focusable" && $0["value"]?["value"] == true } == true
                    let role = node["role"]?["value"]?.string ?? ""
                    guard isFocusable, role != "RootWebArea" else { continue }
                    #expect(node["name"]?["value"]?.string?.isEmpty == false, "a \(role) without a name")
                }
            }
        }
    }
}
