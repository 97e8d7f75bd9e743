package import JOSE
import Synchronization

/// Everything that is revoked now, for all threads of the process: the store writes it, workers look things up, each
/// through a `RevocationView` of its own, and wait for nobody.
///
/// An entry is a keyed hash of 64 bits and two dates, 16 bytes whatever its name is, in a table that is at most three
/// quarters full; that a token is taken for a revoked one by chance has odds of the number of entries in 2^64, and costs
/// that user a login. A fuller table is replaced by a larger one, which views notice by its version; what has expired stays
/// where it is until then, or until `sweep`.
///
/// `changes` counts what has been revoked. A token that was looked up and not found need not be looked up again while the
/// count stays: entries only ever begin to hold by an insertion.
package final class RevocationSet: Sendable {
    /// Sixty logouts a second, remembered for a day and a half; 256 MiB.
    package static let entriesMax = 8 << 20

    private struct Writer {
        var table: RevocationTable
        /// Entries in `table`, expired ones among them.
        var used = 0
        /// Of the entries that there was no room for, the last one's expiry: the set is incomplete until then.
        var droppedUntil: NumericDate?
        /// When the table is full, it is searched for what has expired no sooner than this: lest each insertion does it.
        var nextSearch = NumericDate(seconds: .min)
    }

    private let entriesMax: Int
    /// Uncontended: the store's thread alone writes.
    private let writer: Mutex<Writer>
    private let published: Mutex<RevocationTable>
    private let tableVersion = Atomic<UInt64>(0)
    /// Begins anywhere, so that what was looked up in another set is not taken for looked up in this one.
    private let changeCount = Atomic<UInt64>(.random(in: 1 ... .max / 2))
    /// As in `Writer`.
    private let used = Atomic<Int>(0)
    private let confirmation = Atomic<Int64>(.min)
    private let droppedCount = Atomic<Int>(0)
    private let observers = Mutex<[any RevocationObserver]>([])

    /// - Parameter entriesMax: when so many hold at a time, what is revoked beyond is not known here, and from then on the
    ///   set is not confirmed: it counts as the store being away.
    package init(entriesMax: Int = RevocationSet.entriesMax) {
        self.entriesMax = max(1, entriesMax)
        let table = RevocationTable(for: 0)
        writer = Mutex(Writer(table: table))
        published = Mutex(table)
    }
}

// MARK: - For the store's thread

extension RevocationSet {
    /// Adds it, or prolongs it; one that has expired is ignored. It holds on all threads when this returns.
    /// - Returns: false when there is no room (`entriesMax`).
    @discardableResult
    package func insert(_ revocation: Revocation, now: NumericDate) -> Bool {
        guard now < revocation.expiresAt else { return true }
        let name = RevocationName(revocation.target)
        let dates = RevocationDates(revocation)
        switch writer.withLock({ insert(name, dates, now: now, &$0) }) {
        case .unchanged: return true
        case .changed:
            changeCount.wrappingAdd(1, ordering: .releasing)
            tellObservers()
            return true
        case .full:
            droppedCount.wrappingAdd(1, ordering: .relaxed)
            return false
        }
    }

    /// All revocations that the store knew at `instant` are here: milliseconds of the monotonic clock. Without effect while
    /// some are missing that there was no room for.
    package func confirm(at instant: Int64) {
        writer.withLock { writer in
            guard writer.droppedUntil == nil, instant > confirmation.load(ordering: .relaxed) else { return }
            confirmation.store(instant, ordering: .releasing)
        }
    }

    /// Forgets what has expired; how many that were.
    @discardableResult
    package func sweep(now: NumericDate) -> Int {
        let removed = writer.withLock { writer in
            if let end = writer.droppedUntil, end <= now { writer.droppedUntil = nil }
            guard writer.used > writer.table.liveCount(at: now) else { return 0 }
            return rebuild(&writer, now: now)
        }
        if removed > 0 { tellObservers() }  // lest an idle worker keeps the table that has been replaced
        return removed
    }

