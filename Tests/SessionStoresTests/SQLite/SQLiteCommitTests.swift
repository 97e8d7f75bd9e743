import JOSE
import Sessions
import Synchronization
import Testing

@testable import SessionStores

@Suite("SQLite: one commit for all that wait")
struct SQLiteCommitTests {
    let folder: SQLiteFolder

    init() throws { folder = try SQLiteFolder() }

    @Test func `rotations that wait together wait for the disk together`() async throws {
        let store = try folder.store()
        let sessions = try await store.begin(100)
        let commits = store.commitCount
        let outcomes = Mutex<[Result<StoreReply, StoreError>]>([])
        // Another process writes; meanwhile a hundred requests come.
        let other = try folder.connection()
        try other.transaction(writes: true) { () throws(SQLiteFailure) in
            for session in sessions {
                store.perform(
                    StoreRequest(.refresh(session.id, counter: 0, address: "192.0.2.1"), rules: SessionRules(), now: .start)
                ) { outcome in outcomes.withLock { $0.append(outcome) } }
            }
        }
        try await eventually { outcomes.withLock(\.count) == 100 }
        #expect(outcomes.withLock { $0.allSatisfy { if case .success(.refreshed(.rotated, _)) = $0 { true } else { false } } })
        // The first may have been on its way alone.
        #expect(store.commitCount - commits <= 2)
    }

    @Test func `the same token two hundred times at once has one successor`() async throws {
        let store = try folder.store()
        let session = try await store.begin()[0]
        let refreshments = try await withThrowingTaskGroup(of: StoreReply.self) { group in
            for _ in 0..<200 {
                group.addTask { try await store.reply(to: .refresh(session.id, counter: 0, address: "192.0.2.1")) }
            }
            return try await group.reduce(into: [StoreReply]()) { $0.append($1) }
        }
        var counts: [Refreshment: Int] = [:]
        for case .refreshed(let refreshment, let after) in refreshments {
            counts[refreshment, default: 0] += 1
            #expect(after.counter == 1 && after.end == nil)
        }
        #expect(counts == [.rotated: 1, .replayed: 199])
    }

    @Test func `one that fails takes nothing of the others with it`() async throws {
        let store = try folder.store()
        let twice = try await store.begin()[0]
        let outcomes = Mutex<[String: Result<StoreReply, StoreError>]>([:])
        let sessions = try (0..<3).map { _ in try Session.example() }
        let other = try folder.connection()
        try other.transaction(writes: true) { () throws(SQLiteFailure) in
            for (name, session) in [("a", sessions[0]), ("twice", twice), ("b", sessions[1]), ("twice again", twice), ("c", sessions[2])] {
                store.perform(StoreRequest(.create(session), rules: SessionRules(), now: .start)) { outcome in
                    outcomes.withLock { $0[name] = outcome }
                }
            }
        }
        try await eventually { outcomes.withLock(\.count) == 5 }
        for name in ["a", "b", "c"] { #expect(outcomes.withLock { $0[name] } == .success(.created(ended: []))) }
        for name in ["twice", "twice again"] {
            #expect(
                outcomes.withLock { $0[name] }
                    == .failure(.failed("\(folder.database): UNIQUE constraint failed: session.id")))
        }
        #expect(try folder.number("SELECT count(*) FROM session") == 4)
    }

    @Test func `a part that fails leaves nothing behind`() throws {
        try folder.store().close()
        let connection = try folder.connection()
        let add = try SQLiteStatement("INSERT INTO gateway VALUES (?, 0)", on: connection.handle)
        try connection.transaction(writes: true) { () throws(SQLiteFailure) in
            _ = try connection.part { () throws(SQLiteFailure) in try add.run(.integer(1)) }
            let outcome = try connection.part { () throws(SQLiteFailure) in
                try add.run(.integer(2))
                try add.run(.integer(1))
            }
            guard case .failure = outcome else { throw SQLiteFailure(code: 0, "it did not fail") }
        }
        #expect(try folder.number("SELECT sum(slot) FROM gateway") == 1)
    }

    @Test func `requests beyond the limit are refused at once, and those before are answered`() async throws {
        let store = try folder.store(busyMilliseconds: 20_000)
        let answered = Atomic(0)
        let refused = Atomic(0)
        let other = try folder.connection()
        try other.transaction(writes: true) { () throws(SQLiteFailure) in
            for _ in 0..<SQLiteStore.backlogMax + 10 {
                store.perform(StoreRequest(.revoke(Revocation(.token("a"), expiresAt: .start)), rules: SessionRules(), now: .start)) {
                    switch $0 {
                    case .success: answered.add(1, ordering: .relaxed)
                    case .failure(.away("too many requests wait")): refused.add(1, ordering: .relaxed)
                    case .failure(let error): Issue.record("\(error)")
                    }
                }
            }
            guard refused.load(ordering: .relaxed) == 10 else { throw SQLiteFailure(code: 0, "another number was refused") }
        }
        try await eventually { answered.load(ordering: .relaxed) == SQLiteStore.backlogMax }
        _ = try await store.begin()
    }

    @Test func `closing answers what waits; what comes later is told`() async throws {
        let store = try folder.store()
        let answered = Atomic(0)
        for _ in 0..<50 {
            store.perform(StoreRequest(.create(try Session.example()), rules: SessionRules(), now: .start)) {
                if case .success = $0 { answered.add(1, ordering: .relaxed) }
            }
        }
        store.close()
        #expect(answered.load(ordering: .relaxed) == 50)
        await #expect(throws: StoreError.closed) { try await store.begin() }
        store.close()
    }
}

@Suite("SQLite: the sweep")
struct SQLiteSweepTests {
    let folder: SQLiteFolder

    init() throws { folder = try SQLiteFolder() }

    @Test func `what has expired or ended goes, in pieces`() async throws {
        let store = try folder.store()
        let ended = try await store.begin(3)
        for session in ended { _ = try await store.reply(to: .end(session.id, .logout)) }
        _ = try await store.begin(SQLiteSweep.pieceMax * 2 + 7, of: "bob")
        let later = NumericDate.start.advanced(bySeconds: SessionRules().refreshSeconds)
        let young = try await store.begin(2, of: "eve", now: later)
        let commits = store.commitCount
        // The revocations of the three that ended have expired, too.
        #expect(
            try await store.reply(to: .sweep, now: later)
                == .swept(sessions: SQLiteSweep.pieceMax * 2 + 7 + 3, revocations: 3))
        #expect(store.commitCount - commits == 4)
        #expect(try folder.number("SELECT count(*) FROM session") == 2)
        #expect(try await store.reply(to: .find(young[0].id), now: later) == .found(young[0]))
        #expect(try await store.reply(to: .sweep, now: later) == .swept(sessions: 0, revocations: 0))
    }

    @Test func `a gateway sweeps by itself, now and then`() async throws {
        let first = try folder.store()
        _ = try await first.begin(3)
        first.close()
        let store = try folder.store(sweepSeconds: 0, now: .start.advanced(bySeconds: SessionRules().refreshSeconds))
        _ = try await store.reply(to: .find(.random()))
        try await eventually { try folder.number("SELECT count(*) FROM session") == 0 }
        store.close()
    }
}
