import JOSE
import Sessions

/// Sessions as rows.
final class SessionTable {
    private let insert, update, byID, bySubject, all, leastRecentlyUsed, going, endGoing, removeExpired, removeEnded, restartGrace,
        changes: SQLiteStatement

    init(on connection: borrowing SQLiteConnection) throws(SQLiteFailure) {
        let handle = connection.handle
        insert = try SQLiteStatement(
            """
            INSERT INTO session (id, subject, device_id, device_name, application, created_at, last_used_at, address, counter,
                rotated_at, expires_at, ends_at, ended_at, end_reason, claims)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, on: handle)
        update = try SQLiteStatement(
            """
            UPDATE session SET last_used_at = ?2, address = ?3, counter = ?4, rotated_at = ?5, expires_at = ?6, ended_at = ?7,
                end_reason = ?8
            WHERE id = ?1
            """, on: handle)
        byID = try SQLiteStatement("SELECT \(Self.columns) FROM session WHERE id = ?", on: handle)
        bySubject = try SQLiteStatement(
            """
            SELECT \(Self.columns) FROM session
            WHERE subject = ?1 AND (created_at, number) > (?2, ?3) AND (?4 OR (ended_at IS NULL AND expires_at > ?5))
            ORDER BY created_at, number LIMIT ?6
            """, on: handle)
        all = try SQLiteStatement(
            """
            SELECT \(Self.columns) FROM session
            WHERE number > ?1 AND (?2 OR (ended_at IS NULL AND expires_at > ?3))
            ORDER BY number LIMIT ?4
            """, on: handle)
        leastRecentlyUsed = try SQLiteStatement(
            """
            SELECT id FROM session WHERE subject = ? AND ended_at IS NULL AND expires_at > ?
            ORDER BY last_used_at DESC, created_at DESC, id DESC LIMIT -1 OFFSET ?
            """, on: handle)
        going = try SQLiteStatement(
            "SELECT id FROM session WHERE subject = ? AND id <> ? AND ended_at IS NULL AND last_used_at >= ?", on: handle)
        endGoing = try SQLiteStatement(
            """
            UPDATE session SET ended_at = ?, end_reason = ? WHERE subject = ? AND id <> ? AND ended_at IS NULL
            """, on: handle)
        removeExpired = try SQLiteStatement(
            "DELETE FROM session WHERE number IN (SELECT number FROM session WHERE expires_at <= ? LIMIT ?)", on: handle)
        removeEnded = try SQLiteStatement(
            "DELETE FROM session WHERE number IN (SELECT number FROM session WHERE ended_at <= ? LIMIT ?)", on: handle)
        restartGrace = try SQLiteStatement(
            "UPDATE session SET rotated_at = ?2 WHERE rotated_at >= ?1 AND counter > 0 AND ended_at IS NULL", on: handle)
        changes = try SQLiteStatement("SELECT changes()", on: handle)
    }

    func add(_ session: Session) throws(SQLiteFailure) {
        try insert.run(
            .bytes(session.id.bytes), .text(session.subject), .text(orNull: session.device.id),
            .text(orNull: session.device.name), .text(orNull: session.device.application),
            .integer(session.createdAt.seconds), .integer(session.lastUsedAt.seconds), .text(session.address),
            .integer(Int64(session.counter)), .integer(session.rotatedAt.seconds), .integer(session.expiresAt.seconds),
            .integer(orNull: session.endsAt?.seconds), .integer(orNull: session.end?.date.seconds),
            .text(orNull: session.end?.reason.rawValue), .bytes(session.claims))
    }

    /// Writes what can change of a session.
    func save(_ session: Session) throws(SQLiteFailure) {
        try update.run(
            .bytes(session.id.bytes), .integer(session.lastUsedAt.seconds), .text(session.address),
            .integer(Int64(session.counter)), .integer(session.rotatedAt.seconds), .integer(session.expiresAt.seconds),
            .integer(orNull: session.end?.date.seconds), .text(orNull: session.end?.reason.rawValue))
    }

    func find(_ id: SessionID) throws(SQLiteFailure) -> Session? {
        try byID.first(.bytes(id.bytes)) { row throws(SQLiteFailure) in try Self.session(row) }
    }

    /// Nil: the cursor is none of ours.
    func page(_ query: SessionQuery, now: NumericDate) throws(SQLiteFailure) -> SessionPage? {
        let limit = min(max(query.limit, 1), 1000)
        guard let start = Position(query.cursor) else { return nil }
        let (ended, most) = (SQLiteValue.integer(query.includesEnded ? 1 : 0), SQLiteValue.integer(Int64(limit) + 1))
        var found: [(position: Position, session: Session)] = []
        func take(_ row: SQLiteRow) throws(SQLiteFailure) {
            found.append((Position(createdAt: row.integer(6), number: row.integer(0)), try Self.session(row)))
        }
        if let subject = query.subject {
            try bySubject.each(
                .text(subject), .integer(start.createdAt), .integer(start.number), ended, .integer(now.seconds), most, body: take)
        } else {
            try all.each(.integer(start.number), ended, .integer(now.seconds), most, body: take)
        }
        let hasMore = found.count > limit
        if hasMore { found.removeLast() }
        return SessionPage(sessions: found.map(\.session), next: hasMore ? found.last?.position.text : nil)
    }

    /// The alive ones of a subject but the `count` most recently used ones; least recently used first.
    func beyond(_ count: Int, of subject: String, now: NumericDate) throws(SQLiteFailure) -> [SessionID] {
        var ids: [SessionID] = []
        try leastRecentlyUsed.each(.text(subject), .integer(now.seconds), .integer(Int64(max(count, 0)))) { row throws(SQLiteFailure) in
            ids.append(try Self.id(row, 0))
        }
        return ids.reversed()
    }

    /// Those of a subject that have not ended, but one, and were begun or refreshed at `start` or later.
    func going(
        of subject: String, except: SessionID?, since start: NumericDate = NumericDate(seconds: .min)
    ) throws(SQLiteFailure) -> [SessionID] {
        var ids: [SessionID] = []
        try going.each(.text(subject), .bytes(except?.bytes ?? []), .integer(start.seconds)) { row throws(SQLiteFailure) in
            ids.append(try Self.id(row, 0))
        }
        return ids
    }

    /// Ends those of a subject that have not ended, but one; how many they were.
    func end(
        allOf subject: String, except: SessionID?, _ reason: Session.Reason, now: NumericDate
    ) throws(SQLiteFailure) -> Int {
        try endGoing.run(.integer(now.seconds), .text(reason.rawValue), .text(subject), .bytes(except?.bytes ?? []))
        return try changeCount()
    }

    /// Removes at most `limit` of those that have expired, and as many of those whose end need not be remembered any longer
    /// (`Session.keptUntil`); how many they were.
    func sweep(_ rules: SessionRules, now: NumericDate, limit: Int) throws(SQLiteFailure) -> Int {
        try removeExpired.run(.integer(now.seconds), .integer(Int64(limit)))
        let expired = try changeCount()
        try removeEnded.run(.integer(now.advanced(bySeconds: -rules.accessReachSeconds).seconds), .integer(Int64(limit)))
        return try expired + changeCount()
    }

    /// Makes all rotations since `instant` as of `now`: their grace begins anew. How many they were.
    func restartGrace(ofRotationsSince instant: NumericDate, now: NumericDate) throws(SQLiteFailure) -> Int {
        try restartGrace.run(.integer(instant.seconds), .integer(now.seconds))
        return try changeCount()
    }

    private func changeCount() throws(SQLiteFailure) -> Int { Int(try changes.first { row in row.integer(0) } ?? 0) }

    // MARK: Rows

    private static let columns = """
        number, id, subject, device_id, device_name, application, created_at, last_used_at, address, counter, rotated_at,
        expires_at, ends_at, ended_at, end_reason, claims
        """

    private static func session(_ row: SQLiteRow) throws(SQLiteFailure) -> Session {
        var end: Session.End?
        if let date = row.optionalInteger(13) {
            guard let reason = Session.Reason(rawValue: row.text(14)) else { throw .unreadable("a session") }
            end = Session.End(date: NumericDate(seconds: date), reason: reason)
        }
        guard let counter = UInt32(exactly: row.integer(9)) else { throw .unreadable("a session") }
        return Session(
            id: try id(row, 1), subject: row.text(2), claims: row.bytes(15),
            device: Session.Device(id: row.optionalText(3), name: row.optionalText(4), application: row.optionalText(5)),
            createdAt: NumericDate(seconds: row.integer(6)), lastUsedAt: NumericDate(seconds: row.integer(7)),
            address: row.text(8), counter: counter, rotatedAt: NumericDate(seconds: row.integer(10)),
            expiresAt: NumericDate(seconds: row.integer(11)),
            endsAt: row.optionalInteger(12).map { NumericDate(seconds: $0) }, end: end)
    }

    private static func id(_ row: SQLiteRow, _ column: CInt) throws(SQLiteFailure) -> SessionID {
        let bytes = row.bytes(column)
        guard let id = SessionID(bytes: bytes.span) else { throw .unreadable("a session") }
        return id
    }

    /// Behind which session a page begins. Written as `createdAt.number`.
    private struct Position {
        let createdAt, number: Int64

        init(createdAt: Int64, number: Int64) {
            self.createdAt = createdAt
            self.number = number
        }

        /// Before all when there is no cursor; nil for a text that is none.
        init?(_ cursor: String?) {
            guard let cursor else {
                self.init(createdAt: .min, number: .min)
                return
            }
            let parts = cursor.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let createdAt = Int64(parts[0]), let number = Int64(parts[1]) else { return nil }
            self.init(createdAt: createdAt, number: number)
            guard text == cursor else { return nil }
        }

        var text: String { "\(createdAt).\(number)" }
    }
}
