import Authentication
import Bytes
import EventLoop
import JOSE
import Proxy
import Sessions

/// The sessions of users as backends and operators see them, over the administration listener:
///
///     POST   /sessions               {"claims":{"sub":…},"device":{…},"address":…}   begins one: 201 with its tokens
///     GET    /sessions               ?subject= &ended= &limit= &cursor=
///     GET    /sessions/ID
///     DELETE /sessions/ID            ends it
///     DELETE /sessions?subject=NAME  ends all of a user
///     POST   /revocations            {"jti":…} or {"sid":…} or {"subject":…,"before":…}, and "expires_at":…
///
/// Belongs to the control thread; one for the process, through reloads.
final class SessionAPI {
    /// What it works on; a reload brings another.
    struct Backend {
        var rules: SessionRules
        var store: any SessionStore
        /// Nil: no tokens can be issued.
        var issuer: SessionIssuer?
    }

    typealias Answer = (AdminAnswer) -> Void
    private typealias Then = (Result<StoreReply, StoreError>) -> Void

    private struct Reply: Sendable {
        var ticket: Int
        var result: Result<StoreReply, StoreError>
    }

    /// A store's own time-outs are shorter.
    private static let patience: Int64 = 15_000
    private static let limits = TokenLimits(nestingMax: 8, membersMax: 128)

    /// Nil: there are no sessions.
    var backend: Backend?
    private let loop: EventLoop
    private let log: LogWriter
    private let replies: Mailbox<Reply>
    private var inbox: Inbox<Reply>?
    private var waiting: [Int: (then: Then, timer: LoopTimer)] = [:]
    private var ticket = 0

    init(on loop: EventLoop, log: LogWriter) throws {
        self.loop = loop
        self.log = log
        replies = try Mailbox()
        inbox = try Inbox(replies, on: loop) { [unowned self] reply in conclude(reply.ticket, reply.result) }
    }

    /// The methods of a resource; nil: there is none at that path.
    func methods(at path: String) -> [String]? {
        guard backend != nil else { return nil }
        switch path {
        case "/sessions": return ["GET", "HEAD", "POST", "DELETE"]
        case "/revocations": return ["POST"]
        case _ where path.hasPrefix("/sessions/"): return ["GET", "HEAD", "DELETE"]
        case _: return nil
        }
    }

    /// - Parameter request: at a path and with a method that there are.
    func answer(_ request: AdminRequest, _ answer: @escaping Answer) {
        // A reload may have taken the sessions away since the head came.
        guard let backend else { return answer(.problem(404, "not_found", "There are no sessions here.")) }
        do throws(AdminFault) {
            switch (request.method, request.path) {
            case ("POST", "/sessions"): try create(request, backend, answer)
            case ("GET", "/sessions"): try list(request, backend, answer)
            case ("DELETE", "/sessions"): try endAll(request, backend, answer)
            case ("POST", "/revocations"): try revoke(request, backend, answer)
            case ("GET", _): try find(id(request), backend, answer)
            case (_, _): try end(id(request), backend, answer)
            }
        } catch {
            answer(.problem(400, "invalid_request", error.detail))
        }
    }

    private var now: NumericDate { NumericDate(seconds: loop.wallSeconds) }
}

// MARK: - One session

extension SessionAPI {
    private func create(_ request: AdminRequest, _ backend: Backend, _ answer: @escaping Answer) throws(AdminFault) {
        _ = try request.parameters([])
        guard let issuer = backend.issuer else {
            let detail = "No tokens can be issued: that takes a key that signs, and the secret of refresh tokens."
            return answer(.problem(409, "cannot_issue", detail))
        }
        let object = try object(request.content, of: ["claims", "device", "address"])
        guard let member = object.member(named: "claims"), member.kind == .object else {
            throw AdminFault("claims is missing: an object with sub at least")
        }
        let claims = object.withValue(of: member) { Array(copying: $0) }
        let device = try device(object)
        let address = try text("address", of: object) ?? ""
        let (session, pair): (Session, TokenPair)
        do throws(ClaimsFault) {
            (session, pair) = try issuer.begin(claims: claims, device: device, address: address, now: now)
        } catch {
            return answer(
                error == .signingFailed
                    ? .problem(503, error.rawValue, "The access token cannot be signed.")
                    : .problem(422, error.rawValue, "No acceptable access token can be made of the claims."))
        }
        ask(.create(session), backend, answer) { [self] reply in
            guard case .created(let ended) = reply else { return answer(Self.misunderstood) }
            note("session_created", session: session.id.text, ended: ended.count)
            answer(
                AdminAnswer(status: 201, fields: "Location: /sessions/\(session.id.text)\r\n", json: text(of: pair, session)))
        }
    }

