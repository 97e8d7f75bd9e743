import JOSE
import Sessions

/// Brings what other processes have revoked into the process's set, without reading anything twice or when nothing has changed.
struct RevocationFeed {
    /// The highest number that has been read, or that is known to be of this process.
    private var lastNumber: Int64 = 0
    /// `SQLiteConnection.version` at that time: it tells of others' commits only.
    private var lastVersion: Int64?
    /// This process has added some since; they are in the set already.
    var hasOwn = false

    /// Afterwards the set knows all that was committed when this was called.
    mutating func read(_ open: SQLiteSessions, into known: RevocationSet, now: NumericDate) throws(SQLiteFailure) {
        (lastNumber, lastVersion) = try open.connection.transaction(writes: false) { [lastNumber, lastVersion, hasOwn] () throws(SQLiteFailure) in
            let version = try open.connection.version()
            if version == lastVersion {
                return (hasOwn ? try open.revocations.highestNumber() : lastNumber, version)
            }
            return (try open.revocations.each(above: lastNumber) { known.insert($0, now: now) }, version)
        }
        hasOwn = false
    }
}
