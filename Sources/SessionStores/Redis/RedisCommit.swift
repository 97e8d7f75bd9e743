import JOSE
import Sessions

/// Changes that are made together or not at all.
struct RedisCommit {
    /// What becomes of one session.
    struct Change {
        var id: String
        /// What was read: nil when there was none.
        var before: [UInt8]?
        var after: After
        /// Of the session; where it is to be removed and nobody knows, any.
        var subject: String

        enum After {
            case session(Session)
            case removed
        }
    }

    enum Outcome {
        case done
        /// Somebody else was first. What there is now, of each session.
        case changed([[UInt8]?])
    }

    var changes: [Change] = []
    var revocations: [Revocation] = []
    /// A subject whose sessions have to be these still, in the order of their index.
    var members: (subject: String, [String])?
    /// A session with a rotation, whose answer may get lost.
    var rotated: Session?

    init(_ changes: [Change] = [], revoking revocations: [Revocation] = []) {
        self.changes = changes
        self.revocations = revocations
    }

    init(_ session: Session, insteadOf before: [UInt8]?, revoking revocations: [Revocation] = []) {
        self.init(
            [Change(id: session.id.text, before: before, after: .session(session), subject: session.subject)],
            revoking: revocations)
    }
}

extension RedisCommit {
    /// How long a session stays after it has expired when no sweep removes it before.
    private static let retentionSeconds: Int64 = 86_400

    /// Appends keys and arguments of `RedisScript.commit`, the number of keys first.
    func append(to command: inout RedisCommand, _ keys: RedisKeys, store: String, connection: Int64, _ rules: SessionRules, now: NumericDate) {
        command.append(Int64(RedisScript.commitKeys + 2 * changes.count))
        for key in [keys.fence(store), keys.log, keys.logEnds, keys.logLast, keys.all, keys.due] { command.append(key) }
        command.append(keys.subject(members?.subject ?? ""))
        for change in changes {
            command.append(keys.session(change.id))
            command.append(keys.subject(change.subject))
        }
        command.append(connection)
        command.append(keys.channel)
        command.append(members?.1.joined(separator: " ") ?? "*")
        command.append(Int64(revocations.count))
        for revocation in revocations {
            command.append(revocation.logText)
            command.append(revocation.expiresAt.seconds)
        }
        for change in changes {
            command.append(change.id)
            command.append(change.before ?? [])
            switch change.after {
            case .removed: for _ in 0..<4 { command.append("") }
            case .session(let session):
                command.append(session.text)
                command.append(Self.milliseconds(from: now, to: session.expiresAt))
                command.append(session.createdAt.seconds)
                command.append(session.keptUntil(rules).seconds)
            }
        }
    }

    /// By the time of the request, so that no two clocks are compared. At least the retention, at most a hundred years more.
    private static func milliseconds(from now: NumericDate, to end: NumericDate) -> Int64 {
        let (seconds, overflow) = end.seconds.subtractingReportingOverflow(now.seconds)
        return (min(max(overflow ? .max : seconds, 0), 36_500 * 86_400) + retentionSeconds) * 1000
    }
}
