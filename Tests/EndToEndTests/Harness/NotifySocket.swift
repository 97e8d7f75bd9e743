import Glibc

/// Where a service manager would listen for sd_notify(3) messages.
final class NotifySocket: Sendable {
    /// As `NOTIFY_SOCKET` has it.
    let name: String
    private let descriptor: Int32

    /// - Parameter name: a path, or `@` and a name in the abstract namespace.
    init(_ name: String) throws {
        self.name = name
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw WireError.system(call: "socket", errno: errno) }
        self.descriptor = descriptor
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(name.utf8)) }
        if name.hasPrefix("@") { address.sun_path.0 = 0 }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + name.utf8.count
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(length)) }
        }
        guard result == 0 else { throw WireError.system(call: "bind", errno: errno) }
    }

    deinit { close(descriptor) }

    /// The next message, as lines. A descriptor that came with it is closed, as a manager does that has read so far.
    func next(within duration: Duration = Deadline.usual) throws -> [String] {
        var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&interest, 1, Deadline.after(duration).millisecondsLeft) > 0 else {
            throw WireError.timedOut(waitingFor: "a message to the service manager")
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw WireError.system(call: "recv", errno: errno) }
        return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// The next one that has a line with that beginning; those before it are passed over.
    func next(with prefix: String) throws -> [String] {
        while true {
            let message = try next()
            if message.contains(where: { $0.hasPrefix(prefix) }) { return message }
        }
    }
}
