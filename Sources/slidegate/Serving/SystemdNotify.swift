import EventLoop
import Glibc

/// Tells a service manager how this process is doing (sd_notify(3)): datagrams of `NAME=value` lines. Without one, nothing
/// is sent and nothing is missed.
struct SystemdNotify {
    /// How long the manager may take to have read what was sent, in milliseconds.
    static let barrierTimeMax: Int64 = 5_000

    private let address: sockaddr_un
    private let length: socklen_t
    /// Half of what the manager waits for a sign of life, in milliseconds; nil when it waits for none.
    let watchdogInterval: Int64?

    /// Nil where nobody listens: `NOTIFY_SOCKET` is not set, or of a kind that this program does not know.
    init?() {
        guard let name = getenv("NOTIFY_SOCKET").map({ Array(String(cString: $0).utf8) }), name.count > 1,
            name[0] == UInt8(ascii: "/") || name[0] == UInt8(ascii: "@")
        else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: name)
            if name[0] == UInt8(ascii: "@") { path[0] = 0 }  // the abstract namespace
        }
        self.address = address
        length = socklen_t(offset + name.count)
        watchdogInterval = Self.watchdogInterval()
    }

    /// Whatever becomes of it: a manager that does not listen is no reason not to serve.
    func tell(_ assignments: String...) {
        guard let descriptor = connected() else { return }
        defer { close(descriptor) }
        let message = Array(assignments.joined(separator: "\n").utf8)
        _ = send(descriptor, message, message.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    /// `RELOADING=1`, with the instant that tells this reload from others.
    func tellReloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        tell("RELOADING=1", "MONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    /// Sends a descriptor along that the manager closes when it has handled everything before it. A process that ends before
    /// that is no longer known as part of its service, and what it said last is lost.
    /// - Parameter descriptor: all copies of this process's must be closed for the other end to tell.
    func sendBarrier(_ descriptor: CInt) {
        guard let socket = connected() else { return }
        defer { close(socket) }
        var text = Array("BARRIER=1".utf8)
        // struct cmsghdr with one descriptor behind it; the macros that make it do not import.
        var control = [UInt8](repeating: 0, count: 24)
        control.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: 16 + MemoryLayout<CInt>.size, as: Int.self)
            bytes.storeBytes(of: CInt(SOL_SOCKET), toByteOffset: 8, as: CInt.self)
            bytes.storeBytes(of: CInt(1), toByteOffset: 12, as: CInt.self)  // SCM_RIGHTS
            bytes.storeBytes(of: descriptor, toByteOffset: 16, as: CInt.self)
            text.withUnsafeMutableBytes { text in
                var piece = iovec(iov_base: text.baseAddress, iov_len: text.count)
                withUnsafeMutablePointer(to: &piece) { piece in
                    var message = msghdr()
                    message.msg_iov = piece
                    message.msg_iovlen = 1
                    message.msg_control = bytes.baseAddress
                    message.msg_controllen = bytes.count
                    _ = sendmsg(socket, &message, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
                }
            }
        }
    }

    private func connected() -> CInt? {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let outcome = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
        }
        guard outcome == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Half of `WATCHDOG_USEC`, as sd_watchdog_enabled(3) advises; `WATCHDOG_PID` says whom it is meant for.
    private static func watchdogInterval() -> Int64? {
        func number(_ name: String) -> Int64? { getenv(name).flatMap { Int64(String(cString: $0)) } }
        if getenv("WATCHDOG_PID") != nil, number("WATCHDOG_PID") != Int64(getpid()) { return nil }
        guard let microseconds = number("WATCHDOG_USEC"), microseconds > 0 else { return nil }
        return max(1, microseconds / 2000)
    }
}
