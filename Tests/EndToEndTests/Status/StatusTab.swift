import Foundation

/// The status page of a gateway, by what an operator sees and does there.
struct StatusTab {
    let page: Page

    /// - Parameter port: of the administration listener, or of what leads to it.
    init(at port: UInt16, in browser: Browser, width: Int = 1280, height: Int = 900, media: [String: String] = [:]) throws {
        page = try browser.newPage()
        try page.resize(width: width, height: height, isPhone: width < 500)
        if !media.isEmpty { try page.emulateMedia(media) }
        try page.open("http://127.0.0.1:\(port)/")
        try page.waitUntil("document.querySelector('#state').textContent !== 'Asking …'")
    }

    func waitUntilReady() throws { try waitFor(state: "Up and ready") }

    func waitFor(state: String) throws { try page.waitUntil("document.querySelector('#state').textContent.startsWith('\(state)')") }

    /// With the keyboard alone: the field has the focus.
    func enter(secret: String) throws {
        try page.waitUntil("document.activeElement.id === 'secret'")
        try page.send("Input.insertText", ["text": .string(secret)])
        try page.press(.enter)
    }

    func search(_ subject: String) throws {
        try page.fill("#subject", subject)
        try page.press(.enter)
        try page.waitUntil("document.querySelector('#sessions-say').textContent !== ''")
    }

    /// What a tile shows, as a number.
    func rate(_ name: String) throws -> Double {
        try page.evaluate(Self.number(name))
    }

    func waitForRate(_ name: String, _ condition: String, within duration: Duration = .seconds(30)) throws {
        try page.waitUntil("\(Self.number(name)) \(condition)", within: duration)
    }

    private static func number(_ name: String) -> String {
        "Number.parseFloat(document.querySelector('#\(name)-rate').textContent.replace(/[<,]/g, ''))"
    }

    /// The rows of the table in an element, each as its cells' texts.
    func rows(_ id: String) throws -> [[String]] {
        try page.evaluate("[...document.querySelectorAll('#\(id) tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText))")
    }

    /// What needs attention, one line each.
    func attention() throws -> [String] {
        try page.evaluate("[...document.querySelectorAll('#attention > li')].map((each) => each.innerText.replaceAll('\\n', ' '))")
    }

    func waitForAttention(_ part: String) throws { try page.waitUntil("document.querySelector('#attention').innerText.includes('\(part)')") }

    /// How far the document is wider than the view, in pixels.
    func overflow() throws -> Int { try page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") }

    func isVisible(_ selector: String) throws -> Bool { try page.evaluate("!!document.querySelector('\(selector)')?.getClientRects().length") }
}

/// A port of this machine that leads to a Unix socket, as `ssh -L PORT:PATH` makes one.
final class Forwarder: Sendable {
    let port: UInt16
    private let listener: ListeningSocket

    init(to path: String) throws {
        let listener = try ListeningSocket()
        self.listener = listener
        port = listener.port
        startThread {
            while let client = listener.accept() {
                guard let server = try? Socket.connected(toPath: path) else {
                    client.close()
                    continue
                }
                for (one, other) in [(client, server), (server, client)] { startThread { Self.carry(from: one, to: other) } }
            }
        }
    }

    deinit { listener.stop() }

    private static func carry(from one: Socket, to other: Socket) {
        while let bytes = try? one.read(upTo: 16 << 10, by: .after(.seconds(60)), waitingFor: "bytes"), !bytes.isEmpty {
            guard (try? other.write(bytes, by: .after(.seconds(60)))) != nil else { break }
        }
        other.finishWriting()
    }
}
