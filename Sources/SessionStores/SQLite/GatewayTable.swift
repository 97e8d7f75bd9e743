import JOSE
import Sessions

// A rotation may be on the disk while the client that asked for it has no answer: the gateway was killed in between, or the
// machine lost power. The client comes back with the token that it has, the predecessor, perhaps long after the grace, because
// nobody was there to answer; that must not be taken for theft.
//
// So each gateway has a row here for as long as it has the database open, and in it an instant: a rotation before it was
// answered, or its grace had passed, while the gateway was still alive. Whoever opens the database and finds the row of a
// gateway that lives no longer starts the grace of all later rotations anew. Their `rotatedAt` becomes the present, and with it
// the `iat` of the access token that a replay gives; nobody is known to have seen an earlier one.

/// The gateways that have the database open, or ended without closing it.
final class GatewayTable {
    private let all, write, remove: SQLiteStatement

    init(on connection: borrowing SQLiteConnection) throws(SQLiteFailure) {
        let handle = connection.handle
        all = try SQLiteStatement("SELECT slot, settled_at FROM gateway", on: handle)
        write = try SQLiteStatement("INSERT OR REPLACE INTO gateway (slot, settled_at) VALUES (?, ?)", on: handle)
        remove = try SQLiteStatement("DELETE FROM gateway WHERE slot = ?", on: handle)
    }

    /// Removes the rows of those that live no longer; since when rotations are in doubt by their end.
    ///
    /// - Parameter own: the row of this gateway, which has come back to a database that had left it.
    func removeDead(_ alive: AliveFile, own: Int64) throws(SQLiteFailure) -> NumericDate? {
        var rows: [(slot: Int64, settledAt: Int64)] = []
        try all.each { row in rows.append((row.integer(0), row.integer(1))) }
        var doubtful: Int64?
        for row in rows {
            if row.slot != own {
                guard alive.lock(row.slot) else { continue }
                alive.unlock(row.slot)
            }
            doubtful = min(doubtful ?? row.settledAt, row.settledAt)
            try remove.run(.integer(row.slot))
        }
        return doubtful.map { NumericDate(seconds: $0) }
    }

    /// Rotations before `instant` are no longer in doubt.
    func settle(_ slot: Int64, at instant: NumericDate) throws(SQLiteFailure) {
        try write.run(.integer(slot), .integer(instant.seconds))
    }

    func remove(_ slot: Int64) throws(SQLiteFailure) { try remove.run(.integer(slot)) }
}

/// Until when this gateway's rotations are settled, and when that is worth writing down: now and then while there are
/// rotations, and not at all without.
struct Settlement {
    /// As it is written.
    private(set) var instant: NumericDate
    private var lastRotation: NumericDate?
    private var graceSeconds: Int64 = 0

    /// How far the row may be behind: so much longer than their grace are rotations in doubt.
    static let intervalSeconds: Int64 = 5
    /// What requests may be late by, since their time is read when they begin.
    private static let slackSeconds: Int64 = 2

    init(now: NumericDate) { instant = now.advanced(bySeconds: -Self.slackSeconds) }

    mutating func rotated(at date: NumericDate, graceSeconds: Int64) {
        lastRotation = max(lastRotation ?? date, date)
        self.graceSeconds = max(self.graceSeconds, graceSeconds)
    }

    /// What to write now; nil: nothing.
    func due(now: NumericDate) -> NumericDate? {
        guard let lastRotation, lastRotation >= instant else { return nil }
        let next = now.advanced(bySeconds: -graceSeconds).advanced(bySeconds: -Self.slackSeconds)
        return next >= instant.advanced(bySeconds: Self.intervalSeconds) ? next : nil
    }

    mutating func settled(at instant: NumericDate) { self.instant = instant }
}
