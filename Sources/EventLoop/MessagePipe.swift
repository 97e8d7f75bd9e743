import CLibevent
import Glibc

/// The two ends of a local connection between processes, over which few and short things are said, each in one message.
package struct MessagePipe: ~Copyable {
    package let ours: CInt
    package let theirs: CInt

    package init() throws(SocketError) {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SocketError("socketpair", errno)
        }
        (ours, theirs) = (ends[0], ends[1])
    }
}

/// Hears on a loop what another process says over one end of a `MessagePipe`, and that it has gone.
package final class MessagePipeReader {
    package enum Event: Equatable {
        case message(String)
        /// Nobody holds the other end any more. The last event.
        case ended
    }

    private static let messageBytesMax = 256

    private let descriptor: CInt
    private let onEvent: (Event) -> Void
    private var readiness: Readiness?

    /// Takes over the descriptor.
    package init(_ descriptor: CInt, on loop: EventLoop, onEvent: @escaping (Event) -> Void) throws(EventLoopError) {
        self.descriptor = descriptor
        self.onEvent = onEvent
        readiness = try Readiness(of: descriptor, for: .read, on: loop) { [unowned self] in receive() }
        readiness?.start()
    }

    deinit {
        readiness = nil
        close(descriptor)
    }

    private func receive() {
        var bytes = [UInt8](repeating: 0, count: Self.messageBytesMax)
        let count = recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT))
        if count > 0 { return onEvent(.message(String(decoding: bytes.prefix(count), as: UTF8.self))) }
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
        readiness?.stop()
        onEvent(.ended)
    }
}
