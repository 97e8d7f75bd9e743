import EventLoop
import JOSE
import Sessions
import Synchronization

/// What the store's thread does: requests in batches, a look at other processes' changes, the sweep, and coming back when the
/// database could not be used.
final class SQLiteWorker {
    private let file: SQLiteFile
    private let role: SQLiteStore.Role
    private let known: RevocationSet
    private let settings: SQLiteStore.Settings
    private let onEvent: @Sendable (StoreEvent) -> Void
    private let intake: SQLiteIntake

    private let loop: EventLoop
    private var inbox: Inbox<SQLiteIntake.Mail>?
    private var tickTimer, sweepTimer: LoopTimer?

    /// Nil: it could not be used, and will be opened anew.
    private var open: SQLiteSessions?
    /// Why the store is away, as it has been told; nil: it is not.
    private var failure: StoreError?
    private var nextAttempt = Instant(milliseconds: 0)
    private var presence: SQLitePresence?
    private var feed = RevocationFeed()

    private var errands: [SQLiteErrand] = []
    private var sweeps: [SQLiteSweep] = []
    /// Those of the last request, for what the store does by itself; nil: there has been none.
    private var rules: SessionRules?
    private var nextSweep = Instant.never
    private var isClosing = false

    /// Requests in one transaction: a bound on how long the first of them waits for the last.
    private static let batchMax = 256
    /// Between attempts to come back.
    private static let retryMilliseconds: Int64 = 1000

    /// On any thread; everything else on the store's.
    init(
        _ file: SQLiteFile, _ role: SQLiteStore.Role, _ known: RevocationSet, _ settings: SQLiteStore.Settings,
        _ intake: SQLiteIntake, onEvent: @escaping @Sendable (StoreEvent) -> Void
    ) throws(StoreError) {
        self.file = file
        self.role = role
        self.known = known
        self.settings = settings
        self.intake = intake
        self.onEvent = onEvent
        do {
            loop = try EventLoop()
            inbox = try Inbox(intake.mailbox, on: loop) { [unowned self] mail in received(mail) }
            tickTimer = try LoopTimer(on: loop) { [unowned self] in tick() }
            sweepTimer = try LoopTimer(on: loop) { [unowned self] in sweep() }
        } catch {
            throw .failed("no loop for \(file.path): \(error)")
        }
        loop.turnEnded = { [unowned self] in turnEnded() }
        try openDatabase(creates: role == .gateway)
    }

    func run() {
        scheduleSweep()
        tickTimer?.schedule(afterMilliseconds: settings.pollMilliseconds)
        loop.run()
    }

    private func received(_ mail: SQLiteIntake.Mail) {
        switch mail {
        case .errand(let errand): errands.append(errand)
        case .close: isClosing = true
        }
    }

    private func turnEnded() {
        while !errands.isEmpty {
            let batch = errands.prefix(Self.batchMax)
            errands.removeFirst(batch.count)
            guard let reason = perform(batch) else { continue }
            // Whoever waits behind need not wait for the same to happen again.
            answer(errands, .failure(reason))
            errands = []
        }
        if isClosing { finish() }
    }

    // MARK: Requests

    /// Nil: the database could be used.
    private func perform(_ batch: ArraySlice<SQLiteErrand>) -> StoreError? {
        let inPieces = batch.filter { $0.request.operation.isSweep }
        if !inPieces.isEmpty { startSweeps(inPieces) }
        let batch = batch.filter { !$0.request.operation.isSweep }
        guard let last = batch.last else { return nil }
        rules = last.request.rules
        guard let open else {
            let reason = failure ?? .away("\(file.path) is not open")
            answer(batch, .failure(reason))
            return reason
        }

        var outcomes: [Result<StoreReply, StoreError>] = []
        var revoked: [(request: Int, revocation: Revocation, now: NumericDate)] = []
        let writes = batch.contains { $0.request.operation.writes }
        do throws(SQLiteFailure) {
            try open.connection.transaction(writes: writes) { () throws(SQLiteFailure) in
                for errand in batch {
                    var following: [Revocation] = []
                    let outcome = try open.connection.part { () throws(SQLiteFailure) in
                        try open.perform(errand.request, revoked: &following)
                    }
                    switch outcome {
                    case .success(let outcome):
                        revoked += following.map { (outcomes.count, $0, errand.request.now) }
                        outcomes.append(outcome)
                    case .failure(let failure):
                        outcomes.append(.failure(failure.storeError(path: file.path)))
                    }
                }
                if writes { try settle(open, after: batch, outcomes) }
            }
        } catch {
            let reason = fail(error)
            answer(batch, .failure(reason))
            return reason
        }
        for (index, revocation, now) in revoked where !known.insert(revocation, now: now) {
            outcomes[index] = .failure(.away("there is no room for more revocations in memory"))
        }
        if !revoked.isEmpty { feed.hasOwn = true }
        if writes { succeeded() }
        for (errand, outcome) in zip(batch, outcomes) { errand.reply(outcome) }
        intake.answered(batch.count)
        return nil
    }

    private func answer(_ batch: [SQLiteErrand], _ outcome: Result<StoreReply, StoreError>) {
        for errand in batch { errand.reply(outcome) }
        intake.answered(batch.count)
    }

    /// Notes rotations, and writes down now and then until when they are settled.
    private func settle(
        _ open: SQLiteSessions, after batch: [SQLiteErrand], _ outcomes: [Result<StoreReply, StoreError>]
    ) throws(SQLiteFailure) {
        for (errand, outcome) in zip(batch, outcomes) {
            guard case .success(.refreshed(.rotated, let session)) = outcome else { continue }
            presence?.settlement.rotated(at: session.rotatedAt, graceSeconds: errand.request.rules.graceSeconds)
        }
        if let instant = presence?.settlement.due(now: settings.clock()) { try write(open, settledAt: instant) }
    }

