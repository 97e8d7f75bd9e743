import Foundation
import GRDB
import GRDBSQLite

// Statements are prepared and run through SQLite's own interface on GRDB's connection. GRDB's ends a text at its first NUL,
// both ways, and such a subject must neither be taken for another nor be shortened; and a million rows are read in less than
// half the time.

/// A statement that is prepared once and run many times. Belongs to the thread of its connection.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private let connection: OpaquePointer

    /// - Parameter connection: open for as long as the statement lives.
    init(_ sql: String, on connection: OpaquePointer) throws(SQLiteFailure) {
        var handle: OpaquePointer?
        let status = sqlite3_prepare_v3(connection, sql, -1, CUnsignedInt(SQLITE_PREPARE_PERSISTENT), &handle, nil)
        guard status == SQLITE_OK, let handle else { throw SQLiteFailure(status, on: connection) }
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    /// Runs it to its end; rows are passed over.
    func run(_ values: SQLiteValue...) throws(SQLiteFailure) {
        try each(values) { _ in }
    }

    /// What `body` makes of the first row; nil: there is none.
    func first<Result>(_ values: SQLiteValue..., body: (SQLiteRow) throws(SQLiteFailure) -> Result) throws(SQLiteFailure) -> Result? {
        try bind(values)
        defer { sqlite3_reset(handle) }
        return try step() ? try body(SQLiteRow(handle: handle)) : nil
    }

    func each(_ values: SQLiteValue..., body: (SQLiteRow) throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
        try each(values, body: body)
    }

    private func each(_ values: [SQLiteValue], body: (SQLiteRow) throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
        try bind(values)
        defer { sqlite3_reset(handle) }
        while try step() { try body(SQLiteRow(handle: handle)) }
    }

    private func step() throws(SQLiteFailure) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: true
        case SQLITE_DONE: false
        case let status: throw SQLiteFailure(status, on: connection)
        }
    }

    private func bind(_ values: [SQLiteValue]) throws(SQLiteFailure) {
        for (index, value) in zip(CInt(1)..., values) {
            let status =
                switch value {
                case .null: sqlite3_bind_null(handle, index)
                case .integer(let integer): sqlite3_bind_int64(handle, index, integer)
                case .text(var text):
                    text.withUTF8 { utf8 in
                        // A pointer that is nil would be bound as NULL.
                        utf8.withMemoryRebound(to: CChar.self) { characters in
                            sqlite3_bind_text(handle, index, characters.baseAddress ?? emptyText, CInt(characters.count), copied)
                        }
                    }
                case .bytes(let bytes):
                    bytes.isEmpty
                        ? sqlite3_bind_zeroblob(handle, index, 0)
                        : bytes.withUnsafeBytes { sqlite3_bind_blob(handle, index, $0.baseAddress, CInt($0.count), copied) }
                }
            guard status == SQLITE_OK else { throw SQLiteFailure(status, on: connection) }
        }
    }
}

/// SQLITE_TRANSIENT: what is bound is copied before the call returns.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
/// Static, so it outlives every call; only its address counts, its length is given as 0.
nonisolated(unsafe) private let emptyText = UnsafeRawPointer(("" as StaticString).utf8Start).assumingMemoryBound(to: CChar.self)

enum SQLiteValue {
    case null, integer(Int64), text(String), bytes([UInt8])

    static func text(orNull text: String?) -> SQLiteValue { text.map { .text($0) } ?? .null }
    static func integer(orNull integer: Int64?) -> SQLiteValue { integer.map { .integer($0) } ?? .null }
}

/// The row that a statement stands on; columns count from 0. Good within the closure that gets it.
struct SQLiteRow {
    fileprivate let handle: OpaquePointer

    func isNull(_ column: CInt) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func integer(_ column: CInt) -> Int64 { sqlite3_column_int64(handle, column) }

    func optionalInteger(_ column: CInt) -> Int64? { isNull(column) ? nil : integer(column) }

    /// Ill-formed UTF-8, which nothing of ours writes, is repaired.
    func text(_ column: CInt) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))), as: UTF8.self)
    }

    func optionalText(_ column: CInt) -> String? { isNull(column) ? nil : text(column) }

    func bytes(_ column: CInt) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
