import Bytes
import JOSE
import Synchronization
import Testing

@testable import Sessions

private func date(_ seconds: Int64) -> NumericDate { NumericDate(seconds: seconds) }

private func names(
    token: String? = nil, session: String? = nil, subject: String? = nil, beginning: Int64? = nil
) -> RevocationNames {
    var names = RevocationNames(beginning: beginning)
    if let token { names.set(token: Array(token.utf8).span) }
    if let session { names.set(session: Array(session.utf8).span) }
    if let subject { names.set(subject: Array(subject.utf8).span) }
    return names
}

extension RevocationSet {
    @discardableResult
    fileprivate func insert(_ target: Revocation.Target, until end: Int64, now: Int64 = 0) -> Bool {
        insert(Revocation(target, expiresAt: date(end)), now: date(now))
    }
}

@Suite("What is revoked (semantics §2)")
struct RevocationSetTests {
    private let set = RevocationSet()
    private let view: RevocationView

    init() { view = RevocationView(set, awayAfter: 5_000) }

    private func isRevoked(_ names: RevocationNames, at now: Int64 = 1) -> Bool { view.isRevoked(names, now: date(now)) }

    @Test func `A token is revoked by its jti`() {
        #expect(!isRevoked(names(token: "t-1")))
        #expect(set.insert(.token("t-1"), until: 100))
        #expect(isRevoked(names(token: "t-1", session: "s", subject: "alice")))
        #expect(!isRevoked(names(token: "t-2", session: "s", subject: "alice")))
    }

    @Test func `What a set inherits is revoked by it, until it expires`() {
        let before = RevocationSet()
        before.insert(.token("t-1"), until: 100)
        before.insert(.subject("alice", before: date(50)), until: 200)
        set.insert(.session("s-1"), until: 300)
        let changes = set.changes
        set.inherit(from: before, now: date(1))
        #expect(set.changes != changes)
        #expect(isRevoked(names(token: "t-1"), at: 99) && !isRevoked(names(token: "t-1"), at: 100))
        #expect(isRevoked(names(subject: "alice", beginning: 50), at: 199))
        #expect(!isRevoked(names(subject: "alice", beginning: 51), at: 199))
        #expect(isRevoked(names(session: "s-1"), at: 299))
        #expect(set.count == 3)
    }

    @Test func `A session is revoked by its sid, whatever the token`() {
        set.insert(.session("s-1"), until: 100)
        #expect(isRevoked(names(token: "a", session: "s-1")) && isRevoked(names(session: "s-1")))
        #expect(!isRevoked(names(token: "a", session: "s-2")) && !isRevoked(names(token: "a")))
    }

    @Test func `One name means different things as jti, sid and sub`() {
        set.insert(.token("x"), until: 100)
        #expect(!isRevoked(names(session: "x", subject: "x", beginning: 0)))
        set.insert(.session("x"), until: 100)
        #expect(!isRevoked(names(subject: "x", beginning: 0)))
    }

    @Test(arguments: [(999, true), (1_000, true), (1_001, false), (-5, true), (.max, false)] as [(Int64, Bool)])
    func `Of a subject, what began at or before the instant is revoked`(_ beginning: Int64, _ expected: Bool) {
        set.insert(.subject("alice", before: date(1_000)), until: 5_000)
        #expect(isRevoked(names(subject: "alice", beginning: beginning)) == expected)
        #expect(!isRevoked(names(subject: "bob", beginning: beginning)))
    }

    @Test func `A token that does not say when it began may have begun before`() {
        set.insert(.subject("alice", before: date(1_000)), until: 5_000)
        #expect(isRevoked(names(subject: "alice")))
    }

    @Test func `Names are told apart by every byte and by their length`() {
        let different = ["", "a", "\u{0}", "\u{0}\u{0}", "abcdefgh", "abcdefg", "abcdefghi", "abcdefgh\u{0}", "hgfedcba", "ä"]
        for name in different {
            let set = RevocationSet()
            let view = RevocationView(set, awayAfter: 1)
            set.insert(.session(name), until: 100)
            for other in different {
                #expect(view.isRevoked(names(session: other), now: date(1)) == (name == other), "\(name) \(other)")
            }
        }
    }

    @Test func `What has no name is never revoked`() {
        set.insert(.token(""), until: 100)
        set.insert(.session(""), until: 100)
        set.insert(.subject("", before: date(.max)), until: 100)
        #expect(!isRevoked(names()))
    }

    // MARK: Time

    @Test func `An entry holds until it expires`() {
        set.insert(.token("t"), until: 100, now: 0)
        #expect(isRevoked(names(token: "t"), at: 99))
        #expect(!isRevoked(names(token: "t"), at: 100))
        #expect(isRevoked(names(token: "t"), at: -1), "the clock was set back")
    }

