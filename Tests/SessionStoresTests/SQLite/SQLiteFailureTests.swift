import EventLoop
import Foundation
import JOSE
import Sessions
import Synchronization
import Testing

@testable import SessionStores

@Suite("SQLite: what can go wrong with a file")
struct SQLiteFailureTests {
    let folder: SQLiteFolder

    init() throws { folder = try SQLiteFolder() }

    @Test func `while another process has it locked the store is away, and what is read is read`() async throws {
        let (heard, revocations) = (Heard(), RevocationSet())
        let store = try folder.store(revocations, busyMilliseconds: 50, hears: heard)
        let session = try await store.begin()[0]
        let other = try folder.connection()
        let (lock, unlock) = (
            try SQLiteStatement("BEGIN IMMEDIATE", on: other.handle), try SQLiteStatement("ROLLBACK", on: other.handle)
        )
        try lock.run()
        for _ in 0..<3 {
            await #expect(throws: StoreError.away("\(folder.database) is locked by another process")) {
                try await store.reply(to: .refresh(session.id, counter: 0, address: ""))
            }
        }
        #expect(heard.events == [.away("\(folder.database) is locked by another process")])
        #expect(try await store.reply(to: .find(session.id)) == .found(session))
        let confirmed = try #require(revocations.confirmedAt)
        try await eventually { try #require(revocations.confirmedAt) > confirmed }
        try unlock.run()
        guard case .refreshed(.rotated, _) = try await store.reply(to: .refresh(session.id, counter: 0, address: "")) else {
            return #expect(Bool(false))
        }
        #expect(heard.events.last == .back && heard.events.count == 2)
    }

    @Test func `it comes back by itself, without a request`() async throws {
        let heard = Heard()
        let store = try folder.store(busyMilliseconds: 20, hears: heard)
        let other = try folder.connection()
        let (lock, unlock) = (
            try SQLiteStatement("BEGIN IMMEDIATE", on: other.handle), try SQLiteStatement("ROLLBACK", on: other.handle)
        )
        try lock.run()
        await #expect(throws: StoreError.self) { try await store.begin() }
        try unlock.run()
        try await eventually { heard.events.last == .back }
        store.close()
    }

    @Test func `a file that is deleted is no longer written, and never replaced by an empty one`() async throws {
        let (heard, revocations) = (Heard(), RevocationSet())
        let store = try folder.store(revocations, hears: heard)
        let session = try await store.begin()[0]
        let kept = folder.path + "/kept"
        try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: false)
        try moveDatabase(from: folder.path, to: kept)
        await #expect(throws: StoreError.self) { try await store.begin() }
        try await eventually { heard.awayCount == 1 }
        #expect(heard.events.first == .away("\(folder.database): it has been deleted or replaced"))
        let confirmed = try #require(revocations.confirmedAt)
        try await Task.sleep(for: .milliseconds(50))
        #expect(revocations.confirmedAt == confirmed)
        #expect(try folder.mode() == nil)
        await #expect(throws: StoreError.away("\(folder.database) does not exist")) {
            // Until it has tried to open it again.
            while true {
                do {
                    _ = try await store.begin()
                    return
                } catch StoreError.away("\(folder.database): it has been deleted or replaced") {
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
        }
        // What comes back is the same database, and goes on.
        try moveDatabase(from: kept, to: folder.path)
        try await eventually { heard.events.last == .back }
        #expect(try await store.reply(to: .find(session.id)) == .found(session))
        _ = try await store.begin()
        #expect(try #require(revocations.confirmedAt) > confirmed)
    }

    private func moveDatabase(from: String, to: String) throws {
        // The log is in the database by then: the store has closed it, or will find it gone.
        for suffix in ["-wal", "-shm", ""] where FileManager.default.fileExists(atPath: from + "/sessions.db" + suffix) {
            try FileManager.default.moveItem(atPath: from + "/sessions.db" + suffix, toPath: to + "/sessions.db" + suffix)
        }
    }

    @Test func `a damaged file is said to be damaged, and answers nothing wrong`() async throws {
        let store = try folder.store()
        let sessions = try await store.begin(300)
        store.close()
        let file = try #require(FileHandle(forUpdatingAtPath: folder.database))
        let size = try file.seekToEnd()
        // All but the first page, which says what the file is, becomes noise.
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data((0..<Int(size) - 4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }))
        try file.close()
        let heard = Heard()
        var failures = 0
        do throws(any Error) {
            let damaged = try folder.store(hears: heard)
            for session in sessions.prefix(20) {
                do { _ = try await damaged.reply(to: .refresh(session.id, counter: 0, address: "")) } catch { failures += 1 }
            }
            #expect(heard.awayCount == 1)
        } catch {
            guard case StoreError.failed(let text) = error else { throw error }
            #expect(text.hasPrefix("\(folder.database) is damaged"))
            return
        }
        #expect(failures == 20)
    }

    @Test func `a row that is none of ours fails its request alone`() async throws {
        let heard = Heard()
        let store = try folder.store(hears: heard)
        let sessions = try await store.begin(2)
        do {
            let other = try folder.connection()
            try SQLiteStatement("UPDATE session SET counter = -1 WHERE id = ?", on: other.handle).run(.bytes(sessions[0].id.bytes))
        }
        await #expect(throws: StoreError.failed("\(folder.database): a session cannot be read")) {
            try await store.reply(to: .refresh(sessions[0].id, counter: 0, address: ""))
        }
        guard case .refreshed(.rotated, _) = try await store.reply(to: .refresh(sessions[1].id, counter: 0, address: "")) else {
            return #expect(Bool(false))
        }
        #expect(heard.events.isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0, "takes a file system of its own"))
    func `without space nothing is answered that is not kept; with space again it goes on`() async throws {
        let heard = Heard()
        try #require(mount("tmpfs", folder.path, "tmpfs", 0, "size=400k") == 0)
        defer { umount2(folder.path, CInt(MNT_DETACH)) }
        let ballast = folder.path + "/ballast"
        try Data(count: 200_000).write(to: URL(fileURLWithPath: ballast))
        let store = try folder.store(hears: heard)
        var kept: [Session] = []
        do throws(StoreError) {
            for _ in 0..<10_000 { kept += (try? Session.example()).map { [$0] } ?? [] ; _ = try await store.reply(to: .create(kept[kept.count - 1])) }
            Issue.record("10000 sessions have fitted in")
        } catch {
            kept.removeLast()
            #expect(error == .away("no space is left for \(folder.database)") || error == .away("\(folder.database): disk I/O error"))
        }
        #expect(heard.awayCount == 1)
        for session in kept { #expect(try await store.reply(to: .find(session.id)) == .found(session)) }
        try FileManager.default.removeItem(atPath: ballast)
        try await eventually { heard.events.last == .back }
        _ = try await store.begin()
        store.close()
        #expect(try folder.number("SELECT count(*) FROM session") == Int64(kept.count + 1))
    }

    @Test(.enabled(if: geteuid() == 0, "takes a file system of its own"))
    func `where nothing can be written, it is refused at the start`() throws {
        try #require(mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0)
        defer { umount2(folder.path, CInt(MNT_DETACH)) }
        try folder.store().close()
        try #require(mount("tmpfs", folder.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
        #expect(throws: StoreError.failed("\(folder.database): Read-only file system")) { try folder.store() }
    }
}
