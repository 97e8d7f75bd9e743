import Bytes
import JOSE
import Synchronization
import Testing

@testable import Sessions

/// Goal: what the store has revoked before someone asks is revoked for that one, whatever the table goes through at the
/// time, and nothing else ever is. Method: one writer that adds, prolongs and sweeps, so that tables are outgrown and
/// replaced; readers that ask for what the writer says it has done.
@Suite("What is revoked, with one thread writing and others reading")
struct RevocationLoadTests {
    private final class Progress: Sendable {
        /// So many sessions have been revoked: 0, 1, 2 …
        let inserted = Atomic<Int>(0)
        let isOver = Atomic(false)
        let questions = Atomic<Int>(0)
        let mistakes = Atomic<Int>(0)
    }

    private static let now = NumericDate(seconds: 1_000)

    private static func names(_ session: String) -> RevocationNames {
        var names = RevocationNames(beginning: 900)
        names.set(token: Array("t\(session)".utf8).span)
        names.set(session: Array(session.utf8).span)
        return names
    }

    @Test func `readers miss nothing and make nothing up`() async {
        let set = RevocationSet()
        let progress = Progress()
        await withTaskGroup(of: Void.self) { group in
            for reader in 0..<3 {
                group.addTask { await Self.read(set, progress, seed: UInt64(reader)) }
            }
            group.addTask { Self.write(set, progress) }
        }
        #expect(progress.mistakes.load(ordering: .relaxed) == 0)
        #expect(progress.questions.load(ordering: .relaxed) > 1_000)
        #expect(set.count >= 20_000)
    }

    private static func write(_ set: RevocationSet, _ progress: Progress) {
        for index in 0..<20_000 {
            set.insert(Revocation(.session("\(index)"), expiresAt: now.advanced(bySeconds: 60)), now: now)
            progress.inserted.store(index + 1, ordering: .releasing)
            // Rubbish that has expired when it is swept, and makes tables fill up.
            set.insert(Revocation(.session("x\(index)"), expiresAt: now), now: now.advanced(bySeconds: -1))
            if index.isMultiple(of: 7) {
                set.insert(Revocation(.session("\(index / 2)"), expiresAt: now.advanced(bySeconds: 60 + Int64(index))), now: now)
            }
            if index.isMultiple(of: 4_001) { set.sweep(now: now) }
        }
        progress.isOver.store(true, ordering: .releasing)
    }

    /// As a worker does: a token that was found clean is asked for again only after a change.
    private static func read(_ set: RevocationSet, _ progress: Progress, seed: UInt64) async {
        let view = RevocationView(set, awayAfter: 1)
        var state = seed
        var cleanAsOf: UInt64 = 0
        var watched = 0
        var round = 0
        while !progress.isOver.load(ordering: .acquiring) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let inserted = progress.inserted.load(ordering: .acquiring)
            progress.questions.add(2, ordering: .relaxed)
            round += 1
            if round.isMultiple(of: 200) { await Task.yield() }  // there may be fewer threads than readers
            if inserted > 0, !view.isRevoked(names("\(Int(state >> 33) % inserted)"), now: now) {
                progress.mistakes.add(1, ordering: .relaxed)
            }
            if view.isRevoked(names("y\(state >> 40)"), now: now) { progress.mistakes.add(1, ordering: .relaxed) }

            let isDone = watched < progress.inserted.load(ordering: .acquiring)
            let changes = view.changes
            var isRevoked = false
            if cleanAsOf != changes {
                isRevoked = view.isRevoked(names("\(watched)"), now: now)
                if !isRevoked { cleanAsOf = changes }
            }
            if isDone, !isRevoked { progress.mistakes.add(1, ordering: .relaxed) }
            if isRevoked { watched = inserted + 5 }
        }
    }
}

@Suite("Many revocations")
struct RevocationSizeTests {
    @Test func `of which there are a million take 32 MiB, and twice that while the table is being replaced`() {
        // The table grows when it is three quarters full, to twice its size: what stays is the larger one.
        #expect(RevocationTable(for: 1_000_000).byteCount == 32 << 20)
        var greatest = 0
        var table = RevocationTable(for: 0)
        for count in 1...1_000_000 where table.isFull(with: count) {
            let next = RevocationTable(for: count)
            greatest = max(greatest, table.byteCount + next.byteCount)
            table = next
        }
        #expect(table.byteCount == 32 << 20)
        #expect(max(greatest, 2 * table.byteCount) <= 64 << 20, "a sweep makes another one of the same size")
    }

    @Test func `are found, and others are not`() {
        let set = RevocationSet()
        let now = NumericDate(seconds: 0)
        for index in 0..<100_000 {
            set.insert(Revocation(.session("\(index)"), expiresAt: now.advanced(bySeconds: 100)), now: now)
        }
        #expect(set.count == 100_000)
        #expect(set.byteCount == 4 << 20)
        let view = RevocationView(set, awayAfter: 1)
        var (found, foundWrongly) = (0, 0)
        for index in stride(from: 0, to: 200_000, by: 7) {
            var names = RevocationNames(beginning: nil)
            names.set(session: Array("\(index)".utf8).span)
            guard view.isRevoked(names, now: now) else { continue }
            if index < 100_000 { found += 1 } else { foundWrongly += 1 }
        }
        #expect(found == 14_286 && foundWrongly == 0)
    }

    @Test(arguments: [0, 1, 511, 512, 513, 767, 768, 769, 100_000])
    func `leave room in a table for each that it is made for`(_ count: Int) {
        let table = RevocationTable(for: count)
        #expect(!table.isFull(with: count))
        #expect(table.byteCount >= 32 * count)
    }
}
