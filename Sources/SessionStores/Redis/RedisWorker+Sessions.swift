import JOSE
import Sessions

// What each request is made of: reading, the machine of a session, and a change that holds only where what was read is still there.

extension RedisWorker {
    /// How often a request begins anew: so often have others, each time, changed the same session in between.
    private static let attemptsMax = 50
    /// Sessions in one reply, or in one change.
    private static let chunk = 200
    /// How much of an index a list looks through for sessions that it may show, before it leaves the rest to the next page.
    private static let listChunksMax = 20
    /// Revocations removed at once.
    private static let purgeChunk = 1_000

    func start(_ task: RedisTask) {
        switch task.request.operation {
        case .create(let session): inTurn(session.subject, task) { [unowned self] in create(session, for: task) }
        case .refresh(let id, let counter, let address):
            ask(RedisCommand("GET", keys.session(id)), for: task) { [unowned self] in
                refresh(id, $0.bytes, counter, address, for: task)
            }
        case .find(let id): ask(RedisCommand("GET", keys.session(id)), for: task) { [unowned self] in found($0.bytes, for: task) }
        case .list(let query): list(query, for: task)
        case .end(let id, let reason):
            ask(RedisCommand("GET", keys.session(id)), for: task) { [unowned self] in end($0.bytes, reason, for: task) }
        case .endAll(let subject, let except, let reason):
            inTurn(subject, task) { [unowned self] in
                endAll(subject, except, reason, ended: 0, revokesSubject: except == nil, for: task)
            }
        case .revoke(let revocation):
            commit(RedisCommit(revoking: [revocation]), for: task) { _ in task.answer(.success(.revoked)) }
        case .sweep: sweep(removed: 0, for: task)
        }
    }

    /// False, with an answer given, when others are always faster.
    private func mayTryAgain(_ task: RedisTask) -> Bool {
        task.attempts += 1
        if task.attempts < Self.attemptsMax { return true }
        task.answer(.failure(.away("Redis: the session changes all the time")))
        return false
    }

    /// Nil, with an answer given, when the text is none of a session.
    private func session(_ text: [UInt8], for task: RedisTask) -> Session? {
        if let session = try? Session(text: text) { return session }
        task.answer(.failure(.failed("Redis: what is stored as a session cannot be read")))
        return nil
    }

    private func revocation(of session: Session, for task: RedisTask) -> Revocation {
        let request = task.request
        return Revocation(.session(session.id.text), expiresAt: request.now.advanced(bySeconds: request.rules.accessReachSeconds))
    }

    // MARK: One session

    private func found(_ text: [UInt8]?, for task: RedisTask) {
        guard let text else { return task.answer(.success(.found(nil))) }
        if let session = session(text, for: task) { task.answer(.success(.found(session))) }
    }

    private func refresh(_ id: SessionID, _ before: [UInt8]?, _ counter: UInt32, _ address: String, for task: RedisTask) {
        guard let before else { return task.answer(.success(.unknown)) }
        guard var session = session(before, for: task) else { return }
        let refreshment = session.refresh(counter, from: address, rules: rules(for: session, task), now: task.request.now)
        var change = RedisCommit(session, insteadOf: before)
        switch refreshment {
        case .replayed, .expired, .ended: return task.answer(.success(.refreshed(refreshment, session)))
        case .rotated: change.rotated = session
        case .reuseDetected: change.revocations = [revocation(of: session, for: task)]
        }
        commit(change, for: task) { [unowned self] outcome in
            switch outcome {
            case .done: task.answer(.success(.refreshed(refreshment, session)))
            case .changed(let present):
                if mayTryAgain(task) { refresh(id, present.first ?? nil, counter, address, for: task) }
            }
        }
    }

    /// The grace does not run while the server is away.
    private func rules(for session: Session, _ task: RedisTask) -> SessionRules {
        var rules = task.request.rules
        let now = task.request.now
        if let absence, session.rotatedAt >= absence.lowerBound, session.rotatedAt <= now,
            now <= absence.upperBound.advanced(bySeconds: rules.graceSeconds)
        {
            rules.graceSeconds = max(rules.graceSeconds, now.seconds - session.rotatedAt.seconds)
        }
        return rules
    }