    @Test func `A later insertion prolongs an entry, and an earlier one does not shorten it`() {
        set.insert(.token("t"), until: 100)
        set.insert(.token("t"), until: 200)
        set.insert(.token("t"), until: 150)
        #expect(isRevoked(names(token: "t"), at: 199) && !isRevoked(names(token: "t"), at: 200))
        #expect(set.count == 1)
    }

    @Test func `The latest instant counts for a subject`() {
        set.insert(.subject("a", before: date(50)), until: 1_000)
        set.insert(.subject("a", before: date(70)), until: 500)
        set.insert(.subject("a", before: date(60)), until: 800)
        #expect(isRevoked(names(subject: "a", beginning: 70), at: 100))
        #expect(!isRevoked(names(subject: "a", beginning: 71), at: 100))
        #expect(isRevoked(names(subject: "a", beginning: 50), at: 999))
    }

    @Test func `What an entry said before it expired does not come back with a new one`() {
        set.insert(.subject("a", before: date(500)), until: 600)
        set.insert(.subject("a", before: date(50)), until: 2_000, now: 600)
        #expect(isRevoked(names(subject: "a", beginning: 50), at: 700))
        #expect(!isRevoked(names(subject: "a", beginning: 51), at: 700))
    }

    @Test func `What has expired already is not taken in`() {
        #expect(set.insert(.token("t"), until: 100, now: 100))
        #expect(set.count == 0 && view.isEmpty)
    }

    @Test(arguments: [Int64(UInt32.max), 253_402_300_799, .max])
    func `Dates beyond 2106 never come`(_ end: Int64) {
        set.insert(.subject("a", before: date(end)), until: end)
        #expect(isRevoked(names(subject: "a", beginning: 253_402_300_799), at: 253_402_300_799))
    }

    @Test(arguments: [Int64.min, -1, 0])
    func `Instants before 1970 revoke what began before 1970`(_ instant: Int64) {
        set.insert(.subject("a", before: date(instant)), until: 100)
        #expect(!isRevoked(names(subject: "a", beginning: 1)))
    }

    // MARK: Changes

    @Test func `The count of changes moves with what is revoked and not otherwise`() {
        let first = view.changes
        #expect(first != 0)
        set.insert(.token("t"), until: 100)
        let second = view.changes
        #expect(second != first)
        set.insert(.token("t"), until: 100)
        set.insert(.token("t"), until: 90)
        set.insert(.token("u"), until: 0)
        set.sweep(now: date(50))
        #expect(view.changes == second)
        set.insert(.token("t"), until: 101)
        #expect(view.changes != second)
    }

    private final class Listener: RevocationObserver {
        let calls = Atomic<Int>(0)
        func revocationsChanged() { calls.add(1, ordering: .relaxed) }
    }

    @Test func `Observers hear of changes until they are removed`() {
        let listener = Listener()
        set.add(listener)
        set.insert(.token("t"), until: 100)
        set.insert(.token("t"), until: 100)
        #expect(listener.calls.load(ordering: .relaxed) == 1)
        set.sweep(now: date(100))
        #expect(listener.calls.load(ordering: .relaxed) == 2, "a table that has been replaced")
        set.remove(listener)
        set.insert(.token("u"), until: 100)
        #expect(listener.calls.load(ordering: .relaxed) == 2)
    }

    // MARK: Freshness

    @Test func `Before it is first confirmed the store is away`() {
        #expect(set.confirmedAt == nil)
        #expect(!view.isFresh(at: 0) && !view.isFresh(at: -1) && !view.isFresh(at: .max))
    }

    @Test func `A confirmation is good for as long as the configuration says`() {
        set.confirm(at: 10_000)
        #expect(view.isFresh(at: 0), "a worker's clock is read once a turn, and may be behind")
        #expect(view.isFresh(at: 15_000) && !view.isFresh(at: 15_001))
        set.confirm(at: 12_000)
        #expect(view.isFresh(at: 17_000) && !view.isFresh(at: 17_001))
        set.confirm(at: 11_000)
        #expect(set.confirmedAt == 12_000)
        view.awayAfter = 1_000
        #expect(view.isFresh(at: 13_000) && !view.isFresh(at: 13_001))
        view.awayAfter = .max
        #expect(view.isFresh(at: .max))
    }

    // MARK: Size

    @Test func `Sweeping forgets what has expired and nothing else`() {
        for index in 0..<3_000 { set.insert(.token("\(index)"), until: index.isMultiple(of: 3) ? 1_000 : 100) }
        #expect(set.count == 3_000)
        #expect(set.sweep(now: date(99)) == 0)
        #expect(set.sweep(now: date(100)) == 2_000)
        #expect(set.count == 1_000)
        for index in 0..<3_000 {
            #expect(isRevoked(names(token: "\(index)"), at: 50) == index.isMultiple(of: 3), "\(index)")
        }
        #expect(set.sweep(now: date(1_000)) == 1_000)
        #expect(view.isEmpty)
    }

