import Glibc
import GRDB
import GRDBSQLite
import Sessions

/// An open database of ours, at the newest schema, that returns from a commit only when the change is on the disk. Used by one
/// thread at a time; closed when it and the last statement on it have gone.
final class SQLiteConnection {
    let file: SQLiteFile
    /// What an operator wants to know of how it was opened.
    let remark: String?
    /// SQLite's own; for statements, which live no longer than this.
    let handle: OpaquePointer
    private let identity: SQLiteFile.Identity
    private let queue: DatabaseQueue
    private let begin, beginImmediate, commit, rollback, savepoint, release, rollbackTo, dataVersion: SQLiteStatement

    /// - Parameters:
    ///   - creates: the file, when there is none.
    ///   - busyMilliseconds: how long to wait for another process that has it locked.
    init(_ file: SQLiteFile, creates: Bool, busyMilliseconds: Int) throws(StoreError) {
        self.file = file
        try file.prepare(creates: creates)
        do {
            guard let identity = file.identity else { throw SQLiteFailure(code: SQLITE_CANTOPEN, "it has been deleted") }
            self.identity = identity
            queue = try DatabaseQueue(path: file.path, configuration: Self.configuration(busyMilliseconds: busyMilliseconds))
            try Self.migrate(queue)
            guard let handle = queue.inDatabase({ $0.sqliteConnection }) else {
                throw SQLiteFailure(code: SQLITE_CANTOPEN, "it has no connection")
            }
            self.handle = handle
            // Nobody observes changes through GRDB, whose hooks want to have seen the statement that commits.
            sqlite3_commit_hook(handle, nil, nil)
            sqlite3_rollback_hook(handle, nil, nil)
            begin = try SQLiteStatement("BEGIN", on: handle)
            beginImmediate = try SQLiteStatement("BEGIN IMMEDIATE", on: handle)
            commit = try SQLiteStatement("COMMIT", on: handle)
            rollback = try SQLiteStatement("ROLLBACK", on: handle)
            savepoint = try SQLiteStatement("SAVEPOINT request", on: handle)
            release = try SQLiteStatement("RELEASE request", on: handle)
            rollbackTo = try SQLiteStatement("ROLLBACK TO request", on: handle)
            dataVersion = try SQLiteStatement("PRAGMA data_version", on: handle)
        } catch {
            throw SQLiteFailure(error).storeError(path: file.path)
        }
        remark = try file.tighten()
    }

    deinit {
        // The log beside a file that is not this one is not this one's to remove.
        if let present = file.identity, present != identity {
            var on: CInt = 1
            sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on)
        }
    }

    // MARK: Transactions

    /// One that commits unless `body` throws.
    ///
    /// - Parameter writes: taken as the only writer from the beginning, and durable when this returns.
    func transaction<Result>(
        writes: Bool, _ body: () throws(SQLiteFailure) -> Result
    ) throws(SQLiteFailure) -> Result {
        try (writes ? beginImmediate : begin).run()
        do throws(SQLiteFailure) {
            let result = try body()
            // What is written to a file that nobody can open again is lost.
            if writes { try checkPresence() }
            try commit.run()
            return result
        } catch {
            if isInTransaction { try? rollback.run() }
            throw error
        }
    }

    /// A part of a transaction, which goes on when this part fails by its own fault and leaves nothing behind.
    func part<Result>(
        _ body: () throws(SQLiteFailure) -> Result
    ) throws(SQLiteFailure) -> Swift.Result<Result, SQLiteFailure> {
        try savepoint.run()
        do throws(SQLiteFailure) {
            let result = try body()
            try release.run()
            return .success(result)
        } catch {
            guard error.isOfRequestOnly, isInTransaction else { throw error }
            try rollbackTo.run()
            try release.run()
            return .failure(error)
        }
    }

    /// Grave errors end the transaction that they happen in.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Changes when another connection, of this process or of another, has committed.
    func version() throws(SQLiteFailure) -> Int64 {
        try dataVersion.first { row in row.integer(0) } ?? 0
    }

    /// Throws when the path no longer leads to the file that is open.
    func checkPresence() throws(SQLiteFailure) {
        guard file.identity == identity else { throw SQLiteFailure(code: SQLITE_CANTOPEN, "it has been deleted or replaced") }
    }

    // MARK: Opening

    private static func configuration(busyMilliseconds: Int) -> Configuration {
        var configuration = Configuration()
        configuration.label = "slidegate.sessions"
        // Transactions are begun and ended by statements that GRDB does not see.
        configuration.allowsUnsafeTransactions = true
        // SQLite's own handler waits up to 100 ms at a time: too long beside commits of a millisecond.
        configuration.busyMode = .callback { tries in
            guard tries < busyMilliseconds else { return false }
            usleep(1000)
            return true
        }
        configuration.prepareDatabase { database in
            try refuseStrangers(database)
            guard try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") == "wal" else {
                throw SQLiteFailure(code: SQLITE_ERROR, "a write-ahead log is not possible there")
            }
            // FULL: the log is on the disk before a commit returns.
            try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384")
        }
        return configuration
    }

    /// Another application's database must get neither our tables nor our mode.
    private static func refuseStrangers(_ database: Database) throws {
        let isOurs = try Int64.fetchOne(database, sql: "PRAGMA application_id") == SQLiteSchema.applicationID
        let isEmpty = try Bool.fetchOne(
            database, sql: "SELECT NOT EXISTS (SELECT 1 FROM sqlite_master WHERE tbl_name <> 'grdb_migrations')")
        guard isOurs || isEmpty == true else { throw SQLiteFailure(code: SQLITE_ERROR, "it is another application's database") }
    }

    private static func migrate(_ queue: DatabaseQueue) throws {
        let migrator = SQLiteSchema.migrator
        guard try queue.read({ try !migrator.hasBeenSuperseded($0) }) else {
            throw SQLiteFailure(code: SQLITE_ERROR, "it was written by a newer version of this program")
        }
        do {
            try migrator.migrate(queue)
        } catch {
            // Another process that started with this one may have done the same.
            guard try queue.read({ try migrator.hasCompletedMigrations($0) }) else { throw error }
        }
    }
}
