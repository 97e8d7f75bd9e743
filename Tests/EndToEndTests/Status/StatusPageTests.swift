import Foundation
import Testing

extension InChromium {
    /// What an operator sees who looks at a gateway at night. Pictures are in `.build/test-output`.
    @Suite("The status page")
    struct StatusPageTests {
        private static let routes = "routes: [ { path: /api/, name: api }, { path: /, auth: none } ]\n"

        @Test func `rates move under load and come to rest, refusals appear, and it says when nobody answers`() throws {
            let gateway = try Gateway(Gateway.admin + Self.routes, upstream: Origin.ok())
            try inBrowser { browser in
                let tab = try StatusTab(at: gateway.adminPort(), in: browser)
                try tab.waitUntilReady()
                #expect(try tab.attention() == ["✓ Nothing needs attention."])
                #expect(try tab.rows("refusals").isEmpty && !tab.isVisible("#ask") && !tab.isVisible("#shadow"))

                let load = Load(2, at: gateway)
                let path = "/api/%3Cimg%20onerror=alert(1)%3E'"
                #expect(try gateway.get(path).status == 401)
                #expect(try gateway.get("/api/renewed", "Authorization: Bearer \(Token.ending)").status == 200)
                try tab.waitForRate("requests", "> 20")
                try tab.page.waitUntil("document.querySelectorAll('#refusals tbody tr').length === 1")
                let refusal = try tab.rows("refusals")[0]
                #expect(refusal[1] == "401 token_missing" && refusal[2] == "GET \(path)" && refusal[3] == "api" && refusal[4] == "127.0.0.1")
                try tab.page.waitUntil("document.querySelector('#requests-rate').closest('.tile').querySelector('.line').getAttribute('d').length > 60")
                let latency = try #require(try tab.rows("latency").first)
                #expect(latency[0] == "Whole request" && latency[1].hasSuffix("s"))
                #expect(try Set(tab.rows("routes").map { $0[0] }) == ["api", "/"])
                #expect(try tab.rows("upstreams")[0][1] == "up")
                #expect(try tab.page.text(of: "#keys")?.contains("Signs successors.") == true)
                #expect(try tab.page.text(of: "#sessions-why")?.contains("keeps no sessions") == true)
                try tab.page.screenshot(to: "status-1-load.png", isWhole: true)

                #expect(try load.stop().isEmpty)
                try tab.waitForRate("requests", "=== 0")
                #expect(try tab.rate("failures") == 0)

                gateway.process.signal(SIGTERM)
                _ = try gateway.process.waitForExit()
                try tab.waitFor(state: "The gateway does not answer")
            }
        }

        @Test func `sessions are found by user and ended, with the secret alone, and what is written there stays text`() throws {
            let gateway = try Gateway.keepingSessions("store: memory")
            let hostile = #"<img src=x onerror="window.pwned = 1"><b>bob</b> \u202Egnp.exe"#
            let content = #"{"claims":{"sub":"\#(hostile.replacingOccurrences(of: "\"", with: #"\""#))"},"device":{"id":"<i>d</i>","name":"<svg onload=alert(1)>","application":"'\"><script>window.pwned = 1</script>"},"address":"192.0.2.7"}"#
            #expect(try gateway.api("POST", "/sessions", content).status == 201)
            let (first, second) = (try gateway.beginSession(of: "ann"), try gateway.beginSession(of: "ann"))
            #expect(try gateway.status(with: first.access) == 200)
            try inBrowser { browser in
                let tab = try StatusTab(at: gateway.adminPort(), in: browser)
                #expect(try tab.isVisible("#ask") && !tab.isVisible("#all"))
                try tab.page.screenshot(to: "status-2-locked.png")
                try tab.enter(secret: "not the secret of this place")
                try tab.page.waitUntil("document.querySelector('#ask-fault').textContent === 'That is not the secret.'")
                #expect(try tab.page.evaluate("sessionStorage.length", as: Int.self) == 0)
                try tab.enter(secret: Gateway.adminSecret)
                try tab.waitUntilReady()
                #expect(try !tab.isVisible("#ask") && tab.isVisible("#forget"))
                // A reload is the same tab.
                try tab.page.reload()
                try tab.waitUntilReady()

                try tab.search("")
                #expect(try tab.page.text(of: "#sessions-say") == "3 sessions")
                let text = try #require(try tab.page.text(of: "#found"))
                for part in [#"<img src=x onerror="window.pwned = 1"><b>bob</b>"#, "<svg onload=alert(1)>", "<i>d</i>", "<script>window.pwned = 1</script>"] {
                    #expect(text.contains(part), "\(part) is not there as text")
                }
                #expect(try tab.page.evaluate("window.pwned === undefined && document.querySelectorAll('img, #found svg, #found script').length === 0"))
                #expect(try tab.page.evaluate("document.querySelectorAll('#found bdi').length >= 3"))

                try tab.search("ann")
                #expect(try tab.page.text(of: "#sessions-say") == "2 sessions")
                try tab.page.screenshot(to: "status-3-sessions.png", isWhole: true)
                let end = "#found [data-id=\"\(first.id)\"] button"
                try tab.page.click(end)
                try tab.page.press(.escape)
                #expect(try gateway.status(with: first.access) == 200, "ended without a yes")
                try tab.page.click(end)
                try tab.page.waitUntil("document.querySelector('#confirm').open")
                try tab.page.screenshot(to: "status-4-end.png")
                try tab.page.click("#confirm-yes")
                try tab.page.waitUntil("document.querySelector('#sessions-say').textContent.startsWith('Ended')")
                let refused = try gateway.get("/", "Authorization: Bearer \(first.access)")
                #expect(refused.status == 401 && refused.text.contains("token_revoked"))
                #expect(try gateway.status(with: second.access) == 200)
                try tab.page.waitUntil("[...document.querySelectorAll('#refusals tbody tr')].some((row) => row.innerText.includes('token_revoked'))")

                try tab.page.click("#end-all")
                try tab.page.click("#confirm-yes")
                try tab.page.waitUntil("document.querySelector('#sessions-say').textContent === '1 session ended.'")
                #expect(try gateway.status(with: second.access) == 401)
                try tab.search("nobody")
                #expect(try tab.page.text(of: "#sessions-say") == "There are none.")

                try tab.page.click("#forget")
                try tab.page.waitUntil("document.querySelector('#ask').getClientRects().length")
                #expect(try tab.page.evaluate("sessionStorage.length === 0 && document.querySelector('#found').children.length === 0"))
                #expect(try !tab.isVisible("#all"))
                try tab.page.reload()
                try tab.waitFor(state: "Locked")
            }
        }

