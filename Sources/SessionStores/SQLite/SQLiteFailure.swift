import GRDB
import GRDBSQLite
import Sessions

/// What SQLite, or the file below it, says no with. Texts name the file's state, never what was to be written.
struct SQLiteFailure: Error, Equatable {
    /// The primary result code.
    let code: CInt
    let text: String

    init(code: CInt, _ text: String) {
        self.code = code
        self.text = text
    }

    init(_ status: CInt, on connection: OpaquePointer?) {
        self.init(code: status & 0xff, connection.flatMap(sqlite3_errmsg).map { String(cString: $0) } ?? "error \(status)")
    }

    init(_ error: any Error) {
        switch error {
        case let failure as SQLiteFailure: self = failure
        case let error as DatabaseError:
            self.init(code: error.resultCode.rawValue & 0xff, error.message ?? "error \(error.resultCode.rawValue)")
        default: self.init(code: SQLITE_ERROR, "\(error)")
        }
    }

    /// A row that nothing of ours has written.
    static func unreadable(_ what: String) -> SQLiteFailure { SQLiteFailure(code: SQLITE_MISMATCH, "\(what) cannot be read") }

    /// It is about this one request; others in the same transaction may do better.
    var isOfRequestOnly: Bool { [SQLITE_CONSTRAINT, SQLITE_TOOBIG, SQLITE_MISMATCH].contains(code) }

    /// The connection is no good any more; a new one may be.
    var needsNewConnection: Bool {
        !isOfRequestOnly && ![SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL, SQLITE_NOMEM, SQLITE_INTERRUPT].contains(code)
    }

    func storeError(path: String) -> StoreError {
        switch code {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: .away("\(path) is locked by another process")
        case SQLITE_FULL: .away("no space is left for \(path)")
        case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_NOMEM, SQLITE_INTERRUPT: .away("\(path): \(text)")
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .failed("\(path) cannot be written: \(text)")
        case SQLITE_CORRUPT: .failed("\(path) is damaged: \(text)")
        case SQLITE_NOTADB: .failed("\(path) is no SQLite database")
        default: .failed("\(path): \(text)")
        }
    }
}
