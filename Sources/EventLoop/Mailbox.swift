import CLibevent
import Glibc
import Synchronization

/// The only door into another thread's loop: values put in by anyone, taken out by the loop that owns the inbox.
package final class Mailbox<Mail: Sendable>: Sendable {
    private let letters = Mutex<[Mail]>([])
    fileprivate let wakeup: CInt

    package init() throws(SocketError) {
        wakeup = eventfd(0, CInt(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeup >= 0 else { throw SocketError("eventfd", errno) }
    }

    deinit { close(wakeup) }

    /// Any thread. The loop handles the mail in the order sent, in a later turn.
    package func send(_ mail: Mail) {
        letters.withLock { $0.append(mail) }
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)  // full only when 2^64-2 wake-ups are pending: the loop is woken already
    }

    fileprivate func takeAll() -> [Mail] {
        var count: UInt64 = 0
        _ = read(wakeup, &count, 8)
        return letters.withLock { letters in
            defer { letters = [] }
            return letters
        }
    }
}

/// The receiving end of a mailbox on one loop.
package final class Inbox<Mail: Sendable> {
    private let mailbox: Mailbox<Mail>
    private let onMail: (Mail) -> Void
    private var readiness: Readiness?

    package init(
        _ mailbox: Mailbox<Mail>, on loop: EventLoop, onMail: @escaping (Mail) -> Void
    ) throws(EventLoopError) {
        self.mailbox = mailbox
        self.onMail = onMail
        readiness = try Readiness(of: mailbox.wakeup, for: .read, on: loop) { [unowned self] in deliver() }
        readiness?.start()
    }

    private func deliver() {
        for mail in mailbox.takeAll() { onMail(mail) }
    }
}
