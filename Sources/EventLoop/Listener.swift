import CLibevent
import Glibc

/// Accepts connections on a loop.
package final class Listener {
    package enum Event {
        case accepted(AcceptedSocket)
        /// Out of descriptors or memory: the listener has paused itself.
        case failed(SocketError)
    }

    /// Accepted in one go, so that the connections that are there get their turn: enough for a burst.
    private static let acceptedMax = 64
    /// Taken before the socket is closed: more than any queue holds, and an end to what a flood could keep going.
    private static let lastAcceptedMax = 1 << 16

    private let socket: ListeningSocket
    private let onEvent: (Event) -> Void
    private var readiness: Readiness?
    private var isPaused = false

    package var address: SocketAddress { socket.address }

    /// - Parameter isShared: whether other loops accept from the same socket. All of them are woken by a connection then;
    ///   each takes one at a time, so that none gets them all.
    package init(
        _ socket: ListeningSocket, isShared: Bool = false, on loop: EventLoop, onEvent: @escaping (Event) -> Void
    ) throws(EventLoopError) {
        self.socket = socket
        self.onEvent = onEvent
        let acceptedMax = isShared ? 1 : Self.acceptedMax
        readiness = try Readiness(of: socket.descriptor, for: .read, on: loop) { [unowned self] in
            for _ in 0..<acceptedMax where !isPaused {  // none once the owner has had enough
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
    ///
    /// What is still shaking hands at this moment, or comes between the last `accept` and `close`, is lost where the socket
    /// is the last on its description. The kernel has two remedies, and both are for sockets that stay in a `SO_REUSEPORT`
    /// group: the `tcp_migrate_req` setting, and a program attached to the group. For an address that goes there is nobody
    /// to take over, and whoever connects to it is about to be refused anyway. A socket that a successor holds too loses nothing.
    package func acceptAll() {
        for _ in 0..<Self.lastAcceptedMax {
            guard acceptNext() else { return }
        }
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
