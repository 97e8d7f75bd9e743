import JOSE
import Sessions

/// This process among the gateways that serve from a database (see `GatewayTable`).
struct SQLitePresence {
    let slot: Int64
    var settlement: Settlement
    private let aliveFile: AliveFile

    /// Gateways that serve from one database at the same time.
    private static let slotMax: Int64 = 1024

    /// Announces this process, and makes up for those that ended without a word.
    ///
    /// - Parameter again: as which it was here before.
    /// - Returns: also, how many rotations were in doubt.
    static func arrive(
        in open: SQLiteSessions, again: SQLitePresence?, now: NumericDate
    ) throws(StoreError) -> (presence: SQLitePresence, doubtful: Int) {
        let path = open.connection.file.path
        let aliveFile: AliveFile
        if let again { aliveFile = again.aliveFile } else { aliveFile = try AliveFile(beside: path) }
        guard let slot = again?.slot ?? (1...slotMax).first(where: { aliveFile.lock($0) }) else {
            throw .failed("\(path) is in use by \(slotMax) gateways")
        }
        let settlement = Settlement(now: now)
        do throws(SQLiteFailure) {
            let doubtful = try open.connection.transaction(writes: true) { () throws(SQLiteFailure) in
                let since = try open.gateways.removeDead(aliveFile, own: slot)
                let count = try since.map { since throws(SQLiteFailure) in
                    try open.sessions.restartGrace(ofRotationsSince: since, now: now)
                }
                try open.gateways.settle(slot, at: settlement.instant)
                return count ?? 0
            }
            return (SQLitePresence(slot: slot, settlement: settlement, aliveFile: aliveFile), doubtful)
        } catch {
            throw error.storeError(path: path)
        }
    }

    /// A clean end: nothing is in doubt.
    func leave(_ open: SQLiteSessions) {
        try? open.connection.transaction(writes: true) { () throws(SQLiteFailure) in try open.gateways.remove(slot) }
    }
}
