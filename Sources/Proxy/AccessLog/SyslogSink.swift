import CLibevent
import EventLoop
import Glibc

/// A log at a syslog, to which each line is a datagram.
final class SyslogSink: LogSink {
    /// Between two attempts to find a syslog again that is away, in milliseconds.
    private static let retryInterval: Int64 = 1_000

    let name: String
    let hasMoved = false
    private let address: SocketAddress
    /// -1: none is connected.
    private var descriptor: CInt = -1
    private var triedAt: Instant
    private var isLocal: Bool { address.path != nil }

    /// - Throws: when nobody is there. Of a server elsewhere that cannot be known.
    init(_ address: SocketAddress) throws(SocketError) {
        self.address = address
        name = address.path.map { "syslog:\($0)" } ?? "syslog://\(address)"
        triedAt = .current()
        try connect()
    }

    private func connect() throws(SocketError) {
        disconnect()
        triedAt = .current()
        let next: CInt
        do throws(SocketError) {
            next = try address.connectedDatagramSocket()
        } catch {
            throw SocketError("cannot log to \(name)", error.code)
        }
        descriptor = next
    }

    private func disconnect() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    func reopen() -> String? { attempt() }

    private func attempt() -> String? {
        do throws(SocketError) {
            try connect()
            return nil
        } catch {
            return "\(error)"
        }
    }

    func write(_ bytes: [UInt8], lines: Int) -> (lost: Int, failure: String?) {
        if descriptor < 0 {
            guard Instant.current().milliseconds - triedAt.milliseconds >= Self.retryInterval else { return (lines, nil) }
            if let failure = attempt() { return (lines, failure) }
        }
        let message = messageOfNow()
        var lost = 0
        var failure: String?
        for line in bytes.split(separator: 0x0A) {
            guard descriptor >= 0 else {
                lost += 1
                continue
            }
            if let code = send(message.bytes(about: line)) {
                lost += 1
                failure = String(cString: strerror(code))
            }
        }
        return (lines == 0 ? 0 : lost, failure)
    }

    private func messageOfNow() -> SyslogMessage {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var local = tm()
        localtime_r(&now.tv_sec, &local)
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count - 1)
        return SyslogMessage(
            isLocal ? .local : .standard, seconds: Int64(now.tv_sec), milliseconds: Int(now.tv_nsec) / 1_000_000,
            offset: local.tm_gmtoff, host: host.withUnsafeBufferPointer { String(cString: $0.baseAddress!) },
            process: Int(getpid()))
    }

    /// Nil, or why the datagram is lost.
    private func send(_ message: [UInt8]) -> Int32? {
        var mayConnect = isLocal
        while true {
            if Glibc.send(descriptor, message, message.count, CInt(MSG_NOSIGNAL)) >= 0 { return nil }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
            case ECONNREFUSED where !isLocal:
                // Said of a datagram before this one, and now taken note of. A second time it is of this one.
                if Glibc.send(descriptor, message, message.count, CInt(MSG_NOSIGNAL)) >= 0 { return ECONNREFUSED }
                return errno
            case ECONNREFUSED, ECONNRESET, ENOTCONN, EPIPE, ENOENT:
                // The syslog has ended, and another one may have begun.
                let code = errno
                guard mayConnect, attempt() == nil else {
                    disconnect()
                    return code
                }
                mayConnect = false
            default: return errno
            }
        }
    }

    func close() { disconnect() }
}
