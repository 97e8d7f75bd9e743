import Bytes
import JOSE

/// Entries of a `RevocationSet`, found by open addressing: one thread adds, any may look up meanwhile.
///
/// An entry is two words, its name and its dates. The dates are written before the name is published, and from then on change
/// by single stores, so that nobody sees the one without the other. Nothing is ever removed.
final class RevocationTable: Sendable {
    private static let leastCapacity = 1024

    /// By entry: name, dates. A name of 0: none.
    private let words: AtomicTable
    /// A power of two.
    private let capacity: Int

    /// At most half full with so many entries.
    init(for count: Int) {
        var capacity = Self.leastCapacity
        while capacity / 2 < count { capacity *= 2 }
        self.capacity = capacity
        words = AtomicTable(2 * capacity)
    }

    var byteCount: Int { 16 * capacity }

    /// Whether it should hold no more than the number that it does.
    func isFull(with count: Int) -> Bool { count >= capacity / 4 * 3 }

    func index(of name: RevocationName) -> Int? {
        var index = home(of: name)
        while true {
            let word = words.loadPublished(2 &* index)
            if word == name.bits { return index }
            if word == 0 { return nil }
            index = (index &+ 1) & (capacity &- 1)
        }
    }

    func dates(at index: Int) -> RevocationDates { RevocationDates(bits: words.load(2 &* index &+ 1)) }

    /// As many as there are, in no order.
    func forEach(_ body: (RevocationName, RevocationDates) -> Void) {
        for index in 0..<capacity {
            let word = words.load(2 &* index)
            if word != 0 { body(RevocationName(bits: word), dates(at: index)) }
        }
    }

    func liveCount(at now: NumericDate) -> Int {
        var count = 0
        forEach { _, dates in if dates.holds(at: now) { count &+= 1 } }
        return count
    }

    // MARK: For the one who writes

    func set(_ dates: RevocationDates, at index: Int) { words.store(dates.bits, at: 2 &* index &+ 1) }

    /// - Precondition: the name is not there, and the table is not full.
    func add(_ name: RevocationName, _ dates: RevocationDates) {
        var index = home(of: name)
        while words.load(2 &* index) != 0 { index = (index &+ 1) & (capacity &- 1) }
        words.store(dates.bits, at: 2 &* index &+ 1)
        words.publish(name.bits, at: 2 &* index)
    }

    private func home(of name: RevocationName) -> Int { Int(truncatingIfNeeded: name.bits) & (capacity &- 1) }
}

/// When an entry holds, and for what; 32 bits of seconds each, that is until the year 2106.
struct RevocationDates: Hashable {
    /// For what began then or before; the greatest: whenever it began.
    private var before: UInt32
    /// The greatest: never.
    private var expiresAt: UInt32

    init(_ revocation: Revocation) {
        before =
            switch revocation.target {
            case .subject(_, let before): UInt32(clamping: before.seconds)
            case .token, .session: .max
            }
        expiresAt = UInt32(clamping: revocation.expiresAt.seconds)
    }

    init(bits: UInt64) {
        before = UInt32(truncatingIfNeeded: bits >> 32)
        expiresAt = UInt32(truncatingIfNeeded: bits)
    }

    var bits: UInt64 { UInt64(before) << 32 | UInt64(expiresAt) }

    var expiry: NumericDate { NumericDate(seconds: expiresAt == .max ? .max : Int64(expiresAt)) }

    func holds(at now: NumericDate) -> Bool { now < expiry }

    /// - Parameter beginning: nil: nobody knows, so it may have been before.
    func cover(beginning: Int64?) -> Bool {
        guard before != .max, let beginning else { return true }
        return beginning <= Int64(before)
    }

    func merged(with other: RevocationDates) -> RevocationDates {
        var merged = self
        merged.before = max(before, other.before)
        merged.expiresAt = max(expiresAt, other.expiresAt)
        return merged
    }
}
