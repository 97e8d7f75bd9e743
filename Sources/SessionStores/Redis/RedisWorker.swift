import EventLoop
import JOSE
import Sessions

/// The store's thread: takes requests, keeps the connection, and what there is to do when it was away.
///
/// # Answers that were lost
///
/// A rotation whose answer does not come may have been made or not, and its client will come back with the refresh token that it
/// has: which is the predecessor of the current one if it was made, and after the grace that would look like theft. Three things
/// keep that from happening:
///
/// - A connection begins by raising a fence that the scripts look at: what an earlier connection of this store has sent, and some
///   network has kept, changes nothing any more. So it is settled what was made.
/// - Rotations in doubt are looked up then, before any request is served, and those that were made get their grace anew.
/// - The grace does not run while the server is away: a client that meets another gateway first is known there, too.
///
/// # Changes that were lost
///
/// A replica that takes over may not have the newest changes, nor a server that does not write to its disk at once. A rotation that
/// is missing is told by the counter of the refresh token. What else was answered lately is written anew after each reconnect, where
/// it is missing: a logout stays one.
final class RedisWorker: RedisLinkHandler {
    /// Requests under way at once: more are refused, so that a server that is slow does not fill the memory.
    private static let tasksMax = 8_192
    /// Outages that follow each other within so many seconds are one.
    private static let absenceGapSeconds: Int64 = 10
    /// How often it is looked whether requests are overdue, in milliseconds.
    private static let tickMilliseconds: Int64 = 50

    let context: RedisContext
    let keys: RedisKeys
    private let loop: EventLoop
    private let revocations: RevocationSet
    private let clock: (@Sendable () -> NumericDate)?
    private let onEvent: @Sendable (StoreEvent) -> Void
    private var inbox: Inbox<RedisMail>?
    private var link: RedisLink?
    private var feed: RedisFeed?
    private var timer: LoopTimer?

    /// By which the fence knows this store.
    private let name: String
    private var connections: Int64 = 0
    /// What the server calls our scripts; nil until it has them.
    private var scriptNames: [RedisScript: String] = [:]

    private static let loaded: [RedisScript] = [.commit, .purge]

    private var phase = Phase.connecting
    private var tasks: [Int: RedisTask] = [:]
    private var taskCount = 0
    /// Requests that came before the first try was over.
    private var waiting: [RedisTask] = []
    /// Subjects of which all sessions are being changed, and who waits for that: other gateways are competition enough.
    private var turns: [[UInt8]: [() -> Void]] = [:]
    private var isClosing = false

    private var recall = RedisRecall()
    /// When the server was away last: from the last sign of it on.
    private(set) var absence: ClosedRange<NumericDate>?
    private var awaySince: NumericDate?
    private var hasToldAway = false

    private enum Phase {
        /// The first try, after the start or after a loss.
        case connecting
        case settling
        case ready
        case away(String)
    }

    init(
        _ settings: RedisSettings, _ mailbox: Mailbox<RedisMail>, revocations: RevocationSet, clock: (@Sendable () -> NumericDate)?,
        onEvent: @escaping @Sendable (StoreEvent) -> Void
    ) throws(EventLoopError) {
        loop = try EventLoop()
        context = try RedisContext(settings, on: loop)
        keys = RedisKeys(prefix: settings.prefix)
        name = String(UInt64.random(in: .min ... .max), radix: 36)
        self.revocations = revocations
        self.clock = clock
        self.onEvent = onEvent
        inbox = try Inbox(mailbox, on: loop) { [unowned self] in received($0) }
        timer = try LoopTimer(on: loop) { [unowned self] in tick() }
        link = try RedisLink(
            context, for: self, greeting: { [unowned self] in greeting() },
            greeted: { [unowned self] in greeted($0) })
        feed = try RedisFeed(context, keys, revocations) { [unowned self] in feedIsComplete() } now: { [unowned self] in now }
        loop.turnEnded = { [unowned self] in context.writeAll() }
    }

    /// Returns when the store has been closed.
    func run() {
        link?.open()
        loop.run()
        loop.turnEnded = {}
    }

    private var now: NumericDate { clock?() ?? NumericDate(seconds: loop.wallSeconds) }

    // MARK: Mail

    private func received(_ mail: RedisMail) {
        switch mail {
        case .request(let request, let reply): accept(request, reply)
        case .close:
            isClosing = true
            stopWhenDone()
        }
    }

    private func accept(_ request: StoreRequest, _ reply: @escaping @Sendable (Result<StoreReply, StoreError>) -> Void) {
        guard tasks.count < Self.tasksMax else { return reply(.failure(.away("Redis: too many requests are under way"))) }
        guard waiting.count < Self.tasksMax else { return reply(.failure(.away("Redis: too many requests wait for it"))) }
        if case .away(let reason) = phase { return reply(.failure(.away("Redis: \(reason)"))) }
        taskCount += 1
        let number = taskCount
        let deadline = loop.now.advanced(byMilliseconds: context.settings.timeout)
        let task = RedisTask(request, deadline: deadline, reply: reply) { [unowned self] in
            tasks[number] = nil
            if isClosing { stopWhenDone() }
        }
        if tasks.isEmpty { timer?.schedule(afterMilliseconds: Self.tickMilliseconds) }
        tasks[number] = task
        if case .ready = phase { start(task) } else { waiting.append(task) }
    }