        @Test func `on a telephone, at night, with much that is wrong, nothing is cut off`() throws {
            let origin = try Origin.ok()
            let gateway = try Gateway(
                """
                \(Gateway.admin)upstreams:
                  app: { servers: [ { address: "127.0.0.1:\(origin.port)" }, { address: "127.0.0.1:1" } ], health: { path: /health, interval: 100ms } }
                routes: [ { path: /api/, name: "a-name-of-a-route-that-is-rather-long-and-has-no-place-to-break" }, { path: /, auth: none } ]
                """, upstream: origin)
            for index in 0..<12 { _ = try gateway.get("/api/\(String(repeating: "long-segment/", count: 12))\(index)") }
            for _ in 0..<8 { _ = try gateway.get("/") }
            try gateway.rewrite(Gateway.admin + "nonsense: <b>\(String(repeating: "x", count: 90))</b>")
            gateway.process.signal(SIGHUP)
            _ = try gateway.process.waitForLine(containing: "reload refused")
            try inBrowser { browser in
                let tab = try StatusTab(at: gateway.adminPort(), in: browser, width: 360, height: 740, media: ["prefers-color-scheme": "dark"])
                try tab.waitUntilReady()
                try tab.waitForAttention("the configuration from before is in force")
                try tab.waitForAttention("not fully available")
                #expect(try tab.attention().contains { $0.contains("nonsense") })
                #expect(try tab.rows("refusals").count == 10)
                try tab.page.click("#refusals-all")
                #expect(try tab.rows("refusals").count == 12)
                #expect(try tab.overflow() <= 0)
                #expect(try tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 20, 23)")
                try tab.page.screenshot(to: "status-5-phone.png", isWhole: true)
                for (media, name) in [("light", "status-6-phone-light.png"), ("dark", "status-7-desk-dark.png")] {
                    try tab.page.emulateMedia(["prefers-color-scheme": media])
                    if media == "dark" { try tab.page.resize(width: 1280, height: 900) }
                    #expect(try tab.overflow() <= 0)
                    #expect(try tab.page.evaluate(Self.faintTexts) == [String](), "\(media)")
                    try tab.page.screenshot(to: name, isWhole: true)
                }
            }
        }

