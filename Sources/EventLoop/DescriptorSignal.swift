import CLibevent
import Glibc

/// Wakes one waiting thread from any other; a signal raised before the wait is not lost.
package final class DescriptorSignal: Sendable {
    private let descriptor: CInt

    package init() throws(SocketError) {
        descriptor = eventfd(0, CInt(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw SocketError("eventfd", errno) }
    }

    deinit { close(descriptor) }

    package func raise() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Blocks until raised, or for so long at most; whether it was raised.
    package func wait(atMostMilliseconds milliseconds: CInt) -> Bool {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&state, 1, milliseconds) > 0 else { return false }
        wait()
        return true
    }

    /// Blocks until raised, and takes every raise so far.
    package func wait() {
        var count: UInt64 = 0
        while read(descriptor, &count, 8) < 0 && errno == EINTR {}
    }
}
