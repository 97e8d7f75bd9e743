import CLibevent
import Glibc

/// A bound and listening TCP socket, not yet on any loop: made on one thread and handed to another.
package final class ListeningSocket: Sendable {
    fileprivate let descriptor: CInt
    package let address: SocketAddress

    /// Binds with `SO_REUSEPORT`, so that each worker has a socket of its own on the same address.
    /// - Throws: the failing call, as when the address is in use by another program.
    package init(boundTo requested: SocketAddress, backlog: CInt = 4096) throws(SocketError) {
        let flags = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(requested.family, flags, 0)
        guard descriptor >= 0 else { throw SocketError("socket", errno) }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<CInt>.size))
        // Accepted sockets inherit it: one system call less for each connection.
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        guard requested.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else {
            let code = errno
            close(descriptor)
            throw SocketError("bind \(requested)", code)
        }
        guard listen(descriptor, backlog) == 0 else {
            let code = errno
            close(descriptor)
            throw SocketError("listen \(requested)", code)
        }
        self.descriptor = descriptor
        address = .local(of: descriptor)
    }

    deinit { close(descriptor) }

    /// Whether nobody listens there yet. Sockets that share an address would let a second program take half of the first
    /// one's connections without a word.
    /// - Throws: what `bind` says, as that the address is in use.
    package static func checkIsFree(_ address: SocketAddress) throws(SocketError) {
        let probe = socket(address.family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw SocketError("socket", errno) }
        defer { close(probe) }
        var on: CInt = 1
        setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        guard address.withSockaddr({ bind(probe, $0, $1) }) == 0 else { throw SocketError("bind \(address)", errno) }
    }
}

/// Accepts connections on a loop.
package final class Listener {
    package enum Event {
        case accepted(AcceptedSocket)
        /// Out of descriptors or memory: the listener has paused itself.
        case failed(SocketError)
    }

    private let socket: ListeningSocket
    private let onEvent: (Event) -> Void
    private var readiness: Readiness?
    private var isPaused = false

    package var address: SocketAddress { socket.address }

    package init(
        _ socket: ListeningSocket, on loop: EventLoop, onEvent: @escaping (Event) -> Void
    ) throws(EventLoopError) {
        self.socket = socket
        self.onEvent = onEvent
        readiness = try Readiness(of: socket.descriptor, for: .read, on: loop) { [unowned self] in
            // A few, then the connections that are there get their turn; none once the owner has had enough.
            for _ in 0..<64 where !isPaused {
                guard acceptNext() else { return }
            }
        }
        readiness?.start()
    }

    /// Leaves connections in the kernel's queue until `resume`, from the next one on.
    package func pause() {
        isPaused = true
        readiness?.stop()
    }

    package func resume() {
        isPaused = false
        readiness?.start()
    }

    /// Takes all that waits in the kernel's queue, paused or not: the connections in it would be reset with the socket.
    package func acceptAll() {
        while acceptNext() {}
    }

    /// False when nothing waits any more, or nothing can be taken.
    private func acceptNext() -> Bool {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let descriptor = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                shim_accept4(socket.descriptor, $0, &length, CInt(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            }
        }
        if descriptor >= 0 {
            onEvent(.accepted(AcceptedSocket(descriptor: descriptor, peer: SocketAddress(storage))))
            return true
        }
        switch errno {
        case EAGAIN: return false
        // The connection died in the queue, or was interrupted: the next one may be fine (accept(2)).
        case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH:
            return true
        case let code:
            pause()
            onEvent(.failed(SocketError("accept", code)))
            return false
        }
    }
}

/// A connection fresh from a listener; `ByteStream` takes its descriptor over.
package struct AcceptedSocket {
    let descriptor: CInt
    package let peer: SocketAddress
}