        @Test func `shadow mode is told at the top, with what enforcing would have done`() throws {
            let gateway = try Gateway(
                Gateway.admin + "routes: [ { path: /api/, name: api, mode: shadow }, { path: /, auth: none } ]\n", upstream: Origin.ok())
            for _ in 0..<3 { #expect(try gateway.get("/api/x").status == 200) }
            #expect(try gateway.get("/api/x", "Authorization: Bearer \(Token.ending)").status == 200)
            try inBrowser { browser in
                let tab = try StatusTab(at: gateway.adminPort(), in: browser)
                try tab.waitUntilReady()
                #expect(try tab.isVisible("#shadow"))
                #expect(
                    try tab.page.text(of: "#shadow-text")
                        == "On the routes below nothing is refused and nothing renewed. Enforcing would have refused 3 of 4 requests (75 %) and renewed 1 (25 %).")
                let row = try #require(try tab.rows("shadow-table").first)
                #expect(row[0] == "api" && row[2] == "4" && row[3] == "3 · 75 %" && row[4] == "1 · 25 %" && row[5] == "token_missing 3")
                #expect(try tab.rows("routes")[0][0] == "api")
                let titles = try tab.rows("latency").map(\.first)
                #expect(titles.contains { $0?.hasPrefix("Upstream default until its answer begins") == true }, "\(titles)")
                #expect(try tab.attention().contains { $0.contains("Nothing is refused on 1 route") })
                try tab.page.resize(width: 360, height: 740, isPhone: true)
                #expect(try tab.overflow() <= 0)
                try tab.page.screenshot(to: "status-8-shadow.png")
            }
        }

        @Test func `behind a Unix socket that is forwarded to a port it is the same`() throws {
            let gateway = try Gateway("admin: { address: \"unix:$FOLDER/admin.sock\" }\n" + Self.routes, upstream: Origin.ok())
            _ = try gateway.process.waitForLine(containing: "slidegate: administration on unix:")
            let forwarder = try Forwarder(to: gateway.path("admin.sock"))
            try inBrowser { browser in
                let tab = try StatusTab(at: forwarder.port, in: browser)
                try tab.waitUntilReady()
                _ = try gateway.get("/api/x")
                try tab.page.waitUntil("document.querySelector('#refusals').innerText.includes('token_missing')")
            }
        }

        @Test func `rates and shares are reckoned from what changed between two reports`() throws {
            let gateway = try Gateway(Gateway.admin, upstream: Origin.ok())
            try inBrowser { browser in
                let tab = try StatusTab(at: gateway.adminPort(), in: browser)
                let figures = try tab.page.run(
                    """
                    const { History, merged, quantile } = await import("./history.js");
                    const bounds = [0.001, 0.002, 0.004, 0.008];
                    const report = (uptime, admitted, refused, buckets, id = 1) => ({
                      process: { id, uptime }, active: { requests: 0, connections: 0 },
                      routes: [{ name: "a", requests: { admitted, refused }, latency: { count: buckets.reduce((sum, [, count]) => sum + count, 0), sum: 0, buckets } }],
                    });
                    const history = new History();
                    history.add(report(100, 1000, 10, [[0, 1010]]));
                    const before = history.rate("requests", 10);
                    history.add(report(110, 1080, 30, [[0, 1010], [2, 100]]));
                    const latency = (each) => merged(each.routes.map(({ latency }) => latency));
                    const all = [history.rate("requests", 10), history.rate("refusals", 10), quantile(history.recent(latency), 0.5, bounds), history.points.length];
                    history.add(report(5, 7, 0, [[1, 7]], 2));
                    return [before === undefined, ...all, history.rate("requests", 10) === undefined, history.points.length, quantile({ buckets: [[4, 1]] }, 0.99, bounds), quantile({ buckets: [] }, 0.5, bounds) === undefined];
                    """, as: [JSON].self)
                // 100 requests in 10 s, all between 2 and 4 ms; another process begins anew.
                #expect(figures == [true, 10, 2, .number(0.003), 1, true, 0, .number(0.008), true])
            }
        }

        /// Texts whose contrast with what is behind them is less than 4.5 (WCAG 2.2, 1.4.3).
        private static let faintTexts = """
            (() => {
              const channel = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
              const luminance = ([red, green, blue]) => 0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
              const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
              const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, index) => value * a + below[index] * (1 - a));
              const ground = (element) => element ? over(parse(getComputedStyle(element).backgroundColor), ground(element.parentElement)) : [255, 255, 255];
              const faint = new Set();
              const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              while (walker.nextNode()) {
                const element = walker.currentNode.parentElement;
                if (walker.currentNode.data.trim() === "" || !element.getClientRects().length || element.closest(".unseen, noscript, script")) continue;
                const behind = ground(element), text = over(parse(getComputedStyle(element).color), behind);
                const [high, low] = [luminance(text), luminance(behind)].sort((one, other) => other - one);
                if ((high + 0.05) / (low + 0.05) < 4.5) faint.add(`${element.tagName} ${element.className} ${walker.currentNode.data.slice(0, 30)}`);
              }
              return [...faint];
            })()
            """
    }
}
