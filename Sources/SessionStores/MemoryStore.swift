import JOSE
package import Sessions
import Synchronization

/// Keeps sessions as long as the process lives: for tests and for trying things out. One process cannot see another's.
///
/// Has no thread: requests are answered before `perform` returns, on the caller's.
package final class MemoryStore: SessionStore {
    private let state: Mutex<MemoryState>

    /// - Parameter sessionsMax: beyond it logins fail, once no session is left that a sweep would remove.
    package init(revocations: RevocationSet, sessionsMax: Int = 50_000) {
        state = Mutex(MemoryState(revocations: revocations, sessionsMax: sessionsMax))
        // Nobody else writes: what is in the set is all there is, at any time.
        revocations.confirm(at: .max)
    }

    package func perform(_ request: StoreRequest, then reply: @escaping @Sendable (Result<StoreReply, StoreError>) -> Void) {
        reply(state.withLock { state in Result { () throws(StoreError) in try state.perform(request) } })
    }

    package func close() { state.withLock { $0.isClosed = true } }
}

/// What the lock guards: also that one thread at a time writes the set.
private struct MemoryState {
    /// Subjects are bytes, as in tokens: texts that look alike are not the same subject, though Swift's strings are equal.
    typealias Subject = [UInt8]

    let revocations: RevocationSet
    let sessionsMax: Int
    var isClosed = false
    private var sessions: [SessionID: Session] = [:]
    private var bySubject: [Subject: Set<SessionID>] = [:]

    init(revocations: RevocationSet, sessionsMax: Int) {
        self.revocations = revocations
        self.sessionsMax = sessionsMax
    }

    mutating func perform(_ request: StoreRequest) throws(StoreError) -> StoreReply {
        guard !isClosed else { throw .closed }
        let (rules, now) = (request.rules, request.now)
        switch request.operation {
        case .create(let session): return try create(session, rules, now)
        case .refresh(let id, let counter, let address):
            guard var session = sessions[id] else { return .unknown }
            let refreshment = session.refresh(counter, from: address, rules: rules, now: now)
            switch refreshment {
            case .rotated: sessions[id] = session
            case .reuseDetected:
                try revoke(session, rules, now)
                sessions[id] = session
            case .replayed, .expired, .ended: break
            }
            return .refreshed(refreshment, session)
        case .find(let id): return .found(sessions[id])
        case .list(let query): return .page(try list(query, now))
        case .end(let id, let reason): return .ended(try end(id, reason, rules, now))
        case .endAll(let subject, let except, let reason):
            return .endedAll(count: try endAll(subject, except, reason, rules, now))
        case .revoke(let revocation):
            try revoke(revocation, now)
            return .revoked
        case .sweep: return sweep(rules, now)
        }
    }

    // MARK: Beginning

    private mutating func create(_ session: Session, _ rules: SessionRules, _ now: NumericDate) throws(StoreError) -> StoreReply {
        guard sessions[session.id] == nil else { throw .failed("there is a session of that name") }
        if sessions.count >= sessionsMax { _ = sweep(rules, now) }
        guard sessions.count < sessionsMax else { throw .failed("there is room for \(sessionsMax) sessions only") }
        let subject = Subject(session.subject.utf8)
        let others = bySubject[subject, default: []].compactMap { sessions[$0] }
        let ended = rules.givingWay(to: session, among: others, now: now).map(\.id)
        for id in ended { _ = try end(id, .limit, rules, now) }
        sessions[session.id] = session
        bySubject[subject, default: []].insert(session.id)
        return .created(ended: ended)
    }

    // MARK: Ending
    // Revoked first: what cannot be revoked has not ended.

    /// - Returns: the session as it was before.
    private mutating func end(
        _ id: SessionID, _ reason: Session.Reason, _ rules: SessionRules, _ now: NumericDate
    ) throws(StoreError) -> Session? {
        guard let before = sessions[id], before.end == nil else { return nil }
        try revoke(before, rules, now)
        sessions[id]?.end(reason, now: now)
        return before
    }

    private mutating func endAll(
        _ subject: String, _ except: SessionID?, _ reason: Session.Reason, _ rules: SessionRules, _ now: NumericDate
    ) throws(StoreError) -> Int {
        if except == nil {
            try revoke(.everything(of: subject, rules: rules, now: now), now)
        }
        var count = 0
        for id in bySubject[Subject(subject.utf8), default: []] where id != except {
            guard let session = sessions[id], session.end == nil else { continue }
            if except != nil || session.lastUsedAt >= now { try revoke(session, rules, now) }
            sessions[id]?.end(reason, now: now)
            count += 1
        }
        return count
    }

    private func revoke(_ session: Session, _ rules: SessionRules, _ now: NumericDate) throws(StoreError) {
        try revoke(Revocation(.session(session.id.text), expiresAt: now.advanced(bySeconds: rules.accessReachSeconds)), now)
    }

    private func revoke(_ revocation: Revocation, _ now: NumericDate) throws(StoreError) {
        guard revocations.insert(revocation, now: now) else { throw .failed("there is no room for another revocation") }
    }

    private mutating func sweep(_ rules: SessionRules, _ now: NumericDate) -> StoreReply {
        let forgotten = sessions.values.filter { $0.keptUntil(rules) <= now }
        for session in forgotten {
            sessions[session.id] = nil
            let subject = Subject(session.subject.utf8)
            bySubject[subject]?.remove(session.id)
            if bySubject[subject]?.isEmpty == true { bySubject[subject] = nil }
        }
        return .swept(sessions: forgotten.count, revocations: revocations.sweep(now: now))
    }

    // MARK: Listing

    private func list(_ query: SessionQuery, _ now: NumericDate) throws(StoreError) -> SessionPage {
        let start = try query.cursor.map { text throws(StoreError) in try ListPlace(text) }
        let candidates = query.subject.map { bySubject[Subject($0.utf8), default: []].compactMap { sessions[$0] } } ?? Array(sessions.values)
        let wanted = candidates.filter { session in
            (query.includesEnded || session.isAlive(at: now)) && (start.map { $0 < ListPlace(session) } ?? true)
        }
        let sorted = wanted.sorted { ListPlace($0) < ListPlace($1) }
        let page = sorted.prefix(query.limit)
        return SessionPage(sessions: Array(page), next: page.count < sorted.count ? page.last.map { ListPlace($0).text } : nil)
    }
}

/// Where a session stands in the order of creation: a cursor names the last one of its page.
private struct ListPlace: Comparable {
    let createdAt: Int64
    let id: SessionID

    init(_ session: Session) {
        createdAt = session.createdAt.seconds
        id = session.id
    }

    init(_ cursor: String) throws(StoreError) {
        let parts = cursor.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let createdAt = Int64(parts[0]), let id = SessionID(String(parts[1])) else { throw .badCursor }
        self.createdAt = createdAt
        self.id = id
    }

    var text: String { "\(createdAt).\(id.text)" }

    static func < (left: ListPlace, right: ListPlace) -> Bool { (left.createdAt, left.id) < (right.createdAt, right.id) }
}
