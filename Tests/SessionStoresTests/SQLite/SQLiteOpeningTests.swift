import Foundation
import JOSE
import Sessions
import Testing

@testable import SessionStores

@Suite("SQLite: the file")
struct SQLiteOpeningTests {
    let folder: SQLiteFolder

    init() throws { folder = try SQLiteFolder() }

    @Test func `a new database and all that lies beside it is its owner's alone`() async throws {
        let store = try folder.store()
        _ = try await store.begin()
        for suffix in ["", "-wal", "-shm", "-alive"] { #expect(try folder.mode(suffix) == 0o600, "\(suffix)") }
    }

    @Test func `a database that others may read is closed to them, and that is said`() async throws {
        try folder.store().close()
        #expect(chmod(folder.database, 0o644) == 0)
        let heard = Heard()
        let store = try folder.store(hears: heard)
        #expect(heard.remarks == ["it was open to others than its owner; its mode is 0600 now"])
        _ = try await store.begin()
        for suffix in ["", "-wal", "-shm"] { #expect(try folder.mode(suffix) == 0o600, "\(suffix)") }
    }

    @Test func `a directory that does not exist is named`() {
        let path = folder.path + "/none/sessions.db"
        #expect(throws: StoreError.failed("the directory \(folder.path)/none does not exist")) {
            try SQLiteStore(path: path, revocations: RevocationSet())
        }
    }

    @Test func `a visitor does not create a database`() throws {
        #expect(throws: StoreError.failed("\(folder.database) does not exist")) { try folder.store(as: .visitor) }
        #expect(try folder.mode() == nil)
    }

    @Test func `a directory is no database`() throws {
        try FileManager.default.createDirectory(atPath: folder.database, withIntermediateDirectories: false)
        #expect(throws: StoreError.failed("\(folder.database) is not a file")) { try folder.store() }
    }

    @Test func `a file that is no database stays as it is`() throws {
        let text = String(repeating: "These are minutes of a meeting. ", count: 200)
        try text.write(toFile: folder.database, atomically: false, encoding: .utf8)
        chmod(folder.database, 0o644)
        #expect(throws: StoreError.failed("\(folder.database) is no SQLite database")) { try folder.store() }
        #expect(try String(contentsOfFile: folder.database, encoding: .utf8) == text)
        #expect(try folder.mode() == 0o644)
    }

    @Test func `another application's database stays as it is`() throws {
        try sqlite("CREATE TABLE invoice (number INTEGER)")
        chmod(folder.database, 0o644)
        #expect(throws: StoreError.failed("\(folder.database): it is another application's database")) { try folder.store() }
        #expect(try sqlite("SELECT group_concat(name) FROM sqlite_master; PRAGMA journal_mode") == "invoice\ndelete\n")
        #expect(try folder.mode() == 0o644)
    }

    @Test func `a database of a newer version is refused and stays as it is`() throws {
        try folder.store().close()
        try sqlite("INSERT INTO grdb_migrations VALUES ('2 something that we do not know')")
        #expect(throws: StoreError.failed("\(folder.database): it was written by a newer version of this program")) {
            try folder.store()
        }
    }

    @Test func `a commit waits for the disk`() throws {
        try folder.store().close()
        let connection = try folder.connection()
        // 2 is FULL.
        #expect(try SQLiteStatement("PRAGMA synchronous", on: connection.handle).first { row in row.integer(0) } == 2)
        #expect(try SQLiteStatement("PRAGMA journal_mode", on: connection.handle).first { row in row.text(0) } == "wal")
    }

    @Test func `many that open a new database at the same time all find it made`() async throws {
        let folder = folder
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { _ = try await folder.store(busyMilliseconds: 20_000).begin() } }
            try await group.waitForAll()
        }
        #expect(try folder.number("SELECT count(*) FROM session") == 8)
        #expect(try folder.number("SELECT count(*) FROM gateway") == 0)
    }

    @Test func `what was written is there after closing and opening`() async throws {
        let first = try folder.store()
        let session = try await first.begin()[0]
        _ = try await first.reply(to: .refresh(session.id, counter: 0, address: "192.0.2.9"), now: .start)
        first.close()
        #expect(try folder.mode("-wal") == nil)
        let reply = try await folder.store().reply(to: .find(session.id))
        guard case .found(let found?) = reply else { return #expect(Bool(false), "\(reply)") }
        #expect(found.counter == 1 && found.address == "192.0.2.9" && found.claims == session.claims)
    }

    @Test func `texts are kept to the last byte, and one with a NUL is not taken for another`() async throws {
        let store = try folder.store()
        var session = try Session.example()
        session = Session(
            id: session.id, subject: "root\0x", claims: Array("{}".utf8),
            device: Session.Device(id: "", name: "Telefon \u{1F4F1}\0", application: nil), createdAt: .start, lastUsedAt: .start,
            address: "", counter: .max, rotatedAt: .start, expiresAt: .start.advanced(bySeconds: 9), endsAt: nil)
        _ = try await store.reply(to: .create(session))
        #expect(try await store.reply(to: .find(session.id)) == .found(session))
        #expect(try await store.reply(to: .list(SessionQuery(subject: "root"))) == .page(SessionPage(sessions: [], next: nil)))
        #expect(
            try await store.reply(to: .list(SessionQuery(subject: "root\0x")))
                == .page(SessionPage(sessions: [session], next: nil)))
        #expect(try await store.reply(to: .endAll(subject: "root", except: nil, .revoked)) == .endedAll(count: 0))
    }

    /// Says it to the file by SQLite's own command line, as an operator would.
    @discardableResult
    private func sqlite(_ sql: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.script, folder.database, sql]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: text, as: UTF8.self)
    }

    private static let script = """
        import sqlite3, sys
        base = sqlite3.connect(sys.argv[1])
        for statement in sys.argv[2].split(';'):
            for row in base.execute(statement): print(row[0])
        base.commit()
        """
}
