import EventLoop
import JOSE
import Sessions

/// What a store remembers of its own changes, for when the connection is lost: rotations of which it does not know whether they were
/// made, and what was made lately and may be missing on the server that is found then.
struct RedisRecall {
    struct Item {
        /// As it was to be written, or was.
        var session: Session
        var rules: SessionRules
        var isInDoubt: Bool
        fileprivate var number = 0
        fileprivate var at = Instant.never

        init(_ session: Session, _ rules: SessionRules, isInDoubt: Bool) {
            self.session = session
            self.rules = rules
            self.isInDoubt = isInDoubt
        }
    }

    /// Of each kind; the oldest give way.
    private static let doubtsMax = 16_384
    private static let changesMax = 4_096
    /// A replica that is further behind than this is no replica to take over.
    private static let ageMaxMilliseconds: Int64 = 60_000
    private static let batch = 128

    private var doubts: [Int: Item] = [:]
    /// The newest state of each session.
    private var changes: [SessionID: Item] = [:]
    /// In the order of their making; some stand for states that are no longer the newest.
    private var order: [(id: SessionID, number: Int)] = []
    private var revocations: [(at: Instant, Revocation)] = []
    private var number = 0
    /// What is still to be looked after since the connection was lost; nil: that has not begun.
    private var settling: (items: [Item], revocations: [Revocation])?
}

extension RedisRecall.Item {
    /// What is to be written in the place of what is there; nil: nothing.
    func mended(_ present: Session?, now: NumericDate) -> Session? {
        if isInDoubt {
            guard var present, present.counter == session.counter, present.rotatedAt == session.rotatedAt, present.isAlive(at: now),
                present.rotatedAt < now
            else { return nil }
            present.rotatedAt = now
            return present
        }
        guard now < session.keptUntil(rules) else { return nil }
        guard var present else { return session }
        guard present.end == nil else { return nil }
        if session.counter > present.counter { return session }
        guard let end = session.end else { return nil }
        present.end = end
        return present
    }
}

extension RedisRecall {
    /// It has been made.
    mutating func note(_ commit: RedisCommit, _ rules: SessionRules, at instant: Instant) {
        for change in commit.changes {
            guard case .session(let session) = change.after else { continue }
            number += 1
            var item = Item(session, rules, isInDoubt: false)
            item.number = number
            item.at = instant
            changes[session.id] = item
            order.append((session.id, number))
        }
        revocations += commit.revocations.map { (instant, $0) }
        if revocations.count > 2 * Self.changesMax { revocations.removeFirst(revocations.count - Self.changesMax) }
        guard order.count > 2 * Self.changesMax else { return }
        for (id, number) in order.prefix(order.count - Self.changesMax) where changes[id]?.number == number { changes[id] = nil }
        order.removeFirst(order.count - Self.changesMax)
    }

    /// Nobody knows whether it has been made.
    mutating func noteDoubt(_ session: Session, _ rules: SessionRules) {
        number += 1
        var item = Item(session, rules, isInDoubt: true)
        item.number = number
        doubts[number] = item
        if doubts.count > Self.doubtsMax { doubts = doubts.filter { $0.key > number - Self.doubtsMax * 7 / 8 } }
    }

    /// A new connection: everything is to be looked after anew.
    mutating func begin(at now: Instant) {
        func isRecent(_ instant: Instant) -> Bool { now.milliseconds - instant.milliseconds <= Self.ageMaxMilliseconds }
        let recent = changes.values.filter { isRecent($0.at) }
        let items = (doubts.values + recent).sorted { $0.number < $1.number }
        settling = (items, revocations.filter { isRecent($0.at) }.map { $0.1 })
    }

    /// Sessions to look after next; empty when all have been.
    mutating func nextItems() -> [Item] {
        let batch = settling?.items.prefix(Self.batch) ?? []
        settling?.items.removeFirst(batch.count)
        return Array(batch)
    }

    /// Revocations to make again; empty when all have been.
    mutating func nextRevocations() -> [Revocation] {
        let batch = settling?.revocations.prefix(Self.batch) ?? []
        settling?.revocations.removeFirst(batch.count)
        return Array(batch)
    }

    mutating func settle(_ item: Item) { doubts[item.number] = nil }
}
