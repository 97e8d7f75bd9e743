import JOSE
import Sessions

/// The removal of what has expired or ended, piece by piece.
struct SQLiteSweep {
    private let rules: SessionRules
    let now: NumericDate
    /// Nil: nobody asked for it.
    private let reply: (@Sendable (Result<StoreReply, StoreError>) -> Void)?
    private var sessions = 0, revocations = 0
    private(set) var isDone = false

    /// Rows of each kind in one transaction, so that requests wait a few milliseconds at most.
    static let pieceMax = 256

    init(_ rules: SessionRules, now: NumericDate, reply: (@Sendable (Result<StoreReply, StoreError>) -> Void)?) {
        self.rules = rules
        self.now = now
        self.reply = reply
    }

    mutating func doPiece(_ open: SQLiteSessions) throws(SQLiteFailure) {
        let (gone, forgotten) = try open.connection.transaction(writes: true) { [rules, now] () throws(SQLiteFailure) in
            (
                try open.sessions.sweep(rules, now: now, limit: Self.pieceMax),
                try open.revocations.sweep(now: now, limit: Self.pieceMax)
            )
        }
        sessions += gone
        revocations += forgotten
        isDone = gone == 0 && forgotten == 0
    }

    /// Answers whoever asked for it.
    func end(_ error: StoreError?) {
        reply?(error.map { .failure($0) } ?? .success(.swept(sessions: sessions, revocations: revocations)))
    }
}