    /// Begins when nobody else here changes all sessions of the subject; the others come when the task has been answered.
    func inTurn(_ subject: String, _ task: RedisTask, _ begin: @escaping () -> Void) {
        let subject = Array(subject.utf8)
        let beginInTurn = { [unowned self] in
            guard task.isOpen else { return nextTurn(subject) }
            task.afterwards = { [unowned self] in nextTurn(subject) }
            begin()
        }
        guard turns[subject]?.append(beginInTurn) == nil else { return }
        turns[subject] = []
        beginInTurn()
    }

    private func nextTurn(_ subject: [UInt8]) {
        guard let next = turns[subject]?.first else { return turns[subject] = nil }
        turns[subject]?.removeFirst()
        next()
    }

    private func tick() {
        let now = loop.now
        for task in tasks.values where task.deadline <= now {
            task.answer(.failure(.away("Redis: no answer within \(context.settings.timeout) ms")))
        }
        if !tasks.isEmpty { timer?.schedule(afterMilliseconds: Self.tickMilliseconds) }
    }

    private func stopWhenDone() {
        guard tasks.isEmpty else { return }
        feed?.stop()
        link?.close()
        timer?.cancel()
        loop.stop()
    }

    // MARK: Connection

    /// The fence, for a day: no network keeps anything longer.
    private func greeting() -> [RedisCommand] {
        connections += 1
        return [RedisCommand("SET", keys.fence(name), String(connections), "EX", "86400")]
            + [RedisCommand("EVAL", RedisScript.probe.text, "1", keys.probe)]
            + Self.loaded.map { RedisCommand("SCRIPT", "LOAD", $0.text) }
    }

    private func greeted(_ replies: [RedisValue?]) {
        for (script, reply) in zip(Self.loaded, replies.dropFirst(2)) { scriptNames[script] = reply?.string }
    }

    func linkReady(_ connection: RedisConnection) {
        phase = .settling
        recall.begin(at: loop.now)
        settle(on: connection)
    }

    func linkFailed(_ reason: String) {
        phase = .away(reason)
        if awaySince == nil { awaySince = now }
        let waiting = waiting
        self.waiting = []
        for task in waiting { task.answer(.failure(.away("Redis: \(reason)"))) }
        guard !hasToldAway else { return }
        hasToldAway = true
        onEvent(.away(reason))
    }

    func linkLost(_ reason: String) {
        feed?.stop()
        phase = .connecting
        awaySince = now
    }

    private func settled(_ connection: RedisConnection) {
        if let since = awaySince {
            // What was sent last, before the loss was noticed, belongs to it.
            var begin = since.advanced(bySeconds: -(context.settings.timeout / 1000 + 2))
            if let absence, begin <= absence.upperBound.advanced(bySeconds: Self.absenceGapSeconds) {
                begin = min(begin, absence.lowerBound)
            }
            absence = begin...max(begin, now)
            awaySince = nil
        }
        phase = .ready
        feed?.start(on: connection)
        let waiting = waiting
        self.waiting = []
        for task in waiting where task.isOpen { start(task) }
    }

    private func feedIsComplete() {
        link?.prove()
        guard hasToldAway else { return }
        hasToldAway = false
        onEvent(.back)
    }

    // MARK: After a reconnect

    /// Looks after what is in doubt, and what may have been lost, some of it at a time.
    private func settle(on connection: RedisConnection) {
        let items = recall.nextItems()
        guard !items.isEmpty else { return revokeAgain(on: connection) }
        var open = items.count
        var areSettled = true
        for item in items {
            settle(item, on: connection) { [unowned self] isSettled in
                if isSettled { recall.settle(item) }
                areSettled = areSettled && isSettled
                open -= 1
                guard open == 0, link?.connection === connection else { return }
                // A server that takes no changes for now leaves them for the next time.
                areSettled ? settle(on: connection) : settled(connection)
            }
        }
    }

    private func settle(_ item: RedisRecall.Item, on connection: RedisConnection, then proceed: @escaping (Bool) -> Void) {
        connection.send(RedisCommand("GET", keys.session(item.session.id))) { [unowned self] result in
            guard case .success(let value) = result else { return proceed(false) }
            let present = value.bytes.flatMap { try? Session(text: $0) }
            guard value.bytes == nil || present != nil, let session = item.mended(present, now: now) else { return proceed(true) }
            send(RedisCommit(session, insteadOf: value.bytes), item.rules, now: now, on: connection) { result in
                if case .success = result { proceed(true) } else { proceed(false) }
            }
        }
    }

    private func revokeAgain(on connection: RedisConnection) {
        let revocations = recall.nextRevocations()
        guard !revocations.isEmpty else { return settled(connection) }
        send(RedisCommit(revoking: revocations), SessionRules(), now: now, on: connection) { [unowned self] result in
            guard link?.connection === connection else { return }
            if case .success = result { revokeAgain(on: connection) } else { settled(connection) }
        }
    }

