import Foundation
import Glibc
import Synchronization

/// The real browser, without a screen: one process (and its children) for all tests, started by the first that needs it.
///
/// It resolves no names but those of localhost, which it trusts as if they were HTTPS, and `plain.example`, which is this
/// machine without that trust; so nothing leaves it. It ends with its socket, so also when the test
/// process is killed.
final class Chromium: Sendable {
    let devTools: DevTools
    private let process: ChildProcess
    /// For all that the browser keeps. Short, because a path within becomes the address of a socket.
    private let folder: String

    private static let running = Mutex<Chromium?>(nil)

    /// The one that runs, or a new one when none does.
    static func shared() throws -> Chromium {
        try running.withLock { running in
            if let running, !running.devTools.isClosed { return running }
            if running == nil { atexit { Chromium.running.withLock { $0?.end() } } }
            running?.end()
            let chromium = try Chromium()
            running = chromium
            return chromium
        }
    }

    private init() throws {
        var name = Array("/tmp/slidegate-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw WireError.system(call: "mkdtemp", errno: errno) }
        folder = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0 else {
            throw WireError.system(call: "socketpair", errno: errno)
        }
        // The browser's end is one that blocks: the flag belongs to each end.
        _ = fcntl(ends[1], F_SETFL, fcntl(ends[1], F_GETFL) & ~O_NONBLOCK)
        // In a session and process group of its own, so that it can be ended with all of its children.
        let program = try Self.program()
        process = try ChildProcess(
            ["/usr/bin/setsid", program] + Self.options + ["--user-data-dir=\(folder)", "about:blank"],
            environment: ["HOME": folder, "TMPDIR": folder], descriptors: [ends[1], ends[1]])
        close(ends[1])
        devTools = DevTools(Socket(adopting: ends[0]))
        do {
            // A cold start reads hundreds of megabytes.
            try devTools.send("Browser.getVersion", within: .seconds(60))
        } catch {
            end()
            throw BrowserError.noBrowser("Chromium did not start: \(error)\n\(process.text(of: .error))")
        }
    }

    private static let options = [
        "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
        "--disable-sync", "--disable-extensions", "--disable-breakpad", "--disable-domain-reliability", "--mute-audio",
        "--force-color-profile=srgb", "--host-resolver-rules=MAP plain.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
    ]

    /// SLIDEGATE_CHROMIUM, else Debian's.
    private static func program() throws -> String {
        let path = ProcessInfo.processInfo.environment["SLIDEGATE_CHROMIUM"] ?? "/usr/bin/chromium"
        guard access(path, X_OK) == 0 else {
            throw BrowserError.noBrowser("\(path) is not there: apt-get install chromium, as deploy/test does, or set SLIDEGATE_CHROMIUM")
        }
        return path
    }

    private func end() {
        devTools.close()
        kill(-process.identifier, SIGKILL)
        _ = try? process.waitForExit(within: .seconds(5))
        try? FileManager.default.removeItem(atPath: folder)
    }
}
