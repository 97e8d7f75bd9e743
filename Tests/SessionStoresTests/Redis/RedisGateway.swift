import Foundation
import Glibc
import JOSE
import SessionStores
import Sessions
import Synchronization
import Testing

/// What a gateway has of a Redis: a store, the revocations that it knows, and what the store has told.
final class RedisGateway: Sendable {
    let store: RedisStore
    let revocations = RevocationSet()
    let clock: TestClock
    private let events = EventBox()

    init(_ settings: RedisSettings, clock: TestClock = TestClock()) throws {
        self.clock = clock
        let events = events
        store = try RedisStore(settings, revocations: revocations, clock: { clock.now }) { events.add($0) }
    }

    deinit { store.close() }

    var story: [StoreEvent] { events.all }

    func perform(_ operation: StoreRequest.Operation, rules: SessionRules = SessionRules()) async -> Result<StoreReply, StoreError> {
        await withCheckedContinuation { continuation in
            store.perform(StoreRequest(operation, rules: rules, now: clock.now)) { continuation.resume(returning: $0) }
        }
    }

    func begin(_ subject: String = "alice") async throws -> Session {
        let session = try Session.begin(
            .random(), subject: subject, claims: Array("{}".utf8), device: Session.Device(), address: "192.0.2.1",
            rules: SessionRules(), now: clock.now)
        let reply = try await perform(.create(session)).get()
        #expect(reply == .created(ended: []))
        return session
    }

    func refresh(_ session: Session, _ counter: UInt32) async throws -> (Refreshment, Session) {
        guard case .refreshed(let refreshment, let after) = try await attempt(session, counter).get() else { throw UnexpectedReply() }
        return (refreshment, after)
    }

    func attempt(_ session: Session, _ counter: UInt32) async -> Result<StoreReply, StoreError> {
        await perform(.refresh(session.id, counter: counter, address: "192.0.2.1"))
    }

    func find(_ session: Session) async throws -> Session? {
        guard case .found(let found) = try await perform(.find(session.id)).get() else { throw UnexpectedReply() }
        return found
    }

    func knows(_ target: Revocation.Target) -> Bool { revocations.contains(target, now: clock.now) }
    func hasRevoked(_ session: Session) -> Bool { knows(.session(session.id.text)) }

    /// Whether requests are served: without one, the store itself notices that its server is back.
    func isServing() async -> Bool { if case .success = await perform(.find(.random())) { true } else { false } }

    func isReady() async throws { try await eventually { self.revocations.confirmedAt != nil } }
}

/// The time, and what a test adds to it.
final class TestClock: Sendable {
    private let added = Atomic<Int64>(0)

    var now: NumericDate { NumericDate(seconds: Int64(Date().timeIntervalSince1970) + added.load(ordering: .relaxed)) }

    func advance(_ seconds: Int64) { added.wrappingAdd(seconds, ordering: .relaxed) }
}

private final class EventBox: Sendable {
    private let events = Mutex<[StoreEvent]>([])

    var all: [StoreEvent] { events.withLock { $0 } }
    func add(_ event: StoreEvent) { events.withLock { $0.append(event) } }
}

/// Milliseconds until the condition holds; waits as the other does.
@discardableResult
func eventually(
    within seconds: Int = 20, sourceLocation: SourceLocation = #_sourceLocation, _ isReached: () async throws -> Bool
) async throws -> Int {
    let begin = ContinuousClock.now
    var looks = 0
    while ContinuousClock.now - begin < .seconds(seconds) || looks < 100 {
        looks += 1
        if (try? await isReached()) == true {
            return Int((ContinuousClock.now - begin) / .milliseconds(1))
        }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record("not within \(seconds) s", sourceLocation: sourceLocation)
    throw UnexpectedReply()
}

extension Result where Success == StoreReply, Failure == StoreError {
    /// The reason why the store is away; nil when it is not.
    var awayReason: String? { if case .failure(.away(let reason)) = self { reason } else { nil } }
}

extension RedisServer {
    /// - Parameter port: of a relay in front of it.
    func settings(
        port: UInt16? = nil, prefix: String = "t:", timeout: Int64 = 1_000, poll: Int64 = 50,
        credentials: RedisSettings.Credentials = .init(), database: Int = 0
    ) -> RedisSettings {
        RedisSettings(
            .server(.init(host: "127.0.0.1", port: port ?? self.port)), credentials: credentials, database: database, prefix: prefix,
            timeout: timeout, poll: poll)
    }
}
