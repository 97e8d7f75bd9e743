/// The program as `slidegate demo`, on a free port.
final class Demo: Sendable {
    let process: ChildProcess
    let port: UInt16
    var url: String { "http://127.0.0.1:\(port)/" }

    init() throws {
        process = try ChildProcess([try Gateway.binary(), "demo", "--listen", "127.0.0.1:0"])
        let line = try process.waitForLine(containing: "slidegate: listening on 127.0.0.1:")
        guard let number = line.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw GatewayError.noSuchLine("listening on 127.0.0.1:PORT", output: line)
        }
        port = number
        try process.waitForLine(containing: "Stop with Ctrl-C.", on: .output)
    }
}

/// The demo's page, by what a person sees and does there.
struct DemoTab {
    let page: Page

    init(_ demo: Demo, in browser: Browser, width: Int = 1280, height: Int = 800, media: [String: String] = [:]) throws {
        page = try browser.newPage()
        try page.resize(width: width, height: height, isPhone: width < 500)
        if !media.isEmpty { try page.emulateMedia(media) }
        // Every headline, in its order.
        try page.addScriptOnNewDocument(
            """
            window.headlines = [];
            addEventListener("DOMContentLoaded", () => {
                const headline = document.querySelector("#headline");
                new MutationObserver(() => headlines.push(headline.textContent)).observe(headline, { childList: true });
            });
            """)
        try page.open(demo.url)
        try page.waitUntil("document.body.dataset.view")
    }

    func logIn(_ name: String = "alice", keepingRefreshToken: Bool = false) throws {
        try page.fill("#user", name)
        if keepingRefreshToken { try page.click("#keep") }
        try page.click("#login button")
        try waitFor(view: "session")
    }

    func waitFor(view: String) throws { try page.waitUntil("document.body.dataset.view === '\(view)'") }

    /// Waits until that is the headline, `count` times from now on.
    func waitFor(headline: String, times count: Int = 1, within duration: Duration = .seconds(40)) throws {
        let seen = "headlines.filter((each) => each === '\(headline)').length"
        let before = try page.evaluate(seen, as: Int.self)
        let isThere = try page.evaluate("document.querySelector('#headline').textContent === '\(headline)'", as: Bool.self)
        try page.waitUntil("\(seen) >= \(before + count - (isThere ? 1 : 0))", within: duration)
    }

    var headline: String { get throws { try page.text(of: "#headline") ?? "" } }
    var headlines: [String] { get throws { try page.evaluate("headlines") } }

    /// Of the log, newest first.
    var entries: [String] { get throws { try page.evaluate("[...document.querySelectorAll('#log b')].map((each) => each.textContent)") } }

    /// What the module has stored for all tabs; the claims are those of the access token.
    func stored() throws -> Stored {
        try page.run(
            """
            const name = Object.keys(localStorage).find((each) => each.startsWith("demo"));
            const { access, refresh, over } = JSON.parse(localStorage[name] ?? "{}");
            const part = access?.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
            return { access, refresh, over, claims: part && JSON.parse(atob(part)) };
            """, as: Stored.self)
    }

    struct Stored: Decodable {
        struct Claims: Decodable {
            let sub: String
            let sid: String
            let exp: Int
        }

        let access: String?
        let refresh: String?
        let over: String?
        let claims: Claims?
    }

    /// How often it has asked for that path.
    func requests(to path: String) throws -> Int {
        try page.evaluate("performance.getEntriesByType('resource').filter(({ name }) => new URL(name).pathname === '\(path)').length")
    }

    /// Shares of the bars, 0 to 1, as they are drawn.
    func bar(_ name: String) throws -> Double {
        try page.evaluate(
            "document.querySelector('#\(name) .fill').getBoundingClientRect().width / document.querySelector('#\(name)').clientWidth")
    }

    /// How far the document is wider than the view, in pixels.
    func overflow() throws -> Int { try page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") }

    func marks(_ kind: String) throws -> Int { try page.evaluate("document.querySelectorAll('#timeline .marks > .\(kind)').length") }
}
