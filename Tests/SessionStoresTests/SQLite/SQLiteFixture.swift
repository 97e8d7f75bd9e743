import EventLoop
import Foundation
import JOSE
import Sessions
import Synchronization
import Testing

@testable import SessionStores

/// A directory of one test, gone with it, and what a test says to a store in it.
final class SQLiteFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/slidegate-sqlite-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/sessions.db" }

    func store(
        as role: SQLiteStore.Role = .gateway, _ revocations: RevocationSet = RevocationSet(), pollMilliseconds: Int64 = 10,
        sweepSeconds: Int64? = nil, busyMilliseconds: Int = 1000, now: NumericDate = .start, hears: Heard = Heard()
    ) throws -> SQLiteStore {
        var settings = SQLiteStore.Settings()
        settings.pollMilliseconds = pollMilliseconds
        settings.sweepSeconds = sweepSeconds
        settings.busyMilliseconds = busyMilliseconds
        settings.clock = { now }
        return try SQLiteStore(path: database, as: role, revocations: revocations, settings: settings) { hears.add($0) }
    }

    /// A connection like a store's, to look with, to lock with.
    func connection() throws -> SQLiteConnection {
        try SQLiteConnection(SQLiteFile(path: database), creates: false, busyMilliseconds: 100)
    }

    func number(_ sql: String) throws -> Int64 {
        let connection = try connection()
        return try #require(try SQLiteStatement(sql, on: connection.handle).first { row in row.integer(0) })
    }

    /// Of a file of the database: nil, there is none.
    func mode(_ suffix: String = "") throws -> Int? {
        guard FileManager.default.fileExists(atPath: database + suffix) else { return nil }
        return try FileManager.default.attributesOfItem(atPath: database + suffix)[.posixPermissions] as? Int
    }
}

/// What a store has told of itself.
final class Heard: Sendable {
    private let list = Mutex<[StoreEvent]>([])
    func add(_ event: StoreEvent) { list.withLock { $0.append(event) } }
    var events: [StoreEvent] { list.withLock { $0 } }
    var awayCount: Int { events.count { if case .away = $0 { true } else { false } } }
    var remarks: [String] { events.compactMap { if case .remark(let text) = $0 { text } else { nil } } }
}

extension NumericDate {
    static let start = NumericDate(seconds: 1_800_000_000)
}

extension SessionStore {
    func reply(
        to operation: StoreRequest.Operation, rules: SessionRules = SessionRules(), now: NumericDate = .start
    ) async throws(StoreError) -> StoreReply {
        let outcome: Result<StoreReply, StoreError> = await withCheckedContinuation { continuation in
            perform(StoreRequest(operation, rules: rules, now: now)) { continuation.resume(returning: $0) }
        }
        return try outcome.get()
    }

    /// Begins sessions of `subject`.
    func begin(_ count: Int = 1, of subject: String = "ann", now: NumericDate = .start) async throws -> [Session] {
        var sessions: [Session] = []
        for _ in 0..<count {
            let session = try Session.example(subject, now: now)
            _ = try await reply(to: .create(session), now: now)
            sessions.append(session)
        }
        return sessions
    }
}

extension Session {
    static func example(
        _ subject: String = "ann", rules: SessionRules = SessionRules(), now: NumericDate = .start
    ) throws -> Session {
        try begin(
            .random(), subject: subject, claims: Array(#"{"sub":"\#(subject)"}"#.utf8), device: Device(name: "telephone"),
            address: "192.0.2.1", rules: rules, now: now)
    }
}

/// Waits for what another thread brings about; on a machine that lets us look but rarely, until there were looks enough.
func eventually(within duration: Duration = .seconds(20), _ isReached: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + duration
    var looks = 0
    while ContinuousClock.now < deadline || looks < 100 {
        if try isReached() { return }
        looks += 1
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record("not reached within \(duration)")
}

extension StoreKind {
    static let sqlite = StoreKind(name: "sqlite") {
        let folder = try SQLiteFolder()
        return try open(folder)
    }

    private static func open(_ folder: SQLiteFolder) throws -> OpenStore {
        let revocations = RevocationSet()
        return OpenStore(try folder.store(revocations, now: start), revocations, surroundings: folder) { try open(folder) }
    }
}
