import JOSE
import SessionStores
import Sessions
import Testing

@Suite("The store in memory")
struct MemoryStoreTests {
    private func open(_ revocations: RevocationSet = RevocationSet(), sessionsMax: Int) -> OpenStore {
        OpenStore(MemoryStore(revocations: revocations, sessionsMax: sessionsMax), revocations)
    }

    private func create(_ opened: OpenStore, at now: NumericDate) async throws {
        try await opened.begin(at: now, rules: SessionRules(refreshSeconds: 100, accessReachSeconds: 50))
    }

    @Test func `is confirmed from the start, for as long as anyone asks`() {
        let opened = open(sessionsMax: 1)
        #expect(opened.revocations.confirmedAt == .max)
    }

    @Test func `when it is full logins fail, until sessions are over`() async throws {
        let opened = open(sessionsMax: 3)
        for second in 0..<3 as Range<Int64> { try await create(opened, at: start + second) }
        await #expect(throws: StoreError.failed("there is room for 3 sessions only")) { try await create(opened, at: start + 99) }
        try await create(opened, at: start + 100)
        #expect(try await opened.list(includesEnded: true, at: start + 100).count == 3)
    }

    @Test func `what cannot be revoked does not end`() async throws {
        let opened = open(RevocationSet(entriesMax: 1), sessionsMax: 10)
        let (first, second) = (try await opened.begin(), try await opened.begin())
        #expect(try await opened.perform(.end(first.id, .logout)) == .ended(first))
        for operation in [.end(second.id, .logout), .endAll(subject: "alice", except: nil, .logout)] as [StoreRequest.Operation] {
            await #expect(throws: StoreError.failed("there is no room for another revocation")) { try await opened.perform(operation) }
        }
        #expect(try await opened.find(second.id) == second)
        #expect(try await opened.refresh(second, 0).0 == .rotated)
    }
}
