import EventLoop

/// A connection that a worker owns and that may have one deadline.
protocol TableEntry: AnyObject {
    func deadlineExpired()
    /// Closes at once, and leaves the table. Idempotent.
    func close()
}

/// The connections of one worker, each with a slot that its deadline is known by.
///
/// The table is what keeps connections alive; a slot is used again once its connection has been removed, when no event
/// for it can be pending because its stream is closed.
final class ConnectionTable {
    private var entries: [(any TableEntry)?] = []
    private var free: [Int] = []
    private var deadlines: Deadlines!

    init(on loop: EventLoop) throws(EventLoopError) {
        deadlines = try Deadlines(on: loop) { [unowned self] slot in
            // In a variable, which keeps the entry: it may remove itself.
            if let entry = entries[slot] { entry.deadlineExpired() }
        }
    }

    func reserveSlot() -> Int {
        if let slot = free.popLast() { return slot }
        entries.append(nil)
        deadlines.reserve(entries.count)
        return entries.count - 1
    }

    func insert(_ entry: any TableEntry, at slot: Int) { entries[slot] = entry }

    /// The last statement of a connection's end: nothing else may hold it.
    func remove(at slot: Int) {
        deadlines[slot] = .never
        entries[slot] = nil
        free.append(slot)
    }

    func setDeadline(_ instant: Instant, at slot: Int) { deadlines[slot] = instant }
    func setDeadline(afterMilliseconds milliseconds: Int64, at slot: Int) {
        deadlines.set(slot, afterMilliseconds: milliseconds)
    }
    func deadline(at slot: Int) -> Instant { deadlines[slot] }

    /// Ends every connection without a word.
    func removeAll() {
        forEach { $0.close() }
    }

    /// Visits every connection; `body` may remove the one it is given.
    func forEach(_ body: (any TableEntry) -> Void) {
        for slot in entries.indices {
            if let entry = entries[slot] { body(entry) }
        }
    }
}
