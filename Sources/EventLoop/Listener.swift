import CLibevent
import Glibc
import Synchronization

/// Accepts connections on a loop.
package final class Listener {
    package enum Event {
        case accepted(AcceptedSocket)
        /// Out of descriptors or memory: the listener has paused itself.
        case failed(SocketError)
    }

    /// Accepted in one go, so that the connections that are there get their turn: enough for a burst.
    private static let acceptedMax = 64
    /// How long the others are let go first, in milliseconds.
    private static let turnTime: Int64 = 1
    /// Taken before the socket is closed: more than any queue holds, and an end to what a flood could keep going.
    private static let lastAcceptedMax = 1 << 16

    private let socket: ListeningSocket
    private let usesReserve: Bool
    private let onEvent: (Event) -> Void
    private var readiness: Readiness?
    private var isPaused = false
    /// How many loops accept from the socket, this one included.
    private let sharers: Int
    private var acceptedCount = 0
    private var turnTimer: LoopTimer?

    package var address: SocketAddress { socket.address }

    /// - Parameter sharers: how many loops accept from the same socket. A connection wakes them all, and the kernel wakes them
    ///   in the same order each time; so that the first does not get everything, they take turns.
    /// - Parameter usesReserve: whether its connections may have the descriptors that others may not (`DescriptorReserve`).
    package init(
        _ socket: ListeningSocket, sharers: Int = 1, usesReserve: Bool = false, on loop: EventLoop,
        onEvent: @escaping (Event) -> Void
    ) throws(EventLoopError) {
        self.socket = socket
        self.sharers = sharers
        self.usesReserve = usesReserve
        self.onEvent = onEvent
        readiness = try Readiness(of: socket.descriptor, for: .read, on: loop) { [unowned self] in acceptSome() }
        if sharers > 1 { turnTimer = try LoopTimer(on: loop) { [unowned self] in turnPassed() } }
        readiness?.start()
    }

    private func acceptSome() {
        guard sharers == 1 else {
            // Who has had more than his share lets the others go first, who are awake as well.
            guard acceptedCount &* sharers > socket.acceptedCount.load(ordering: .relaxed) else { return _ = acceptNext() }
            readiness?.stop()
            turnTimer?.schedule(afterMilliseconds: Self.turnTime)
            return
        }
        for _ in 0..<Self.acceptedMax where !isPaused {  // none once the owner has had enough
            guard acceptNext() else { return }
        }
    }

    /// The others have had their time: they may be busy, or have no room.
    private func turnPassed() {
        guard !isPaused else { return }
        _ = acceptNext()
        if !isPaused { readiness?.start() }
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
    /// to take over, and whoever connects to it is about to be refused anyway. A socket that an heir holds too loses nothing.
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
        if descriptor >= 0, !usesReserve, DescriptorReserve.holds(descriptor) {
            close(descriptor)
            pause()
            onEvent(.failed(SocketError("accept", EMFILE)))
            return false
        }
        if descriptor >= 0 {
            if sharers > 1 {
                acceptedCount &+= 1
                socket.acceptedCount.add(1, ordering: .relaxed)
            }
            // The path that a local peer may be bound to is its own choice, and tells nothing.
            let peer = Int32(storage.ss_family) == AF_UNIX ? .unnamed : SocketAddress(storage)
            onEvent(.accepted(AcceptedSocket(descriptor: descriptor, peer: peer)))
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
