import Glibc
import Synchronization

/// What a wait on the wire can end in other than with what was waited for.
enum WireError: Error, Equatable {
    case timedOut(waitingFor: String)
    /// The peer closed in order (FIN) where more was due; `after` holds what had come of the unfinished part.
    case endOfStream(after: [UInt8])
    /// The peer reset the connection (RST), or it was gone when written to.
    case reset
    /// What came is not HTTP/1.1 as RFC 9112 writes it.
    case malformed(String)
    case system(call: String, errno: Int32)
}

/// One end of a TCP connection on 127.0.0.1, non-blocking beneath, with a deadline on every wait.
///
/// One thread reads and writes it; any thread may `shutDown()`, which wakes that thread with an end of stream.
final class Socket: Sendable {
    private let descriptor: Mutex<Int32>

    init(adopting descriptor: Int32) {
        self.descriptor = Mutex(descriptor)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close() }

    /// - Parameter receiveBuffer: bytes for SO_RCVBUF, to make a reader whose window fills soon; nil for the system's.
    static func connected(to port: UInt16, receiveBuffer: Int32? = nil) throws -> Socket {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw WireError.system(call: "socket", errno: errno) }
        if var receiveBuffer {
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let failure = errno
            Glibc.close(descriptor)
            throw WireError.system(call: "connect", errno: failure)
        }
        makeNonBlocking(descriptor)
        return Socket(adopting: descriptor)
    }

    /// Connected to a Unix socket.
    static func connected(toPath path: String) throws -> Socket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw WireError.system(call: "socket", errno: errno) }
        guard withUnixAddress(path, { connect(descriptor, $0, $1) }) == 0 else {
            let failure = errno
            Glibc.close(descriptor)
            throw WireError.system(call: "connect", errno: failure)
        }
        makeNonBlocking(descriptor)
        return Socket(adopting: descriptor)
    }

    /// A socket whose connection is under way, and may stay so.
    static func connecting(to port: UInt16) throws -> Socket {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw WireError.system(call: "socket", errno: errno) }
        makeNonBlocking(descriptor)
        var address = loopback(port)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return Socket(adopting: descriptor)
    }

    /// What has come, at most `count` bytes; empty at the end of the stream.
    func read(upTo count: Int, by deadline: Deadline, waitingFor what: String) throws -> [UInt8] {
        while true {
            let descriptor = try open()
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                result = recv(descriptor, buffer.baseAddress, count, 0)
                initialized = max(0, result)
            }
            if result >= 0 { return bytes }
            try checkTransient(errno, call: "recv")
            try wait(for: Int16(POLLIN), by: deadline, waitingFor: what)
        }
    }

    func write(_ bytes: [UInt8], by deadline: Deadline, waitingFor what: String = "room to write") throws {
        var sent = 0
        while sent < bytes.count {
            let descriptor = try open()
            let result = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if result >= 0 {
                sent += result
            } else {
                try checkTransient(errno, call: "send")
                try wait(for: Int16(POLLOUT), by: deadline, waitingFor: what)
            }
        }
    }

    /// Writes until all is taken or nothing more is taken for `patience`, and says how many bytes were.
    func writeWhileTaken(_ bytes: [UInt8], patience: Duration) throws -> Int {
        var sent = 0
        while sent < bytes.count {
            let descriptor = try open()
            let result = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if result >= 0 {
                sent += result
                continue
            }
            try checkTransient(errno, call: "send")
            do {
                try wait(for: Int16(POLLOUT), by: .after(patience), waitingFor: "room to write")
            } catch WireError.timedOut {
                return sent
            }
        }
        return sent
    }

    /// Half-close: the peer reads the end of the stream, and can still write.
    func finishWriting() {
        descriptor.withLock { _ = shutdown($0, Int32(SHUT_WR)) }
    }

    /// Ends both directions and wakes whoever waits here; the descriptor stays until `close()`.
    func shutDown() {
        descriptor.withLock { _ = shutdown($0, Int32(SHUT_RDWR)) }
    }

    func close() {
        descriptor.withLock {
            if $0 >= 0 { Glibc.close($0) }
            $0 = -1
        }
    }

    /// Aborts the connection: the peer gets a RST.
    func reset() {
        descriptor.withLock {
            guard $0 >= 0 else { return }
            var abort = linger(l_onoff: 1, l_linger: 0)
            setsockopt($0, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
            Glibc.close($0)
            $0 = -1
        }
    }

    private func open() throws -> Int32 {
        let descriptor = descriptor.withLock { $0 }
        guard descriptor >= 0 else { throw WireError.reset }
        return descriptor
    }

    private func checkTransient(_ code: Int32, call: String) throws {
        switch code {
        case EAGAIN, EINTR: return
        case ECONNRESET, EPIPE: throw WireError.reset
        default: throw WireError.system(call: call, errno: code)
        }
    }

    private func wait(for events: Int16, by deadline: Deadline, waitingFor what: String) throws {
        var interest = pollfd(fd: try open(), events: events, revents: 0)
        let ready = poll(&interest, 1, deadline.millisecondsLeft)
        if ready == 0 { throw WireError.timedOut(waitingFor: what) }
        if ready < 0, errno != EINTR { throw WireError.system(call: "poll", errno: errno) }
    }
}

/// A listening socket on a free port of 127.0.0.1.
final class ListeningSocket: Sendable {
    let port: UInt16
    let descriptor: Int32

    convenience init(backlog: Int32 = 512) throws {
        try self.init(port: 0, isPortShared: false, backlog: backlog)
    }

    /// One of several on the same port (SO_REUSEPORT); 0 for the first.
    convenience init(sharingPort port: UInt16) throws {
        try self.init(port: port, isPortShared: true, backlog: 512)
    }

    private init(port: UInt16, isPortShared: Bool, backlog: Int32) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw WireError.system(call: "socket", errno: errno) }
        var isShared: Int32 = isPortShared ? 1 : 0
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &isShared, socklen_t(MemoryLayout<Int32>.size))
        var address = loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, backlog) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard result else { throw WireError.system(call: "listen", errno: errno) }
        makeNonBlocking(descriptor)
        self.port = UInt16(bigEndian: address.sin_port)
    }

    /// On a Unix socket; `port` is 0.
    init(path: String, backlog: Int32 = 512) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw WireError.system(call: "socket", errno: errno) }
        let descriptor = descriptor
        port = 0
        guard withUnixAddress(path, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, backlog) == 0 else {
            throw WireError.system(call: "listen", errno: errno)
        }
        makeNonBlocking(descriptor)
    }

    deinit { Glibc.close(descriptor) }

    /// The next connection, or nil once `stop()` was called.
    func accept() -> Socket? {
        while true {
            var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&interest, 1, -1) >= 0 || errno == EINTR else { return nil }
            let (accepted, failure) = untilExec.withLock { _ -> (Int32, Int32) in
                let accepted = Glibc.accept(descriptor, nil, nil)
                if accepted >= 0 { _ = fcntl(accepted, F_SETFD, FD_CLOEXEC) }
                return (accepted, errno)
            }
            if accepted >= 0 {
                makeNonBlocking(accepted)
                return Socket(adopting: accepted)
            }
            guard [EINTR, EAGAIN, ECONNABORTED].contains(failure) else { return nil }
        }
    }

    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

/// Held while a descriptor exists that is not close-on-exec yet, and while a child starts: a connection that a child
/// inherited would not end when the test ends it. (Glibc's overlay has no `accept4`.)
let untilExec = Mutex(())

private func withUnixAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

private func makeNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}