    /// The reply has come, and nobody has waited for it.
    private func restartGrace(of session: Session, _ rules: SessionRules, on connection: RedisConnection) {
        settle(RedisRecall.Item(session, rules, isInDoubt: true), on: connection) { _ in }
    }

    // MARK: Commands

    /// Goes on with the reply, or answers the task that there is none.
    func ask(_ command: RedisCommand, for task: RedisTask, then proceed: @escaping (RedisValue) -> Void) {
        guard task.isOpen else { return }
        guard let connection = link?.connection else { return task.answer(.failure(.away("Redis: the connection is lost"))) }
        connection.send(command) { [unowned self] result in
            switch result {
            case .success(let value): if task.isOpen { proceed(value) }
            case .failure(let fault): failed(task, fault, on: connection)
            }
        }
    }

    /// Makes the change, and has what it revokes in the set before anything else is done.
    func commit(_ commit: RedisCommit, for task: RedisTask, then proceed: @escaping (RedisCommit.Outcome) -> Void) {
        guard task.isOpen else { return }
        guard let connection = link?.connection else { return task.answer(.failure(.away("Redis: the connection is lost"))) }
        send(commit, task.request.rules, now: task.request.now, on: connection) { [unowned self] result in
            switch result {
            case .success(let outcome):
                guard case .done = outcome else { return task.isOpen ? proceed(outcome) : () }
                let areKnown = commit.revocations.count { revocations.insert($0, now: task.request.now) } == commit.revocations.count
                recall.note(commit, task.request.rules, at: loop.now)
                if !task.isOpen, let session = commit.rotated { restartGrace(of: session, task.request.rules, on: connection) }
                // The others know it; here the set counts as unconfirmed from now on.
                guard areKnown else { return task.answer(.failure(.failed("there is no room for another revocation"))) }
                if task.isOpen { proceed(outcome) }
            case .failure(let fault):
                if case .lost = fault, let session = commit.rotated { recall.noteDoubt(session, task.request.rules) }
                failed(task, fault, on: connection)
            }
        }
    }

    private func send(
        _ commit: RedisCommit, _ rules: SessionRules, now: NumericDate, on connection: RedisConnection,
        then proceed: @escaping (Result<RedisCommit.Outcome, RedisFault>) -> Void
    ) {
        run(.commit, on: connection) { [unowned self] in
            commit.append(to: &$0, keys, store: name, connection: connections, rules, now: now)
        } then: { result in
            proceed(result.flatMap { value in
                switch value.elements?.first?.string {
                case "done": .success(.done)
                case "changed": .success(.changed(value.elements!.dropFirst().map(\.bytes)))
                case "fenced": .failure(.lost("a newer connection has taken over"))
                default: .failure(.refused(.other("the script has no outcome")))
                }
            })
        }
    }

    /// By its name where the server knows it, else by its text, which makes it known.
    private func run(
        _ script: RedisScript, on connection: RedisConnection, arguments: @escaping (inout RedisCommand) -> Void,
        then reply: @escaping RedisConnection.Reply
    ) {
        func send(_ head: RedisCommand, then reply: @escaping RedisConnection.Reply) {
            var command = head
            arguments(&command)
            connection.send(command, then: reply)
        }
        guard let name = scriptNames[script] else { return send(RedisCommand("EVAL", script.text), then: reply) }
        send(RedisCommand("EVALSHA", name)) { result in
            guard case .failure(.refused(.noScript)) = result else { return reply(result) }
            send(RedisCommand("EVAL", script.text), then: reply)
        }
    }

    /// Removes revocations that have ended; goes on with how many of at most `count` they were.
    func purge(_ count: Int, for task: RedisTask, then proceed: @escaping (Int) -> Void) {
        guard task.isOpen else { return }
        guard let connection = link?.connection else { return task.answer(.failure(.away("Redis: the connection is lost"))) }
        run(.purge, on: connection) { [unowned self] command in
            command.append(3)
            for key in [keys.fence(name), keys.log, keys.logEnds] { command.append(key) }
            for number in [connections, task.request.now.seconds, Int64(count)] { command.append(number) }
        } then: { [unowned self] result in
            switch result {
            case .success(.integer(let removed)): proceed(min(max(0, Int(clamping: removed)), count))
            case .success: proceed(0)
            case .failure(let fault): failed(task, fault, on: connection)
            }
        }
    }

    private func failed(_ task: RedisTask, _ fault: RedisFault, on connection: RedisConnection) {
        if case .refused(let refusal) = fault, refusal.endsConnection { connection.lose(refusal.reason) }
        task.answer(.failure(fault.storeError))
    }

    /// Of what this process remembers; how many revocations the server forgets is what counts.
    func sweepSet(for task: RedisTask) { revocations.sweep(now: task.request.now) }

    /// A step is done: there is time for the next.
    func prolong(_ task: RedisTask) { task.deadline = loop.now.advanced(byMilliseconds: context.settings.timeout) }
}
