import Authentication
import EventLoop
import JOSE
import Synchronization

/// What the workers of a process tell each other about a session.
enum SessionEvent: Sendable {
    /// A token of the session that ends then has been presented, or handed out.
    case extended(SessionKey, until: NumericDate)
}

/// The sessions that have a tunnel or an event stream open anywhere in the process: the one thing that workers share while
/// they serve.
///
/// A session's requests and its tunnels come to whatever workers the kernel chose for their connections, so what one worker
/// learns of a session the others must hear, by mail. Nearly always nobody has to: a count of all that is open says
/// so in one relaxed load. Otherwise a place, chosen by the session's key and shared with few others, says whether the
/// session may be among those open, and how often one of them was opened, so that nothing is told twice to the same audience.
///
/// Loads and stores are relaxed: a client that opens a tunnel and then sends a request has waited for the 101 in between.
final class OpenSessions: Sendable {
    /// More than the streams of most processes, and 8 KiB.
    private static let placeCount = 1024

    private let count = Atomic<Int>(0)
    /// The low half counts what is open, the high half what has ever been opened.
    private let places = InlineArray<1024, Atomic<UInt64>> { _ in Atomic(0) }
    private let workers = Mutex<[Mailbox<WorkerMail>]>([])

    /// Whether nothing is open that a session ends.
    var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

    func opened(_ session: SessionKey) {
        places[place(of: session)].wrappingAdd(1 &<< 32 | 1, ordering: .relaxed)
        count.wrappingAdd(1, ordering: .relaxed)
    }

    func closed(_ session: SessionKey) {
        count.wrappingSubtract(1, ordering: .relaxed)
        places[place(of: session)].wrappingSubtract(1, ordering: .relaxed)
    }

    /// Who there is to hear of a session; nil: nobody. Another value than before when someone may have come.
    func audience(of session: SessionKey) -> UInt64? {
        let place = places[place(of: session)].load(ordering: .relaxed)
        return place & 0xFFFF_FFFF == 0 ? nil : place &>> 32
    }

    private func place(of session: SessionKey) -> Int { Int(truncatingIfNeeded: session.second) & (Self.placeCount - 1) }

    // MARK: Workers

    func join(_ mailbox: Mailbox<WorkerMail>) { workers.withLock { $0.append(mailbox) } }
    func leave(_ mailbox: Mailbox<WorkerMail>) { workers.withLock { $0.removeAll { $0 === mailbox } } }

    /// Tells every worker but the one with that mailbox.
    func tell(_ event: SessionEvent, except mailbox: Mailbox<WorkerMail>) {
        workers.withLock { for worker in $0 where worker !== mailbox { worker.send(.session(event)) } }
    }
}