    /// Takes over what another set of this process holds, whose store is given up for the one of this set: what has been refused
    /// stays so.
    package func inherit(from other: RevocationSet, now: NumericDate) {
        other.current().table.forEach { name, dates in
            guard dates.holds(at: now), case .full = writer.withLock({ insert(name, dates, now: now, &$0) }) else { return }
            droppedCount.wrappingAdd(1, ordering: .relaxed)
        }
        changeCount.wrappingAdd(1, ordering: .releasing)
        tellObservers()
    }

    private enum Insertion { case changed, unchanged, full }

    private func insert(
        _ name: RevocationName, _ dates: RevocationDates, now: NumericDate, _ writer: inout Writer
    ) -> Insertion {
        if let index = writer.table.index(of: name) {
            let before = writer.table.dates(at: index)
            let after = before.holds(at: now) ? before.merged(with: dates) : dates
            guard after != before else { return .unchanged }
            writer.table.set(after, at: index)
            return .changed
        }
        let isAtLimit = writer.used >= entriesMax
        if isAtLimit ? now >= writer.nextSearch : writer.table.isFull(with: writer.used) {
            rebuild(&writer, now: now)
            if isAtLimit { writer.nextSearch = now.advanced(bySeconds: 60) }
        }
        guard writer.used < entriesMax else {
            let end = dates.expiry
            writer.droppedUntil = writer.droppedUntil.map { max($0, end) } ?? end
            return .full
        }
        writer.table.add(name, dates)
        writer.used += 1
        used.store(writer.used, ordering: .relaxed)
        return .changed
    }

    /// Goes over to a table without what has expired, of the size that the rest calls for; how many entries are gone.
    @discardableResult
    private func rebuild(_ writer: inout Writer, now: NumericDate) -> Int {
        let live = writer.table.liveCount(at: now)
        let next = RevocationTable(for: live)
        writer.table.forEach { name, dates in
            if dates.holds(at: now) { next.add(name, dates) }
        }
        let removed = writer.used - live
        writer.table = next
        writer.used = live
        used.store(live, ordering: .relaxed)
        published.withLock { $0 = next }
        tableVersion.wrappingAdd(1, ordering: .releasing)
        return removed
    }
}

// MARK: - For everyone

extension RevocationSet {
    /// How many entries there are; those that have expired count until they are swept.
    package var count: Int { used.load(ordering: .relaxed) }

    /// What the entries take in memory; twice that, at most, while the table is being replaced.
    package var byteCount: Int { current().table.byteCount }

    /// How many revocations there was no room for, ever.
    package var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// What `confirm` has said last; nil: it has never been called, so the store has been away from the start.
    package var confirmedAt: Int64? {
        let instant = confirmation.load(ordering: .acquiring)
        return instant == .min ? nil : instant
    }

    /// Never 0. Another value than before when something has been revoked.
    package var changes: UInt64 { changeCount.load(ordering: .acquiring) }

    /// Whether the target is revoked: of a subject, what began at that instant. For those who ask seldom; workers have
    /// a `RevocationView`.
    package func contains(_ target: Revocation.Target, now: NumericDate) -> Bool {
        let table = current().table
        guard let index = table.index(of: RevocationName(target)) else { return false }
        let dates = table.dates(at: index)
        guard dates.holds(at: now) else { return false }
        if case .subject(_, let instant) = target { return dates.cover(beginning: instant.seconds) }
        return true
    }

    /// Another value than before when there is another table.
    var version: UInt64 { tableVersion.load(ordering: .acquiring) }

    func current() -> (table: RevocationTable, version: UInt64) {
        // The version first: when the table changes in between, the view will look again.
        let version = version
        return (published.withLock { $0 }, version)
    }
}

// MARK: - Who wants to hear

/// Someone who has more to do about revocations than to look things up: to end what is open.
package protocol RevocationObserver: AnyObject, Sendable {
    /// Something has been revoked, or there is another table. Called on the store's thread, once for each change: whoever has
    /// much to do gathers them.
    func revocationsChanged()
}

extension RevocationSet {
    package func add(_ observer: any RevocationObserver) { observers.withLock { $0.append(observer) } }
    package func remove(_ observer: any RevocationObserver) { observers.withLock { $0.removeAll { $0 === observer } } }

    private func tellObservers() {
        observers.withLock { for observer in $0 { observer.revocationsChanged() } }
    }
}
