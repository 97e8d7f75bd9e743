import Foundation
import Glibc
import SessionStores
import Sessions
import Synchronization

/// A real `redis-server`, or Sentinel, of a test's own: on a free port of the loopback interface, with a folder of its own. Ends with its
/// owner.
final class RedisServer: Sendable {
    static let program =
        (["/usr/bin/redis-server", "/usr/local/bin/redis-server"] as [String]).first { access($0, X_OK) == 0 } ?? "/usr/bin/redis-server"

    let port: UInt16
    let folder: String
    private let settings: [String]
    private let isSentinel: Bool
    private let process = Mutex<pid_t>(0)

    var endpoint: RedisSettings.Endpoint { .init(host: "127.0.0.1", port: port) }
    var socketPath: String { folder + "/s" }

    /// - Parameter settings: lines of `redis.conf`, in addition to what every server here has: all that it has answered is on disk.
    init(_ settings: [String] = [], sentinel: Bool = false) throws {
        port = try Self.freePort()
        folder = NSTemporaryDirectory() + "redis-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        self.settings = settings
        isSentinel = sentinel
        try write()
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private var file: String { folder + "/redis.conf" }

    private func write() throws {
        var lines = ["bind 127.0.0.1", "port \(port)", "dir \(folder)", "daemonize no", "logfile \(folder)/log"]
        if !isSentinel { lines += ["unixsocket \(socketPath)", "appendonly yes", "appendfsync always", "save \"\""] }
        try (lines + settings).joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// Returns when it takes connections.
    func start() throws {
        let arguments = [Self.program, file] + (isSentinel ? ["--sentinel"] : [])
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in 0...2 as ClosedRange<Int32> { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
        var identifier: pid_t = 0
        let status = posix_spawn(&identifier, Self.program, &actions, nil, &pointers, environ)
        guard status == 0 else { throw RedisServerError(reason: "\(Self.program): \(String(cString: strerror(status)))") }
        process.withLock { $0 = identifier }
        runningServers.withLock { _ = $0.insert(identifier) }
        for _ in 0..<1000 {
            if Self.connects(to: port) { return }
            usleep(10_000)
        }
        throw RedisServerError(reason: "it does not start: " + ((try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""))
    }

    /// At once, as a loss of power would.
    func kill() {
        process.withLock { identifier in
            guard identifier > 0 else { return }
            Glibc.kill(identifier, SIGKILL)
            _ = runningServers.withLock { $0.remove(identifier) }
            waitpid(identifier, nil, 0)
            identifier = 0
        }
    }

    func pause() { process.withLock { _ = Glibc.kill($0, SIGSTOP) } }
    func resume() { process.withLock { _ = Glibc.kill($0, SIGCONT) } }

    /// One command by a connection of its own; the text of the first line of the reply, and what follows.
    @discardableResult
    func command(_ words: String..., password: String? = nil) throws -> String {
        let socket = try Self.connect(to: port)
        defer { close(socket) }
        var lines = password.map { [["AUTH", $0]] } ?? []
        lines.append(words)
        var text = ""
        for line in lines {
            let wire = "*\(line.count)\r\n" + line.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
            guard send(socket, wire, wire.utf8.count, Int32(MSG_NOSIGNAL)) == wire.utf8.count else { throw RedisServerError(reason: "send") }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { throw RedisServerError(reason: "recv") }
            text = String(decoding: buffer[..<count], as: UTF8.self)
        }
        return text
    }

    // MARK: Sockets

    static func freePort() throws -> UInt16 {
        let descriptor = try listeningSocket()
        defer { close(descriptor) }
        return port(of: descriptor)
    }

    /// On a free port of the loopback interface.
    static func listeningSocket() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard descriptor >= 0, status == 0, listen(descriptor, 64) == 0 else { throw RedisServerError(reason: "no free port") }
        return descriptor
    }

    static func port(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// - Parameter timeout: seconds that reading may take; 0: any.
    static func connect(to port: UInt16, timeout: Int = 5) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var time = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            close(descriptor)
            throw RedisServerError(reason: "it does not listen")
        }
        return descriptor
    }

    private static func connects(to port: UInt16) -> Bool {
        guard let descriptor = try? connect(to: port) else { return false }
        close(descriptor)
        return true
    }
}

/// Those that live as long as the tests end with them.
private let runningServers: Mutex<Set<pid_t>> = {
    atexit { runningServers.withLock { for identifier in $0 { kill(identifier, SIGKILL) } } }
    return Mutex([])
}()

struct RedisServerError: Error { let reason: String }

extension StoreKind {
    /// One server for all: every store has a prefix of its own there. The contract says what comes, not how soon: time enough for
    /// hundreds of requests at once in a debug build.
    static let redis = StoreKind(name: "redis") {
        let place = RedisSettings.Place.unix(try server.get().socketPath)
        return try openRedis(RedisSettings(place, prefix: "test-\(SessionID.random()):", timeout: 20_000, poll: 20))
    }

    private static let server = Result { try RedisServer() }

    private static func openRedis(_ settings: RedisSettings) throws -> OpenStore {
        let revocations = RevocationSet()
        let store = try RedisStore(settings, revocations: revocations, clock: { start }) { _ in }
        return OpenStore(store, revocations) { try openRedis(settings) }
    }
}