    private func end(_ before: [UInt8]?, _ reason: Session.Reason, for task: RedisTask) {
        guard let before else { return task.answer(.success(.ended(nil))) }
        guard let session = session(before, for: task) else { return }
        var ended = session
        guard ended.end(reason, now: task.request.now) else { return task.answer(.success(.ended(nil))) }
        let change = RedisCommit(ended, insteadOf: before, revoking: [revocation(of: session, for: task)])
        commit(change, for: task) { [unowned self] outcome in
            switch outcome {
            case .done: task.answer(.success(.ended(session)))
            case .changed(let present): if mayTryAgain(task) { end(present.first ?? nil, reason, for: task) }
            }
        }
    }

    // MARK: The sessions of a subject

    /// What is stored for a member of an index.
    private struct Member {
        var id: String
        var text: [UInt8]?
        var session: Session?
    }

    /// Reads the sessions of these names, part after part.
    private func read(
        _ ids: ArraySlice<String>, _ before: [Member] = [], for task: RedisTask, then proceed: @escaping ([Member]) -> Void
    ) {
        guard !ids.isEmpty else { return proceed(before) }
        let part = ids.prefix(Self.chunk)
        var command = RedisCommand("MGET")
        for id in part { command.append(keys.session(id)) }
        ask(command, for: task) { [unowned self] reply in
            let members = zip(part, reply.elements ?? []).map { id, value in
                Member(id: id, text: value.bytes, session: value.bytes.flatMap { try? Session(text: $0) })
            }
            guard members.count == part.count else { return task.answer(.failure(.failed("Redis: MGET has no outcome"))) }
            prolong(task)
            read(ids.dropFirst(part.count), before + members, for: task, then: proceed)
        }
    }

    private func members(of subject: String, for task: RedisTask, then proceed: @escaping ([Member]) -> Void) {
        ask(RedisCommand("ZRANGE", keys.subject(subject), "0", "-1"), for: task) { [unowned self] reply in
            read((reply.elements ?? []).compactMap(\.string)[...], for: task, then: proceed)
        }
    }

    private func create(_ session: Session, for task: RedisTask) {
        guard task.request.rules.perSubjectMax != nil else {
            return create(session, RedisCommit(session, insteadOf: nil), ended: [], for: task)
        }
        members(of: session.subject, for: task) { [unowned self] members in
            let request = task.request
            let leaving = request.rules.givingWay(to: session, among: members.compactMap(\.session), now: request.now)
            guard leaving.count <= Self.chunk else {
                return task.answer(.failure(.failed("Redis: \(leaving.count) sessions would have to end for one to begin")))
            }
            let texts = Dictionary(members.map { ($0.id, $0.text) }) { first, _ in first }
            var change = RedisCommit()
            for var other in leaving {
                let id = other.id.text
                other.end(.limit, now: request.now)
                change.revocations.append(revocation(of: other, for: task))
                change.changes.append(.init(id: id, before: texts[id] ?? nil, after: .session(other), subject: other.subject))
            }
            // Those that were removed by their time leave the index, too.
            for member in members.filter({ $0.text == nil }).prefix(Self.chunk) where member.id != session.id.text {
                change.changes.append(.init(id: member.id, before: nil, after: .removed, subject: session.subject))
            }
            change.members = (session.subject, members.map(\.id))
            change.changes.append(.init(id: session.id.text, before: nil, after: .session(session), subject: session.subject))
            create(session, change, ended: leaving.map(\.id), for: task)
        }
    }

    private func create(_ session: Session, _ change: RedisCommit, ended: [SessionID], for task: RedisTask) {
        commit(change, for: task) { [unowned self] outcome in
            switch outcome {
            case .done: task.answer(.success(.created(ended: ended)))
            case .changed(let present):
                // Its own last: is it there, then it was made before, and an answer got lost.
                if let last = present.last, let last {
                    task.answer(last == session.text ? .success(.created(ended: [])) : .failure(.failed("Redis: the session exists")))
                } else if mayTryAgain(task) {
                    create(session, for: task)
                }
            }
        }
    }

