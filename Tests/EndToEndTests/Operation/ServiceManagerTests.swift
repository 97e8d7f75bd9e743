import Foundation
import Glibc
import Testing

/// Goal: the program is a good service under systemd and whatever speaks its conventions. Method: a shell that sets the
/// variables in the manager's place.
@Suite("Socket activation (sd_listen_fds)")
struct SocketActivationTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    static let launcher = #"LISTEN_PID=$$ exec "$@""#

    private func activated(
        _ settings: String, by sockets: [ListeningSocket], upstream: Origin, launcher: String = launcher
    ) throws -> Gateway {
        let environment = ["LISTEN_FDS": "\(sockets.count)", "LISTEN_FDNAMES": sockets.map { _ in "web" }.joined(separator: ":")]
        return try Gateway(
            openToAll + "\n" + settings, upstream: upstream, environment: environment, sockets: sockets, launcher: launcher)
    }

    @Test(arguments: [(1, 1), (1, 3), (3, 2), (2, 4)])
    func `sockets on the configured address are served from, by every worker`(_ count: Int, _ workers: Int) throws {
        // All of them are one address, as with ReusePort= and several lines.
        let first = try ListeningSocket(sharingPort: 0)
        let sockets = try [first] + (1..<count).map { _ in try ListeningSocket(sharingPort: first.port) }
        let origin = try Origin.ok()
        // Connected before anybody accepts: it waits, and is not refused.
        let early = try Client(to: first.port)
        try early.send(Self.request)
        let gateway = try activated("listen: 127.0.0.1:\(first.port)\nworkers: \(workers)", by: sockets, upstream: origin)
        #expect(gateway.port == first.port)
        #expect(try early.receive().status == 200)
        for _ in 0..<40 { #expect(try gateway.exchange(Self.request, within: .seconds(5)).status == 200) }
        #expect(!gateway.logs.contains("waits for nobody"))
    }

    @Test func `one socket is shared among the workers, and none of them does all the work`() throws {
        let socket = try ListeningSocket()
        let origin = try Origin.ok()
        let gateway = try activated("listen: 127.0.0.1:\(socket.port)\nworkers: 2", by: [socket], upstream: origin)
        // A worker keeps its upstream connections to itself, so each one that works has at least one.
        let clients = try (0..<40).map { _ in try gateway.connect() }
        for client in clients { #expect(try client.exchange(Self.request).status == 200) }
        #expect(origin.connections.count >= 2)
    }

    @Test func `what no listener is configured for is warned of, and taken up by a reload`() throws {
        let socket = try ListeningSocket()
        let origin = try Origin.ok()
        let gateway = try activated("", by: [socket], upstream: origin)
        try gateway.process.waitForLine(containing: "warning: no listener is configured for the socket web on 127.0.0.1:\(socket.port)")
        let early = try Client(to: socket.port)
        try early.send(Self.request)
        try gateway.rewrite(openToAll + "\nlisten: [ 127.0.0.1:0, 127.0.0.1:\(socket.port) ]")
        gateway.process.signal(SIGHUP)
        #expect(try early.receive().status == 200)
    }

    @Test func `the sockets outlive the process: a restart loses nobody who waits`() throws {
        let socket = try ListeningSocket()
        let origin = try Origin.ok()
        let settings = "listen: 127.0.0.1:\(socket.port)\nworkers: 2"
        let first = try activated(settings, by: [socket], upstream: origin)
        first.process.signal(SIGTERM)
        #expect(try first.process.waitForExit() == .exited(0))
        let early = try Client(to: socket.port)
        try early.send(Self.request)
        let second = try activated(settings, by: [socket], upstream: origin)
        #expect(try early.receive().status == 200)
        #expect(second.process.isRunning)
    }

    @Test func `they are handed over like others, and keep their names`() throws {
        let socket = try ListeningSocket()
        let origin = try Origin.ok()
        let gateway = try activated("listen: 127.0.0.1:\(socket.port)\nworkers: 2", by: [socket], upstream: origin)
        let heir = try gateway.handOver()
        #expect(try gateway.process.waitForExit() == .exited(0))
        for _ in 0..<20 { #expect(try gateway.exchange(Self.request).status == 200) }
        try gateway.rewrite(openToAll + "\nworkers: 2")
        heir.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configured for the socket web on")
    }

    @Test(arguments: ["LISTEN_PID=1", "LISTEN_PID=", "LISTEN_PID=$$x", "unset LISTEN_PID;"])
    func `what is meant for another process is not touched`(_ variable: String) throws {
        let socket = try ListeningSocket()
        let origin = try Origin.ok()
        let gateway = try activated("", by: [socket], upstream: origin, launcher: variable + #" exec "$@""#)
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(!gateway.logs.contains("web"))
    }

    @Test(arguments: ["-1", "x", "99999999999", "1000000"])
    func `a number of sockets that cannot be is refused with a warning`(_ number: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            openToAll, upstream: origin, launcher: "LISTEN_FDS=\(number) LISTEN_PID=$$ exec \"$@\"")
        try gateway.process.waitForLine(containing: "warning: LISTEN_FDS is \(number)")
        #expect(try gateway.exchange(Self.request).status == 200)
    }

    @Test func `a descriptor that is no listening socket is warned of`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            openToAll, upstream: origin, launcher: "exec 3</dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$@\"")
        try gateway.process.waitForLine(containing: "the descriptor 3 that came as unknown is not a listening stream socket")
        try gateway.process.waitForLine(containing: "the descriptor 4")
        #expect(try gateway.exchange(Self.request).status == 200)
    }

    @Test func `the variables are not passed on`() throws {
        let origin = try Origin.ok()
        let socket = try ListeningSocket()
        let gateway = try activated("listen: 127.0.0.1:\(socket.port)", by: [socket], upstream: origin)
        try gateway.rewrite(openToAll + "\nlisten: 127.0.0.1:\(socket.port)")
        let heir = try gateway.handOver()
        let next = try gateway.handOver(from: heir)
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(next.isRunning)
    }
}

