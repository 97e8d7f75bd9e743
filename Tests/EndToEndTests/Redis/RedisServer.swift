import Foundation
import Glibc
import Synchronization

/// A real `redis-server` on a free port, with a folder of its own, which keeps on disk all that it has answered.
final class RedisServer: Sendable {
    let port: UInt16
    private let folder: Folder
    private let process = Mutex<ChildProcess?>(nil)

    init() throws {
        let listener = try ListeningSocket()
        port = listener.port
        listener.stop()
        folder = try Folder()
        try start()
    }

    private static func program() throws -> String {
        let paths: [String] = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]
        guard let path = paths.first(where: { access($0, X_OK) == 0 }) else { throw GatewayError.binaryNotFound("redis-server") }
        return path
    }

    /// Returns when it takes connections.
    func start() throws {
        let arguments = [
            try Self.program(), "--bind", "127.0.0.1", "--port", "\(port)", "--dir", folder.path, "--appendonly", "yes", "--appendfsync", "always",
            "--save", "",
        ]
        let child = try ChildProcess(arguments)
        process.withLock { $0 = child }
        try child.waitForLine(containing: "Ready to accept connections", on: .output)
    }

    func kill() throws {
        let child = process.withLock { $0 }
        child?.signal(SIGKILL)
        _ = try child?.waitForExit()
    }

    func pause() { process.withLock { $0?.signal(SIGSTOP) } }
    func resume() { process.withLock { $0?.signal(SIGCONT) } }
}

/// A network in front of a server, which can be cut: then nothing passes, and nobody is told.
final class Network: Sendable {
    private let entrance: Origin
    private let state: Cut

    var port: UInt16 { entrance.port }

    init(to server: UInt16) throws {
        let state = Cut()
        self.state = state
        entrance = try Origin(keepsLog: false) { connection in
            let upstream = try Socket.connected(to: server)
            defer { upstream.close() }
            startThread {
                try? Self.pass(from: connection.socket, to: upstream, state)
                upstream.finishWriting()
            }
            try? Self.pass(from: upstream, to: connection.socket, state)
            connection.socket.shutDown()
        }
    }

    func cut() { state.set(true) }
    func mend() { state.set(false) }

    private static func pass(from one: Socket, to other: Socket, _ state: Cut) throws {
        while true {
            let bytes = try one.read(upTo: 65_536, by: .after(.seconds(600)), waitingFor: "bytes to pass on")
            state.waitWhileCut()
            if bytes.isEmpty { return }
            try other.write(bytes, by: .after(.seconds(600)))
        }
    }

    private final class Cut: Sendable {
        private let isCut = Mutex(false)
        private let changed = NSCondition()

        func set(_ value: Bool) {
            isCut.withLock { $0 = value }
            changed.lock()
            changed.broadcast()
            changed.unlock()
        }

        func waitWhileCut() {
            changed.lock()
            defer { changed.unlock() }
            while isCut.withLock({ $0 }) { changed.wait() }
        }
    }
}
