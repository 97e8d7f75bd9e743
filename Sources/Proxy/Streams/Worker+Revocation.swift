import Authentication
import EventLoop
import JOSE
import Sessions
import Synchronization

/// Tells one worker that something has been revoked: by one letter, however much has been when the worker reads it.
final class RevocationNudge: RevocationObserver {
    private let mailbox: Mailbox<WorkerMail>
    private let isUnderWay = Atomic(false)

    init(_ mailbox: Mailbox<WorkerMail>) { self.mailbox = mailbox }

    func revocationsChanged() {
        if !isUnderWay.exchange(true, ordering: .acquiringAndReleasing) { mailbox.send(.revocationsChanged) }
    }

    /// The letter has come: what is looked up from here on is as new as the change that it told of, and the next change sends
    /// another.
    func arrived() { _ = isUnderWay.exchange(false, ordering: .acquiringAndReleasing) }
}

extension Worker {
    /// What the worker's authenticators look up revocations in, by these settings: the view that there is, where it is of
    /// the same set.
    func revocationView(by settings: RevocationSettings?) -> RevocationView? {
        if revocations?.revocations !== settings?.revocations {
            if let view = revocations { view.revocations.remove(nudge) }
            if let settings { settings.revocations.add(nudge) }
        } else if let revocations, let settings {
            revocations.awayAfter = settings.awayAfter
            return revocations
        }
        return settings.map { RevocationView($0.revocations, awayAfter: $0.awayAfter) }
    }

    func revocationsChanged() {
        nudge.arrived()
        revocations?.follow()
        streams.revocationsChanged()
    }
}

extension Failure {
    /// The token of the request has been revoked since it was admitted.
    static func revoked(_ origin: CrossOrigin) -> Failure { .refusal(Refusal(.token(.revoked), origin: origin)) }
}