@Suite("Messages to the service manager (sd_notify)")
struct NotificationTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test(arguments: [false, true])
    func `tell of start, reloads and the end, in order`(_ isAbstract: Bool) throws {
        let folder = try Folder()
        let manager = try NotifySocket(isAbstract ? "@\(folder.path)" : folder.path("notify"))
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin, environment: ["NOTIFY_SOCKET": manager.name])
        #expect(try manager.next() == ["READY=1", "STATUS=serving on 127.0.0.1:\(gateway.port)"])
        gateway.process.signal(SIGHUP)
        let reloading = try manager.next()
        #expect(reloading.first == "RELOADING=1")
        #expect(reloading.last?.split(separator: "=").first == "MONOTONIC_USEC")
        #expect(try manager.next() == ["READY=1", "STATUS=serving on 127.0.0.1:\(gateway.port)"])
        try gateway.rewrite(verbatim: "listen: [")
        gateway.process.signal(SIGHUP)
        #expect(try manager.next().first == "RELOADING=1")
        let refused = try manager.next()
        #expect(refused.first == "READY=1")
        #expect(refused.last?.contains("refused") == true)
        gateway.process.signal(SIGTERM)
        #expect(try manager.next() == ["STOPPING=1", "STATUS=draining"])
        #expect(try gateway.process.waitForExit() == .exited(0))
    }

    @Test func `a hand-over makes the heir the main process, and nothing says that the service stops`() throws {
        let folder = try Folder()
        let manager = try NotifySocket(folder.path("notify"))
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin, environment: ["NOTIFY_SOCKET": manager.name])
        #expect(try manager.next().first == "READY=1")
        let heir = try gateway.handOver()
        #expect(try manager.next() == ["MAINPID=\(heir.identifier)", "STATUS=handed over to process \(heir.identifier)"])
        #expect(!gateway.logs.contains("draining"), "it waits until the manager has read that")
        #expect(try manager.next() == ["BARRIER=1"])
        #expect(try gateway.process.waitForExit() == .exited(0))
        heir.signal(SIGHUP)
        #expect(try manager.next().first == "RELOADING=1")
        #expect(try manager.next().first == "READY=1")
        heir.signal(SIGTERM)
        #expect(try manager.next().first == "STOPPING=1")
    }

    @Test func `signs of life come twice in the time that the watchdog allows`() throws {
        let folder = try Folder()
        let manager = try NotifySocket(folder.path("notify"))
        let origin = try Origin.ok()
        let gateway = try Gateway(
            openToAll, upstream: origin, environment: ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"],
            launcher: #"WATCHDOG_PID=$$ exec "$@""#)
        #expect(try manager.next().first == "READY=1")
        let start = ContinuousClock.now
        for _ in 0..<3 { #expect(try manager.next() == ["WATCHDOG=1"]) }
        #expect(start.duration(to: .now) > .milliseconds(500))
        let heir = try gateway.handOver()
        _ = try manager.next(with: "BARRIER")
        #expect(try gateway.process.waitForExit() == .exited(0))
        for _ in 0..<2 { #expect(try manager.next() == ["WATCHDOG=1"]) }
        #expect(heir.isRunning)
    }

    @Test(arguments: ["/nowhere/notify", "relative", "@", "", "vsock:2:1234"])
    func `a manager that is not there changes nothing`(_ name: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin, environment: ["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "-1"])
        #expect(try gateway.exchange(Self.request).status == 200)
        let heir = try gateway.handOver()
        #expect(try gateway.process.waitForExit() == .exited(0))
        #expect(heir.isRunning)
    }
}

@Suite("Units for systemd")
struct UnitTests {
    static let analyzer = "/usr/bin/systemd-analyze"

    @Test(.enabled(if: access(analyzer, X_OK) == 0, "systemd-analyze is not installed"))
    func `are what systemd takes, without a warning`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..").standardized.path
        let folder = try Folder()
        for name in ["slidegate.service", "slidegate.socket"] {
            let text = try String(contentsOfFile: "\(root)/deploy/systemd/\(name)", encoding: .utf8)
            // The program has to be there for a unit to be right.
            let unit = text.replacingOccurrences(of: "/usr/bin/slidegate", with: try Gateway.binary())
            try folder.write(Array(unit.utf8), to: name)
        }
        // Manual pages are there where the package is.
        let process = try ChildProcess(
            [Self.analyzer, "verify", "--man=no", folder.path("slidegate.service"), folder.path("slidegate.socket")])
        #expect(try process.waitForExit() == .exited(0))
        try process.waitUntilRead()
        #expect(process.text(of: .error) == "")
    }
}
