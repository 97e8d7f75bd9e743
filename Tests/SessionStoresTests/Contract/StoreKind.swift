import JOSE
import SessionStores
import Sessions
import Testing

/// A kind of store that keeps the contract: one line in `all` has every test of `StoreContractTests` run on it.
struct StoreKind: Sendable, CustomTestStringConvertible {
    let name: String
    /// A new store without anything in it, and nothing in common with others that this has opened.
    let open: @Sendable () throws -> OpenStore

    static let all: [StoreKind] = [.memory, .sqlite, .redis]

    static let memory = StoreKind(name: "memory") {
        let revocations = RevocationSet()
        return OpenStore(MemoryStore(revocations: revocations), revocations)
    }

    var testDescription: String { name }
}

/// A store as a test meets it. Closes it in the end.
final class OpenStore: Sendable {
    let store: any SessionStore
    let revocations: RevocationSet
    /// Something whose `deinit` removes what would lie around. Whoever opens the store again keeps it too.
    private let surroundings: (any AnyObject & Sendable)?
    /// Opens what a closed store has kept, with a new set of revocations; nil: it keeps nothing.
    private let openAgain: (@Sendable () throws -> OpenStore)?

    init(
        _ store: any SessionStore, _ revocations: RevocationSet, surroundings: (any AnyObject & Sendable)? = nil,
        openAgain: (@Sendable () throws -> OpenStore)? = nil
    ) {
        self.store = store
        self.revocations = revocations
        self.surroundings = surroundings
        self.openAgain = openAgain
    }

    deinit { store.close() }

    /// The same store after a restart of the process, when it has loaded its revocations; nil where nothing outlives one.
    func reopened() async throws -> OpenStore? {
        guard let openAgain else { return nil }
        store.close()
        let next = try openAgain()
        try await next.isReady()
        return next
    }

    /// Waits for the first confirmation that all revocations are known.
    func isReady() async throws {
        for _ in 0..<2000 where revocations.confirmedAt == nil { try await Task.sleep(for: .milliseconds(5)) }
        try #require(revocations.confirmedAt != nil, "the store has not loaded its revocations")
    }
}

// MARK: - Asking

/// An instant that everything else is told from. Later than any test runs, for stores with expiry dates of their own.
let start = NumericDate(seconds: 2_000_000_000)

extension NumericDate {
    static func + (date: NumericDate, seconds: Int64) -> NumericDate { date.advanced(bySeconds: seconds) }
}

extension OpenStore {
    func perform(
        _ operation: StoreRequest.Operation, at now: NumericDate = start, rules: SessionRules = SessionRules()
    ) async throws -> StoreReply {
        try await withCheckedContinuation { continuation in
            store.perform(StoreRequest(operation, rules: rules, now: now)) { continuation.resume(returning: $0) }
        }.get()
    }

    /// Begins a session; the reply has to say so.
    @discardableResult
    func begin(
        _ subject: String = "alice", claims: String = #"{"sub":"alice"}"#, device: Session.Device = Session.Device(),
        address: String = "192.0.2.1", at now: NumericDate = start, rules: SessionRules = SessionRules(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Session {
        let session = try Session.begin(
            .random(), subject: subject, claims: Array(claims.utf8), device: device, address: address, rules: rules, now: now)
        let reply = try await perform(.create(session), at: now, rules: rules)
        #expect(reply == .created(ended: []), sourceLocation: sourceLocation)
        return session
    }

    func find(_ id: SessionID) async throws -> Session? {
        guard case .found(let session) = try await perform(.find(id)) else { throw UnexpectedReply() }
        return session
    }

    func refresh(
        _ session: Session, _ counter: UInt32, from address: String = "192.0.2.1", at now: NumericDate = start,
        rules: SessionRules = SessionRules()
    ) async throws -> (Refreshment, Session) {
        let reply = try await perform(.refresh(session.id, counter: counter, address: address), at: now, rules: rules)
        guard case .refreshed(let refreshment, let after) = reply else { throw UnexpectedReply() }
        return (refreshment, after)
    }

    /// All pages, one behind the other.
    func list(
        _ subject: String? = nil, includesEnded: Bool = false, pageOf limit: Int = 100, at now: NumericDate = start
    ) async throws -> [Session] {
        var (sessions, cursor): ([Session], String?) = ([], nil)
        repeat {
            let query = SessionQuery(subject: subject, includesEnded: includesEnded, cursor: cursor, limit: limit)
            guard case .page(let page) = try await perform(.list(query), at: now) else { throw UnexpectedReply() }
            #expect(page.sessions.count <= limit)
            sessions += page.sessions
            cursor = page.next
        } while cursor != nil
        return sessions
    }

    func isRevoked(_ session: Session, at now: NumericDate = start) -> Bool {
        revocations.contains(.session(session.id.text), now: now)
    }
}

struct UnexpectedReply: Error {}
