import JOSE
import Sessions

/// An open database and what a store does in it. Belongs to one thread; closed when it goes.
final class SQLiteSessions {
    let connection: SQLiteConnection
    let sessions: SessionTable
    let revocations: RevocationTable
    let gateways: GatewayTable

    init(_ file: SQLiteFile, creates: Bool, busyMilliseconds: Int) throws(StoreError) {
        connection = try SQLiteConnection(file, creates: creates, busyMilliseconds: busyMilliseconds)
        do throws(SQLiteFailure) {
            sessions = try SessionTable(on: connection)
            revocations = try RevocationTable(on: connection)
            gateways = try GatewayTable(on: connection)
        } catch {
            throw error.storeError(path: file.path)
        }
    }

    /// Does one request within a transaction.
    ///
    /// - Parameter revoked: gets what follows from it, which holds once the transaction has been committed.
    func perform(
        _ request: StoreRequest, revoked: inout [Revocation]
    ) throws(SQLiteFailure) -> Result<StoreReply, StoreError> {
        let (rules, now) = (request.rules, request.now)
        func revoke(_ revocation: Revocation) throws(SQLiteFailure) {
            try revocations.add(revocation)
            revoked.append(revocation)
        }
        func revoke(_ id: SessionID) throws(SQLiteFailure) {
            try revoke(Revocation(.session(id.text), expiresAt: now.advanced(bySeconds: rules.accessReachSeconds)))
        }
        switch request.operation {
        case .create(let session):
            let ended = try makeRoom(for: session, rules, now)
            try sessions.add(session)
            for id in ended { try revoke(id) }
            return .success(.created(ended: ended))
        case .refresh(let id, let counter, let address):
            guard var session = try sessions.find(id) else { return .success(.unknown) }
            let refreshment = session.refresh(counter, from: address, rules: rules, now: now)
            switch refreshment {
            case .rotated: try sessions.save(session)
            case .reuseDetected:
                try sessions.save(session)
                try revoke(id)
            case .replayed, .expired, .ended: break
            }
            return .success(.refreshed(refreshment, session))
        case .find(let id):
            return .success(.found(try sessions.find(id)))
        case .list(let query):
            return try sessions.page(query, now: now).map { .success(.page($0)) } ?? .failure(.badCursor)
        case .end(let id, let reason):
            guard let before = try sessions.find(id) else { return .success(.ended(nil)) }
            var session = before
            guard session.end(reason, now: now) else { return .success(.ended(nil)) }
            try sessions.save(session)
            try revoke(id)
            return .success(.ended(before))
        case .endAll(let subject, let except, let reason):
            if except == nil { try revoke(.everything(of: subject, rules: rules, now: now)) }
            let named =
                if except == nil {
                    try sessions.going(of: subject, except: nil, since: now)
                } else {
                    try sessions.going(of: subject, except: except)
                }
            for id in named { try revoke(id) }
            return .success(.endedAll(count: try sessions.end(allOf: subject, except: except, reason, now: now)))
        case .revoke(let revocation):
            try revoke(revocation)
            return .success(.revoked)
        case .sweep:
            // Done in pieces, each in a transaction of its own: `SQLiteSweep`.
            return .success(.swept(sessions: 0, revocations: 0))
        }
    }

    /// Ends those of the new one's subject that `SessionRules.givingWay` says, which it leaves to an index; which ones.
    private func makeRoom(
        for session: Session, _ rules: SessionRules, _ now: NumericDate
    ) throws(SQLiteFailure) -> [SessionID] {
        guard let limit = rules.perSubjectMax else { return [] }
        let ended = try sessions.beyond(limit - 1, of: session.subject, now: now)
        for id in ended {
            guard var old = try sessions.find(id), old.end(.limit, now: now) else { continue }
            try sessions.save(old)
        }
        return ended
    }
}

extension StoreRequest.Operation {
    var writes: Bool {
        switch self {
        case .find, .list: false
        case .create, .refresh, .end, .endAll, .revoke, .sweep: true
        }
    }
}