    /// Part after part; the first part revokes what is older than now of the subject, with those that nobody has stored.
    private func endAll(
        _ subject: String, _ except: SessionID?, _ reason: Session.Reason, ended: Int, revokesSubject: Bool, for task: RedisTask
    ) {
        members(of: subject, for: task) { [unowned self] members in
            let request = task.request
            let going = members.filter { $0.session.map { $0.end == nil && $0.id != except } ?? false }
            guard revokesSubject || !going.isEmpty else { return task.answer(.success(.endedAll(count: ended))) }
            var change = RedisCommit()
            if revokesSubject { change.revocations = [.everything(of: subject, rules: request.rules, now: request.now)] }
            for member in going.prefix(Self.chunk) {
                var session = member.session!
                session.end(reason, now: request.now)
                if except != nil || session.lastUsedAt >= request.now { change.revocations.append(revocation(of: session, for: task)) }
                change.changes.append(.init(id: member.id, before: member.text, after: .session(session), subject: subject))
            }
            let count = change.changes.count
            change.members = (subject, members.map(\.id))
            commit(change, for: task) { [unowned self] outcome in
                switch outcome {
                case .done where going.count == count: task.answer(.success(.endedAll(count: ended + count)))
                case .done:
                    prolong(task)
                    endAll(subject, except, reason, ended: ended + count, revokesSubject: false, for: task)
                case .changed:
                    guard mayTryAgain(task) else { return }
                    endAll(subject, except, reason, ended: ended, revokesSubject: revokesSubject, for: task)
                }
            }
        }
    }

    // MARK: Lists

    private func list(_ query: SessionQuery, for task: RedisTask) {
        guard let subject = query.subject else {
            guard query.cursor.map({ SessionID($0) != nil }) ?? true else { return task.answer(.failure(.badCursor)) }
            return listAll(query, after: query.cursor, [], chunks: 0, for: task)
        }
        guard let cursor = query.cursor else { return list(of: subject, query, from: 0, after: nil, [], chunks: 0, for: task) }
        guard let place = Place(cursor) else { return task.answer(.failure(.badCursor)) }
        // Everything in the second of the place is looked at again.
        ask(RedisCommand("ZCOUNT", keys.subject(subject), "-inf", "(\(place.created)"), for: task) { [unowned self] reply in
            guard case .integer(let rank) = reply, (0...Int64(Int32.max)).contains(rank) else { return task.answer(.failure(.failed("Redis: ZCOUNT has no outcome"))) }
            list(of: subject, query, from: rank, after: place, [], chunks: 0, for: task)
        }
    }

    /// Where a page of a subject's sessions ends.
    private struct Place {
        var created: Int64
        var id: String

        var text: String { "\(created).\(id)" }

        init(created: Int64, id: String) {
            self.created = created
            self.id = id
        }

        init?(_ text: String) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let created = Int64(parts[0]), SessionID(String(parts[1])) != nil else { return nil }
            self.init(created: created, id: String(parts[1]))
        }

