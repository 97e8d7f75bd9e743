import Testing

extension InChromium {
    /// Goal: `session.js` fits the gateway that made it, with every preset. Method: each once, from login to logout.
    @Suite("Every wire preset in a page")
    struct FrontEndPageTests {
        @Test(arguments: FrontEnd.dual)
        func `login, refresh and logout`(_ preset: FrontEnd) throws {
            let application = try WebApplication(preset)
            try inBrowser { browser in
                let page = try application.open(in: browser, nil)
                try page.logIn(at: preset.loginPath)
                let first = try #require(try page.token())
                #expect(try page.get("/api/x") == "200")
                for count in 1...2 {
                    #expect(try page.evaluate("session.refresh()", as: Bool.self))
                    #expect(try application.refreshes() == [count, 0])
                }
                #expect(try page.token() != first)
                #expect(try page.get("/api/x") == "200")
                #expect(try page.events() == ["started", "renewed", "renewed"])
                let kept: String = try page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
                #expect(kept == #"[{},{},""]"#, "in memory alone")
                #expect(try page.evaluate("session.logout()", as: Bool.self))
                #expect(try application.gateway.status(with: first, at: "/api/x") == 401)
                #expect(try page.get("/api/x") == "401")
                #expect(try page.evaluate("session.refresh()", as: Bool.self) == false)
                #expect(!page.console.contains { $0.contains("eyJ") || $0.contains("sgr_") })
            }
        }

        @Test func `an access token that is renewed when asked for`() throws {
            let application = try WebApplication(.bearerAccess)
            try inBrowser { browser in
                let page = try application.open(in: browser, nil)
                let pair = try application.tokens(left: 600, life: 3600)
                try page.start(TokenPair(access: pair.access, refresh: ""))
                #expect(try page.evaluate("session.refresh()", as: Bool.self))
                let successor = try #require(try page.token())
                #expect(Token(verifying: successor)?.integer("exp") ?? 0 > Token.now() + 3000)
                #expect(try page.get("/api/x") == "200")
                #expect(try page.evaluate("session.logout()", as: Bool.self))
                #expect(try application.gateway.status(with: successor, at: "/api/x") == 401)
            }
        }

        @Test func `a worker has the session of its page`() throws {
            let application = try WebApplication(
                files: [
                    "/worker.js": .script(
                        """
                        import made, { createSession, settings } from "/slidegate/session.js";
                        made.close();
                        const session = createSession(settings, { proactive: false });
                        onmessage = async ({ data }) => {
                          const answer = await session.fetch(data);
                          postMessage([answer.status, session.state.active]);
                        };
                        """)
                ])
            try inBrowser { browser in
                let page = try application.open(in: browser)
                try page.start(application.tokens(left: -1), expiresIn: 60)
                let answer = try page.run(
                    """
                    const worker = new Worker("/worker.js", { type: "module" });
                    const answer = new Promise((resolve, reject) => { worker.onmessage = ({ data }) => resolve(data); worker.onerror = reject });
                    worker.postMessage("/api/x");
                    return (await answer).map(Number);
                    """, as: [Int].self)
                #expect(answer == [200, 1])
                try page.waitUntil("events.includes('renewed')")
                #expect(try page.get("/api/x") == "200")
                #expect(try application.refreshes() == [1, 0])
            }
        }
    }
}
