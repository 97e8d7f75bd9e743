import Foundation
import Testing

extension InChromium {
    /// The instruments before the measurement: what the browser tests rely on, without the module under test.
    @Suite("The browser harness itself")
    struct BrowserHarnessTests {
        private let site: WebSite

        init() throws {
            site = try WebSite([
                "/": .page(
                    """
                    <title>First</title><form><label>Name <input id=name></label><button>Go</button></form><output></output>
                    <script>
                    document.querySelector("form").addEventListener("submit", event => {
                        event.preventDefault();
                        document.querySelector("output").textContent = `${event.isTrusted} ${document.querySelector("input").value}`;
                    });
                    addEventListener("pageshow", event => { window.persisted = event.persisted });
                    </script>
                    """),
                "/second": .page("<title>Second</title>"),
                "/strict": .page(#"<title>Strict</title><script>var ran = true</script>"#, "Content-Security-Policy: default-src 'self'"),
            ])
        }

        @Test func `scripts give values, awaited ones too, and their exceptions are thrown here`() throws {
            try inBrowser { browser in
                let page = try browser.open(site.url("/"))
                #expect(try page.evaluate("document.title", as: String.self) == "First")
                #expect(try page.evaluate("(await fetch('/second')).status", as: Int.self) == 200)
                #expect(try page.run("const two = await Promise.resolve(2); return [1, two]", as: [Int].self) == [1, 2])
                #expect(try page.evaluate("{ a: null, b: 'ü\u{2028}' }", as: [String: String?].self) == ["a": nil, "b": "ü\u{2028}"])
                #expect(throws: BrowserError.self) { try page.run("throw new Error('no')") }
                #expect(throws: BrowserError.self) { try page.evaluate("new Promise(() => {})", as: Int.self, within: .milliseconds(100)) }
                #expect(throws: BrowserError.self) { try page.waitUntil("false", within: .milliseconds(100)) }
                try page.run("setTimeout(() => { window.later = true }, 10)")
                try page.waitUntil("window.later")
            }
        }

        @Test func `clicks and keys are trusted`() throws {
            try inBrowser { browser in
                let page = try browser.open(site.url("/"))
                try page.fill("#name", "Änne")
                try page.click("button")
                #expect(try page.text(of: "output") == "true Änne")
                try page.fill("#name", "Bob")
                try page.press(.enter)
                #expect(try page.text(of: "output") == "true Bob")
                try page.press(.tab)
                #expect(try page.evaluate("document.activeElement.localName", as: String.self) == "button")
                #expect(try page.text(of: "#none") == nil)
            }
        }

        @Test func `going back restores the page from the back/forward cache`() throws {
            try inBrowser { browser in
                let page = try browser.open(site.url("/"))
                try page.run("window.kept = 1")
                try page.open(site.url("/second"))
                #expect(try page.evaluate("window.kept ?? 0", as: Int.self) == 0)
                try page.goBack()
                #expect(try page.evaluate("[window.kept, window.persisted ? 1 : 0]", as: [Int].self) == [1, 1], "\(page.console)")
                try page.goForward()
                #expect(try page.evaluate("document.title", as: String.self) == "Second")
                try page.goBack()
                try page.reload()
                #expect(try page.evaluate("window.persisted", as: Bool.self) == false)
            }
        }

        @Test func `pages of one browser share storage, those of another do not, and each can be hidden`() throws {
            try inBrowser { browser in
                let one = try browser.open(site.url("/"))
                try one.run("localStorage.a = 1")
                let other = try browser.open(site.url("/second"))
                #expect(try other.evaluate("localStorage.a", as: String.self) == "1")
                #expect(try one.evaluate("document.hidden", as: Bool.self) == false)
                try one.run("addEventListener('visibilitychange', () => { window.seen = document.visibilityState })")
                try one.hide()
                #expect(try one.evaluate("seen", as: String.self) == "hidden")
                #expect(try other.evaluate("document.hidden", as: Bool.self) == false)
                try one.show()
                #expect(try one.evaluate("seen", as: String.self) == "visible")
                try inBrowser { stranger in
                    let page = try stranger.open(site.url("/"))
                    #expect(try page.evaluate("localStorage.length", as: Int.self) == 0)
                }
                try other.close()
            }
        }

        @Test func `an exception that nothing caught, and a violation of the policy, are seen`() throws {
            try inBrowser { browser in
                let page = try browser.open(site.url("/"))
                try page.run("console.log('hello', 2, { a: 1 }); setTimeout(() => { throw new Error('lost') })")
                try page.waitForConsole(containing: "lost")
                #expect(page.console.contains("log: hello 2 Object"))
                #expect(page.faults.count == 1)
                page.expectFault(containing: "Error: lost")
                #expect(page.faults.isEmpty)
                try page.run("Promise.reject(new Error('unheard'))")
                try page.waitForConsole(containing: "unheard")
                #expect(page.faults.count == 1)
                page.expectFault(containing: "unheard")

                let strict = try browser.open(site.url("/strict"))
                #expect(try strict.evaluate("typeof ran", as: String.self) == "undefined")
                try strict.waitForConsole(containing: "Content Security Policy")
                #expect(strict.faults.count == 1)
                strict.expectFault(containing: "Content Security Policy")
            }
        }

        @Test func `a script of the test comes before those of the page`() throws {
            try inBrowser { browser in
                let page = try browser.newPage()
                try page.addScriptOnNewDocument("const now = Date.now; Date.now = () => now() + 3_600_000")
                try page.open(site.url("/"))
                let clock = try page.evaluate("Date.now() / 1000", as: Double.self)
                #expect(abs(clock - Token.preciseNow() - 3600) < 60)
            }
        }

        @Test func `pictures have the size that the page is given`() throws {
            try inBrowser { browser in
                let page = try browser.open(site.url("/"))
                try page.resize(width: 390, height: 844, scale: 2, isPhone: true)
                try page.emulateMedia(["prefers-color-scheme": "dark"])
                #expect(try page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches", as: Bool.self))
                let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: page.screenshot(to: "harness.png"))))
                // PNG, IHDR: width and height, 32 bits each.
                let size = bytes[16..<24].map(Int.init)
                #expect(size[2] << 8 | size[3] == 780 && size[6] << 8 | size[7] == 1688)
            }
        }

        @Test func `nothing leaves this machine`() throws {
            try inBrowser { browser in
                let page = try browser.open(site.url("/"))
                let refusal = "await fetch('http://slidegate.example/', { mode: 'no-cors' }).then(() => 'reached', error => error.name)"
                #expect(try page.evaluate(refusal, as: String.self) == "TypeError")
            }
        }
    }
}