    private func text(of pair: TokenPair, _ session: Session) -> String {
        let now = now
        let (access, refresh) = (String(decoding: pair.accessToken, as: UTF8.self), String(decoding: pair.refreshToken, as: UTF8.self))
        return """
            {"access_token":\(ClaimsText.quoted(access)),"token_type":"Bearer","expires_in":\(pair.accessExpiresAt.seconds - now.seconds),\
            "refresh_token":\(ClaimsText.quoted(refresh)),"refresh_expires_in":\(pair.refreshExpiresAt.seconds - now.seconds),\
            "session":\(SessionText(session, now: now).jsonWithClaims)}
            """
    }

    private func find(_ id: SessionID?, _ backend: Backend, _ answer: @escaping Answer) {
        guard let id else { return answer(Self.notFound) }
        ask(.find(id), backend, answer) { [self] reply in
            guard case .found(let session) = reply else { return answer(Self.misunderstood) }
            answer(session.map { AdminAnswer(json: SessionText($0, now: now).jsonWithClaims) } ?? Self.notFound)
        }
    }

    private func end(_ id: SessionID?, _ backend: Backend, _ answer: @escaping Answer) {
        guard let id else { return answer(Self.notFound) }
        ask(.end(id, .revoked), backend, answer) { [self] reply in
            guard case .ended(let session) = reply else { return answer(Self.misunderstood) }
            guard session != nil else { return answer(Self.notFound) }
            note("revoked", session: id.text, ended: 1)
            answer(AdminAnswer(status: 204, []))
        }
    }

    private static let notFound = AdminAnswer.problem(404, "session_not_found", "There is no such session, or it has ended.")

    /// Nil for what is no id.
    private func id(_ request: AdminRequest) throws(AdminFault) -> SessionID? {
        _ = try request.parameters([])
        return SessionID(String(request.path.dropFirst("/sessions/".utf8.count)))
    }

    private func device(_ object: JSONObject) throws(AdminFault) -> Session.Device {
        guard let member = object.member(named: "device") else { return Session.Device() }
        guard member.kind == .object else { throw AdminFault("device is no object") }
        let device = try self.object(object.withValue(of: member) { Array(copying: $0) }, of: ["id", "name", "application"])
        return Session.Device(
            id: try text("id", of: device), name: try text("name", of: device), application: try text("application", of: device))
    }
}

// MARK: - Many sessions

extension SessionAPI {
    private static let pageMax = 1000

    private func list(_ request: AdminRequest, _ backend: Backend, _ answer: @escaping Answer) throws(AdminFault) {
        let parameters = try request.parameters(["subject", "ended", "limit", "cursor"])
        let ended = parameters["ended"] ?? "false"
        guard ["true", "false"].contains(ended) else { throw AdminFault("ended is true or false") }
        guard let limit = Int(parameters["limit"] ?? "100"), (1...Self.pageMax).contains(limit) else {
            throw AdminFault("limit is a number from 1 to \(Self.pageMax)")
        }
        let query = SessionQuery(
            subject: parameters["subject"], includesEnded: ended == "true", cursor: parameters["cursor"], limit: limit)
        ask(.list(query), backend, answer) { [self] reply in
            guard case .page(let page) = reply else { return answer(Self.misunderstood) }
            let sessions = page.sessions.map { SessionText($0, now: now).json }.joined(separator: ",")
            let next = page.next.map { ",\"next\":\(ClaimsText.quoted($0))" } ?? ""
            answer(AdminAnswer(json: "{\"sessions\":[\(sessions)]\(next)}"))
        }
    }

