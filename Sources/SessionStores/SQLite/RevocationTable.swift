import JOSE
import Sessions

/// Revocations, numbered in the order in which all processes commit them.
final class RevocationTable {
    private let covering, remove, insert, since, highest, removeExpired, changes: SQLiteStatement

    init(on connection: borrowing SQLiteConnection) throws(SQLiteFailure) {
        let handle = connection.handle
        covering = try SQLiteStatement("SELECT before, expires_at FROM revocation WHERE kind = ? AND name = ?", on: handle)
        remove = try SQLiteStatement("DELETE FROM revocation WHERE kind = ? AND name = ?", on: handle)
        insert = try SQLiteStatement(
            "INSERT INTO revocation (kind, name, before, expires_at) VALUES (?, ?, ?, ?)", on: handle)
        since = try SQLiteStatement(
            "SELECT number, kind, name, before, expires_at FROM revocation WHERE number > ? ORDER BY number", on: handle)
        highest = try SQLiteStatement("SELECT max(number) FROM revocation", on: handle)
        removeExpired = try SQLiteStatement(
            """
            DELETE FROM revocation WHERE number IN (SELECT number FROM revocation WHERE expires_at <= ? LIMIT ?)
            """, on: handle)
        changes = try SQLiteStatement("SELECT changes()", on: handle)
    }

    /// Adds it under a number of its own. Of two about one name the sum of both stays, under a new number, and one that says
    /// nothing new is not written: asking again and again fills nothing.
    func add(_ revocation: Revocation) throws(SQLiteFailure) {
        let (kind, name, before) = Self.columns(of: revocation.target)
        var (instant, end) = (before, revocation.expiresAt.seconds)
        let present = try covering.first(.text(kind), .text(name)) { row in (row.optionalInteger(0), row.integer(1)) }
        if let (presentInstant, presentEnd) = present {
            if (presentInstant ?? 0) >= (instant ?? 0), presentEnd >= end { return }
            instant = instant.map { max($0, presentInstant ?? $0) }
            end = max(end, presentEnd)
            try remove.run(.text(kind), .text(name))
        }
        try insert.run(.text(kind), .text(name), .integer(orNull: instant), .integer(end))
    }

    /// Those with a number above `number`, and the highest number there is.
    func each(
        above number: Int64, _ body: (Revocation) -> Void
    ) throws(SQLiteFailure) -> Int64 {
        var last = number
        try since.each(.integer(number)) { row throws(SQLiteFailure) in
            last = row.integer(0)
            body(Revocation(try Self.target(row), expiresAt: NumericDate(seconds: row.integer(4))))
        }
        return last
    }

    /// At most `limit` of those that have ended; how many they were.
    func sweep(now: NumericDate, limit: Int) throws(SQLiteFailure) -> Int {
        try removeExpired.run(.integer(now.seconds), .integer(Int64(limit)))
        return Int(try changes.first { row in row.integer(0) } ?? 0)
    }

    func highestNumber() throws(SQLiteFailure) -> Int64 { try highest.first { row in row.integer(0) } ?? 0 }

    private static func columns(of target: Revocation.Target) -> (kind: String, name: String, before: Int64?) {
        switch target {
        case .token(let name): ("jti", name, nil)
        case .session(let name): ("sid", name, nil)
        case .subject(let name, let before): ("sub", name, before.seconds)
        }
    }

    private static func target(_ row: SQLiteRow) throws(SQLiteFailure) -> Revocation.Target {
        switch (row.text(1), row.optionalInteger(3)) {
        case ("jti", nil): .token(row.text(2))
        case ("sid", nil): .session(row.text(2))
        case ("sub", let before?): .subject(row.text(2), before: NumericDate(seconds: before))
        default: throw .unreadable("a revocation")
        }
    }
}