    @Test func `A set that is full takes nothing more, says so, and is not confirmed until what is missing has expired`() {
        let set = RevocationSet(entriesMax: 3)
        set.confirm(at: 1)
        #expect((0..<3).allSatisfy { set.insert(.token("\($0)"), until: 100) })
        #expect(!set.insert(.token("3"), until: 200))
        #expect(set.dropped == 1 && set.count == 3)
        #expect(!set.contains(.token("3"), now: date(1)))
        #expect(set.insert(.token("2"), until: 150), "those that are there can be prolonged")
        set.confirm(at: 2)
        #expect(set.confirmedAt == 1)
        #expect(set.sweep(now: date(199)) == 3)
        set.confirm(at: 3)
        #expect(set.confirmedAt == 1, "there is room, but what came while there was none is missing still")
        set.sweep(now: date(200))
        set.confirm(at: 4)
        #expect(set.confirmedAt == 4)
    }

    @Test func `A full set makes room of what has expired`() {
        let set = RevocationSet(entriesMax: 1_000)
        for index in 0..<1_000 { set.insert(.token("\(index)"), until: 100) }
        #expect(!set.insert(.token("new"), until: 300, now: 99))
        #expect(!set.insert(.token("new"), until: 300, now: 158), "not searched for room each time")
        #expect(set.insert(.token("new"), until: 300, now: 159))
        #expect(set.count == 1)
    }

    @Test func `contains answers for one target`() {
        set.insert(.session("s"), until: 100)
        set.insert(.subject("a", before: date(50)), until: 100)
        #expect(set.contains(.session("s"), now: date(99)) && !set.contains(.session("s"), now: date(100)))
        #expect(!set.contains(.token("s"), now: date(1)))
        #expect(set.contains(.subject("a", before: date(50)), now: date(1)))
        #expect(!set.contains(.subject("a", before: date(51)), now: date(1)))
    }
}

@Suite("The set of what is revoked, against a dictionary")
struct RevocationModelTests {
    private struct Model {
        var entries: [Revocation.Target: (before: Int64, end: Int64)] = [:]

        /// The dates of a subject stand beside its name, as those of others do.
        private func key(_ target: Revocation.Target) -> Revocation.Target {
            if case .subject(let name, _) = target { .subject(name, before: date(0)) } else { target }
        }

        mutating func insert(_ revocation: Revocation, now: Int64) {
            guard now < revocation.expiresAt.seconds else { return }
            var before = Int64.max
            if case .subject(_, let instant) = revocation.target { before = instant.seconds }
            let old = entries[key(revocation.target)].flatMap { now < $0.end ? $0 : nil }
            entries[key(revocation.target)] = (
                max(before, old?.before ?? before), max(revocation.expiresAt.seconds, old?.end ?? 0)
            )
        }

        func isRevoked(_ target: Revocation.Target, beginning: Int64, now: Int64) -> Bool {
            guard let entry = entries[key(target)], now < entry.end else { return false }
            if case .subject = target { return beginning <= entry.before }
            return true
        }
    }

    @Test(arguments: 1...8)
    func `says the same, whatever is inserted, prolonged, swept and asked`(_ seed: UInt64) {
        var generator = Generator(state: seed)
        let set = RevocationSet()
        let view = RevocationView(set, awayAfter: 1)
        var model = Model()
        var now: Int64 = 1_000
        for step in 0..<20_000 {
            let name = "\(generator.next() % 4_000)"
            let instant = now - 50 + Int64(generator.next() % 100)
            let target: Revocation.Target =
                switch generator.next() % 3 {
                case 0: .token(name)
                case 1: .session(name)
                default: .subject(name, before: date(instant))
                }
            if generator.next() % 2 == 0 {
                let revocation = Revocation(target, expiresAt: date(now - 10 + Int64(generator.next() % 600)))
                set.insert(revocation, now: date(now))
                model.insert(revocation, now: now)
            }
            if step % 500 == 0 { set.sweep(now: date(now)) }
            let asked: RevocationNames =
                switch target {
                case .token: names(token: name)
                case .session: names(session: name)
                case .subject: names(subject: name, beginning: instant)
                }
            let expected = model.isRevoked(target, beginning: instant, now: now)
            guard view.isRevoked(asked, now: date(now)) == expected, set.contains(target, now: date(now)) == expected else {
                Issue.record("step \(step): \(target) at \(now) should be \(expected)")
                return
            }
            now += Int64(generator.next() % 3) / 2
        }
        #expect(set.count <= 12_000)
    }

    private struct Generator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) ^ (state >> 11 & 0xFFFF)
        }
    }
}