    private func endAll(_ request: AdminRequest, _ backend: Backend, _ answer: @escaping Answer) throws(AdminFault) {
        guard let subject = try request.parameters(["subject"])["subject"], !subject.isEmpty else {
            throw AdminFault("subject is missing: whose sessions are to end")
        }
        try checkLength(subject, "subject")
        endAll(of: subject, backend, answer) { answer(AdminAnswer(json: "{\"ended\":\($0)}")) }
    }

    /// Ends all of a user's sessions, and revokes what of the user began before.
    /// - Parameter then: with the number of those that were alive.
    private func endAll(of subject: String, _ backend: Backend, _ answer: @escaping Answer, then: @escaping (Int) -> Void) {
        ask(.endAll(subject: subject, except: nil, .revoked), backend, answer) { [self] reply in
            guard case .endedAll(let count) = reply else { return answer(Self.misunderstood) }
            note("revoked", ended: count)
            then(count)
        }
    }
}

// MARK: - Revocations

extension SessionAPI {
    private static let targetForm = "one of jti, sid and subject is wanted"

    private func revoke(_ request: AdminRequest, _ backend: Backend, _ answer: @escaping Answer) throws(AdminFault) {
        _ = try request.parameters([])
        let object = try object(request.content, of: ["jti", "sid", "subject", "before", "expires_at"])
        let (token, session, subject) = (try text("jti", of: object), try text("sid", of: object), try text("subject", of: object))
        let before = try date("before", of: object)
        let expiresAt = try date("expires_at", of: object) ?? now.advanced(bySeconds: backend.rules.accessReachSeconds)
        guard now < expiresAt else { throw AdminFault("expires_at has passed") }
        if before != nil, subject == nil { throw AdminFault("before belongs to subject") }
        let done = { answer(AdminAnswer(status: 204, [])) }
        switch (token, session, subject) {
        case (let token?, nil, nil): revoke(.token(token), until: expiresAt, backend, answer, then: done)
        case (nil, let name?, nil):
            // Its refresh token is to be of no use either, where it has one.
            guard let id = SessionID(name) else {
                return revoke(.session(name), until: expiresAt, backend, answer, then: done)
            }
            ask(.end(id, .revoked), backend, answer) { [self] reply in
                guard case .ended = reply else { return answer(Self.misunderstood) }
                revoke(.session(name), until: expiresAt, backend, answer, then: done)
            }
        case (nil, nil, let subject?):
            if let before {
                return endAll(of: subject, begunBy: before, after: nil, backend, answer) { [self] in
                    revoke(.subject(subject, before: before), until: expiresAt, backend, answer, then: done)
                }
            }
            endAll(of: subject, backend, answer) { [self] _ in
                revoke(.subject(subject, before: now.advanced(bySeconds: -1)), until: expiresAt, backend, answer, then: done)
            }
        case _: throw AdminFault(Self.targetForm)
        }
    }

    /// Ends a user's sessions that began then or before, page by page: a refresh of theirs since is a new beginning to access tokens.
    private func endAll(
        of subject: String, begunBy date: NumericDate, after cursor: String?, _ backend: Backend, _ answer: @escaping Answer,
        then: @escaping () -> Void
    ) {
        ask(.list(SessionQuery(subject: subject, cursor: cursor, limit: 1000)), backend, answer) { [self] reply in
            guard case .page(let page) = reply else { return answer(Self.misunderstood) }
            end(page.sessions.filter { $0.createdAt <= date }.map(\.id)[...], backend, answer) { [self] in
                guard let next = page.next else { return then() }
                endAll(of: subject, begunBy: date, after: next, backend, answer, then: then)
            }
        }
    }

    private func end(_ ids: ArraySlice<SessionID>, _ backend: Backend, _ answer: @escaping Answer, then: @escaping () -> Void) {
        guard let id = ids.first else { return then() }
        ask(.end(id, .revoked), backend, answer) { [self] reply in
            guard case .ended = reply else { return answer(Self.misunderstood) }
            end(ids.dropFirst(), backend, answer, then: then)
        }
    }

