import Foundation
import Testing

extension InChromium {
    /// Goal: an application with axios gets all of it by one line. Method: Debian's axios in the browser, against the gateway.
    @Suite("axios in a page")
    struct AxiosTests {
        private static let script = "/usr/share/nodejs/axios/dist/axios.min.js"

        private func application(slides: Bool = false, api: @escaping WebApplication.API = { _ in WebApplication.ok }) throws -> WebApplication {
            guard let text = try? String(contentsOfFile: Self.script, encoding: .utf8) else {
                throw BrowserError.noBrowser("\(Self.script) is not there: apt-get install --no-install-recommends node-axios, as deploy/test does")
            }
            return try WebApplication(slides: slides, files: ["/axios.js": .script(text)], api: api)
        }

        private func open(_ application: WebApplication, in browser: Browser) throws -> Page {
            let page = try application.open(in: browser)
            try page.run(
                """
                const script = document.createElement("script");
                script.src = "/axios.js";
                await new Promise((resolve) => { script.onload = resolve; document.head.append(script) });
                window.http = axios.create({ baseURL: "/api" });
                window.detach = session.attach(http);
                window.ask = (config) => http.request(config).then(
                  (answer) => `${answer.status} ${answer.data}`, (error) => `${error.name} ${error.response?.status ?? error.code ?? ""}`);
                """)
            return page
        }

        @Test func `two tabs and fifty requests at the end of a token`() throws {
            let application = try application { request in
                "HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count + 5)\r\n\r\nsent \(request.text)"
            }
            try inBrowser { browser in
                let tabs = try (0..<2).map { _ in try open(application, in: browser) }
                try tabs[0].start(application.tokens(left: -1), expiresIn: 60)
                try tabs[1].waitUntil("session.state.active")
                let outcomes = try inParallel(2) {
                    try tabs[$0].evaluate(
                        "Promise.all(Array.from({ length: 25 }, (_, n) => ask({ url: '/x', method: 'POST', data: { n } })))", as: [String].self)
                }
                let expected = (0..<25).map { #"200 sent {"n":\#($0)}"# }
                #expect(outcomes == [expected, expected], "\(application.gateway.logs.suffix(6000))")
                #expect(try application.refreshes() == [1, 0])
                #expect(application.apiTargets.count == 50)
            }
        }

        @Test func `it takes successors, marks polls, hands on the API's own refusals, and lets go`() throws {
            let application = try application(slides: true) { request in
                request.target == "/api/refused" ? "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" : WebApplication.ok
            }
            try inBrowser { browser in
                let page = try open(application, in: browser)
                let pair = try application.tokens(left: 300, life: 3600)
                try page.start(pair)
                #expect(try page.evaluate("ask({ url: '/x', slide: false })", as: String.self) == "200 ok")
                #expect(try page.token() == pair.access)
                #expect(try page.evaluate("ask({ url: '/refused' })", as: String.self) == "AxiosError 401")
                #expect(try page.isActive() && page.token() == pair.access)
                #expect(try page.evaluate("ask({ url: '/x' })", as: String.self) == "200 ok")
                #expect(try page.token() != pair.access)
                #expect(try application.refreshes() == [0, 0])
                try page.run("detach()")
                #expect(try page.evaluate("ask({ url: '/x' })", as: String.self) == "AxiosError 401")
            }
        }

        @Test func `after the end its requests are refused, and the session ends once`() throws {
            let application = try application()
            try inBrowser { browser in
                let page = try open(application, in: browser)
                var pair = try application.tokens(left: -1)
                pair.refresh += "A"
                try page.start(pair, expiresIn: 60)
                let outcomes = try page.evaluate("Promise.all(Array.from({ length: 10 }, () => ask({ url: '/x' })))", as: [String].self)
                #expect(outcomes.allSatisfy { ["AxiosError 401", "SessionEnded "].contains($0) }, "\(outcomes)")
                #expect(try page.events() == ["started", "ended: refused"])
                #expect(try page.evaluate("ask({ url: '/x' })", as: String.self) == "AxiosError 401")
            }
        }
    }
}