        func isBefore(_ created: Int64, _ id: String) -> Bool {
            // The server orders by bytes; so do these names, being of ASCII.
            (self.created, self.id) < (created, id)
        }
    }

    private func shows(_ member: Member, _ query: SessionQuery, _ task: RedisTask) -> Bool {
        member.session.map { query.includesEnded || $0.isAlive(at: task.request.now) } ?? false
    }

    private func list(
        of subject: String, _ query: SessionQuery, from rank: Int64, after place: Place?, _ sessions: [Session], chunks: Int,
        for task: RedisTask
    ) {
        let end = rank + Int64(Self.chunk) - 1
        let command = RedisCommand("ZRANGE", keys.subject(subject), String(rank), String(end), "WITHSCORES")
        ask(command, for: task) { [unowned self] reply in
            let parts = (reply.elements ?? []).compactMap(\.string)
            let places = stride(from: 0, to: parts.count - 1, by: 2).map { Place(created: Int64(parts[$0 + 1]) ?? 0, id: parts[$0]) }
            let isLast = places.count < Self.chunk
            let ahead = places.filter { found in place.map { $0.isBefore(found.created, found.id) } ?? true }
            read(ahead.map(\.id)[...], for: task) { [unowned self] members in
                var sessions = sessions
                for (index, member) in members.enumerated() where shows(member, query, task) {
                    sessions.append(member.session!)
                    guard sessions.count == query.limit else { continue }
                    let next = isLast && index == members.count - 1 ? nil : ahead[index].text
                    return task.answer(.success(.page(SessionPage(sessions: sessions, next: next))))
                }
                if isLast { return task.answer(.success(.page(SessionPage(sessions: sessions, next: nil)))) }
                let place = ahead.last ?? place
                if chunks == Self.listChunksMax {
                    return task.answer(.success(.page(SessionPage(sessions: sessions, next: place?.text))))
                }
                list(of: subject, query, from: end + 1, after: place, sessions, chunks: chunks + 1, for: task)
            }
        }
    }

    private func listAll(_ query: SessionQuery, after id: String?, _ sessions: [Session], chunks: Int, for task: RedisTask) {
        let low = id.map { "(" + $0 } ?? "-"
        let command = RedisCommand("ZRANGEBYLEX", keys.all, low, "+", "LIMIT", "0", String(Self.chunk))
        ask(command, for: task) { [unowned self] reply in
            let ids = (reply.elements ?? []).compactMap(\.string)
            let isLast = ids.count < Self.chunk
            read(ids[...], for: task) { [unowned self] members in
                var sessions = sessions
                for (index, member) in members.enumerated() where shows(member, query, task) {
                    sessions.append(member.session!)
                    guard sessions.count == query.limit else { continue }
                    let next = isLast && index == members.count - 1 ? nil : member.id
                    return task.answer(.success(.page(SessionPage(sessions: sessions, next: next))))
                }
                if isLast { return task.answer(.success(.page(SessionPage(sessions: sessions, next: nil)))) }
                if chunks == Self.listChunksMax {
                    return task.answer(.success(.page(SessionPage(sessions: sessions, next: ids.last))))
                }
                listAll(query, after: ids.last, sessions, chunks: chunks + 1, for: task)
            }
        }
    }

    // MARK: Sweep

    private func sweep(removed: Int, for task: RedisTask) {
        let now = task.request.now
        let command = RedisCommand("ZRANGEBYSCORE", keys.due, "-inf", String(now.seconds), "LIMIT", "0", String(Self.chunk))
        ask(command, for: task) { [unowned self] reply in
            let ids = (reply.elements ?? []).compactMap(\.string)
            guard !ids.isEmpty else { return purge(removedSessions: removed, removed: 0, for: task) }
            read(ids[...], for: task) { [unowned self] members in
                // By the rules of now some are to be kept for longer. What cannot be read goes by when it is due, as well.
                var removedHere = 0
                let change = RedisCommit(members.map { member in
                    if let session = member.session, session.keptUntil(task.request.rules) > now {
                        return .init(id: member.id, before: member.text, after: .session(session), subject: session.subject)
                    }
                    if member.text != nil { removedHere += 1 }
                    return .init(id: member.id, before: member.text, after: .removed, subject: member.session?.subject ?? "")
                })
                commit(change, for: task) { [unowned self] outcome in
                    prolong(task)
                    switch outcome {
                    case .done: sweep(removed: removed + removedHere, for: task)
                    case .changed: if mayTryAgain(task) { sweep(removed: removed, for: task) }
                    }
                }
            }
        }
    }

    private func purge(removedSessions: Int, removed: Int, for task: RedisTask) {
        purge(Self.purgeChunk, for: task) { [unowned self] count in
            prolong(task)
            guard count == Self.purgeChunk else {
                sweepSet(for: task)
                return task.answer(.success(.swept(sessions: removedSessions, revocations: removed + count)))
            }
            purge(removedSessions: removedSessions, removed: removed + count, for: task)
        }
    }
}