    private func revoke(
        _ target: Revocation.Target, until expiresAt: NumericDate, _ backend: Backend, _ answer: @escaping Answer,
        then: @escaping () -> Void
    ) {
        ask(.revoke(Revocation(target, expiresAt: expiresAt)), backend, answer) { [self] reply in
            guard case .revoked = reply else { return answer(Self.misunderstood) }
            note("revoked")
            then()
        }
    }

    private func date(_ name: String, of object: JSONObject) throws(AdminFault) -> NumericDate? {
        guard let member = object.member(named: name) else { return nil }
        guard let seconds = object.integer(of: member), (0...Self.dateMax).contains(seconds) else {
            throw AdminFault("\(name) is no date in seconds since 1970")
        }
        return NumericDate(seconds: seconds)
    }

    /// The year 9999.
    private static let dateMax: Int64 = 253_402_300_799
}

// MARK: - Content

extension SessionAPI {
    private func object(_ content: [UInt8], of known: Set<String>) throws(AdminFault) -> JSONObject {
        guard let object = try? JSONObject(parsing: content, limits: Self.limits) else {
            throw AdminFault("the content is no JSON object, or one with a member twice")
        }
        for member in object.members where !known.contains(object.name(of: member)) {
            throw AdminFault("there is no such member; there is: \(known.sorted().joined(separator: " "))")
        }
        return object
    }

    /// Nil: there is none.
    private func text(_ name: String, of object: JSONObject) throws(AdminFault) -> String? {
        guard let member = object.member(named: name), member.kind != .null else { return nil }
        guard let text = object.string(of: member), !text.isEmpty else { throw AdminFault("\(name) is no text") }
        try checkLength(text, name)
        return text
    }

    private func checkLength(_ text: String, _ name: String) throws(AdminFault) {
        guard text.utf8.count <= SessionLimits.subjectBytesMax else {
            throw AdminFault("\(name) has more than \(SessionLimits.subjectBytesMax) bytes")
        }
    }
}

// MARK: - The store

extension SessionAPI {
    private func ask(
        _ operation: StoreRequest.Operation, _ backend: Backend, _ answer: @escaping Answer, then: @escaping (StoreReply) -> Void
    ) {
        guard
            let timer = try? LoopTimer(on: loop, onFire: { [unowned self, ticket = ticket + 1] in
                conclude(ticket, .failure(.away("no answer in time")))
            })
        else { return answer(Self.answer(to: .away("out of memory"))) }
        ticket += 1
        timer.schedule(afterMilliseconds: Self.patience)
        let then: Then = { result in
            switch result {
            case .success(let reply): then(reply)
            case .failure(let error): answer(Self.answer(to: error))
            }
        }
        waiting[ticket] = (then, timer)
        backend.store.perform(StoreRequest(operation, rules: backend.rules, now: now)) { [replies, ticket] result in
            replies.send(Reply(ticket: ticket, result: result))
        }
    }

    /// An answer that comes too late finds nobody.
    private func conclude(_ ticket: Int, _ result: Result<StoreReply, StoreError>) {
        guard let (then, timer) = waiting.removeValue(forKey: ticket) else { return }
        timer.cancel()
        withExtendedLifetime(timer) { then(result) }
    }

    private static func answer(to error: StoreError) -> AdminAnswer {
        switch error {
        case .badCursor: .problem(400, "invalid_cursor", "The cursor is none that this listing gave.")
        case .away, .closed:
            .problem(503, "sessions_unavailable", "The store of sessions does not answer.", fields: "Retry-After: 2\r\n")
        case .failed: .problem(503, "sessions_unavailable", "The store of sessions cannot do it; the log may say why.")
        }
    }

    private static let misunderstood = AdminAnswer.problem(503, "sessions_unavailable", "The store has answered something else.")

    private func note(_ event: String, session: String? = nil, ended: Int = 0) {
        var line = "slidegate: \(event) by=administration"
        if let session { line += " session=\(session)" }
        if ended > 0 { line += " ended=\(ended)" }
        log.write(line)
    }
}