    private func write(_ open: SQLiteSessions, settledAt instant: NumericDate) throws(SQLiteFailure) {
        guard let slot = presence?.slot else { return }
        try open.gateways.settle(slot, at: instant)
        presence?.settlement.settled(at: instant)
    }

    // MARK: Every poll

    private func tick() {
        defer { tickTimer?.schedule(afterMilliseconds: settings.pollMilliseconds) }
        let began = Instant.current()
        if open == nil {
            guard began >= nextAttempt else { return }
            nextAttempt = began.advanced(byMilliseconds: Self.retryMilliseconds)
            comeBack()
        }
        guard let open else { return }
        do throws(SQLiteFailure) {
            try open.connection.checkPresence()
            guard role == .gateway else { return }
            try feed.read(open, into: known, now: settings.clock())
            known.confirm(at: began.milliseconds)
            try proveWritable(open, began)
        } catch {
            _ = fail(error)
        }
        if began >= nextSweep {
            scheduleSweep()
            if let rules { start(SQLiteSweep(rules, now: settings.clock(), reply: nil)) }
        }
    }

    /// Writes what is to be written without a request: until when rotations are settled, and whether writing is possible again.
    private func proveWritable(_ open: SQLiteSessions, _ began: Instant) throws(SQLiteFailure) {
        guard let presence else { return }
        let due = presence.settlement.due(now: settings.clock())
        if failure == nil {
            guard let due else { return }
            try open.connection.transaction(writes: true) { () throws(SQLiteFailure) in try write(open, settledAt: due) }
        } else {
            guard began >= nextAttempt else { return }
            nextAttempt = began.advanced(byMilliseconds: Self.retryMilliseconds)
            try open.connection.transaction(writes: true) { () throws(SQLiteFailure) in
                try write(open, settledAt: due ?? presence.settlement.instant)
            }
        }
        succeeded()
    }

    // MARK: Away and back

    private func openDatabase(creates: Bool) throws(StoreError) {
        let began = Instant.current()
        let fresh = try SQLiteSessions(file, creates: creates, busyMilliseconds: settings.busyMilliseconds)
        if let remark = fresh.connection.remark { onEvent(.remark(remark)) }
        if role == .gateway {
            let arrival = try SQLitePresence.arrive(in: fresh, again: presence, now: settings.clock())
            presence = arrival.presence
            if arrival.doubtful > 0 {
                onEvent(.remark("it was not closed; the grace of \(arrival.doubtful) refresh tokens begins anew"))
            }
            feed = RevocationFeed()
            do throws(SQLiteFailure) {
                try feed.read(fresh, into: known, now: settings.clock())
            } catch {
                throw error.storeError(path: file.path)
            }
            known.confirm(at: began.milliseconds)
        }
        open = fresh
    }

    private func comeBack() {
        do throws(StoreError) {
            try openDatabase(creates: false)
            succeeded()
        } catch {
            // Whatever is wrong with it may be put right: it was good once.
            failure = .away(error.text)
        }
    }

    /// The database could not be used: says so once, and drops what is of no more use.
    private func fail(_ error: SQLiteFailure) -> StoreError {
        let reason = error.storeError(path: file.path)
        if failure == nil { onEvent(.away(reason.text)) }
        failure = reason
        nextAttempt = Instant.current().advanced(byMilliseconds: Self.retryMilliseconds)
        if error.needsNewConnection { open = nil }
        return reason
    }

    /// Something has been written.
    private func succeeded() {
        intake.commitCount.add(1, ordering: .relaxed)
        guard failure != nil else { return }
        failure = nil
        onEvent(.back)
    }

    // MARK: The sweep

    private func scheduleSweep() {
        guard let seconds = settings.sweepSeconds, role == .gateway else { return }
        nextSweep = Instant.current().advanced(byMilliseconds: seconds * 1000)
    }

    private func startSweeps(_ errands: [SQLiteErrand]) {
        for errand in errands { start(SQLiteSweep(errand.request.rules, now: errand.request.now, reply: errand.reply)) }
        intake.answered(errands.count)
    }

    private func start(_ sweep: SQLiteSweep) {
        sweeps.append(sweep)
        sweepTimer?.schedule(afterMilliseconds: 0)
    }

    /// One piece of the first sweep; requests that have come meanwhile are before the next piece.
    private func sweep() {
        guard !sweeps.isEmpty else { return }
        do throws(StoreError) {
            guard let open else { throw failure ?? .away("\(file.path) is not open") }
            do throws(SQLiteFailure) {
                try sweeps[0].doPiece(open)
                succeeded()
            } catch {
                throw fail(error)
            }
            if sweeps[0].isDone {
                let done = sweeps.removeFirst()
                known.sweep(now: done.now)
                done.end(nil)
            }
        } catch {
            sweeps.removeFirst().end(error)
        }
        if !sweeps.isEmpty { sweepTimer?.schedule(afterMilliseconds: 0) }
    }

    // MARK: The end

    private func finish() {
        for sweep in sweeps { sweep.end(.closed) }
        sweeps = []
        if let open, let presence { presence.leave(open) }
        presence = nil
        open = nil
        loop.stop()
    }
}

extension StoreRequest.Operation {
    fileprivate var isSweep: Bool { if case .sweep = self { true } else { false } }
}

extension StoreError {
    /// For people.
    fileprivate var text: String {
        switch self {
        case .away(let reason), .failed(let reason): reason
        case .badCursor: "a cursor of another store"
        case .closed: "closed"
        }
    }
}
