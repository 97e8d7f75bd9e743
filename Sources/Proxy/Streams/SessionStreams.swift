import Authentication
import EventLoop
import JOSE
import Metrics
import Sessions

/// Why a tunnel or an event stream has ended, as logs say it.
enum StreamEnd: String {
    case clientEnded = "client_ended"
    case clientLost = "client_lost"
    case upstreamEnded = "upstream_ended"
    case upstreamLost = "upstream_lost"
    case idle = "idle"
    /// Its token has reached its end, and no later one of the session is known.
    case sessionExpired = "session_expired"
    /// Its token, or the session, has been revoked.
    case revoked = "revoked"
    case drained = "drained"
}

/// What one worker has open that may outlive the token that opened it: tunnels, event streams, and answers on routes that
/// ask for it.
///
/// A stream ends with the latest token of its session: the one that opened it, or any later one that a request has since
/// presented or been given, on whichever worker (`OpenSessions`). Presented ones count as well, so that a stream follows a
/// session that slid just before it was opened, or in another process. Never past the session's cap, and never earlier than
/// it was to end before.
final class SessionStreams {
    private struct Entry {
        let exchange: Exchange
        let isTunnel: Bool
        let session: SessionKey?
        /// What no token moves.
        let sessionEnd: NumericDate?
        /// Nil: nobody's; no session ends it.
        var end: NumericDate?
        /// What may be revoked; nil: nothing, or it has been.
        var names: RevocationNames?
        /// `RevocationSet.changes` when that was looked up last.
        var unrevokedAsOf: UInt64 = 0
    }

    /// Between two looks at all that is open, in milliseconds: a flood of revocations makes no more of them.
    private static let lookInterval: Int64 = 100

    private let worker: Worker
    private var entries: [Entry?] = []
    private var free: [Int] = []
    private var slots: [SessionKey: [Int]] = [:]
    private let ends: Deadlines
    private var nextLook = Instant(milliseconds: 0)
    private let lookTimer: LoopTimer
    private var isLookTimed = false
    private(set) var tunnelCount = 0

    init(worker: Worker) throws(EventLoopError) {
        self.worker = worker
        ends = try Deadlines(on: worker.loop) { [unowned worker] slot in worker.streams.reachedEnd(slot) }
        lookTimer = try LoopTimer(on: worker.loop) { [unowned worker] in worker.streams.endRevoked() }
    }
}

// MARK: - Coming and going

extension SessionStreams {
    /// Takes in an exchange that has become a stream; the slot to remove it by.
    func insert(_ exchange: Exchange, _ span: SessionSpan?, names: RevocationNames?, isTunnel: Bool) -> Int {
        let slot = free.popLast() ?? entries.count
        if slot == entries.count {
            entries.append(nil)
            ends.reserve(entries.count)
        }
        entries[slot] = Entry(
            exchange: exchange, isTunnel: isTunnel, session: span?.session, sessionEnd: span?.sessionEnd, end: span?.end,
            names: names)
        if isTunnel { tunnelCount += 1 }
        ends[slot] = worker.instant(of: span?.end)
        if let session = span?.session {
            slots[session, default: []].append(slot)
            worker.openSessions.opened(session)
        }
        return slot
    }

    func remove(_ slot: Int) {
        guard let entry = entries[slot] else { return }
        entries[slot] = nil
        ends[slot] = .never
        free.append(slot)
        if entry.isTunnel { tunnelCount -= 1 }
        guard let session = entry.session else { return }
        worker.openSessions.closed(session)
        slots[session]?.removeAll { $0 == slot }
        if slots[session]?.isEmpty == true { slots[session] = nil }
    }

    /// Ends every stream with a word of goodbye, where its protocol has one.
    func endAll(_ cause: StreamEnd) {
        for slot in entries.indices {
            if let entry = entries[slot] { entry.exchange.endStream(cause) }
        }
    }

    /// Lets go of every stream without a word: the worker is at its end.
    func removeAll() {
        for slot in entries.indices {
            if let entry = entries[slot] { entry.exchange.leaveStreams(.drained) }
        }
    }
}

// MARK: - Sessions

extension SessionStreams {
    func receive(_ event: SessionEvent) {
        switch event {
        case .extended(let session, let date):
            guard let found = slots[session] else { return }
            for slot in found { extend(slot, until: date) }
        }
    }

    private func extend(_ slot: Int, until date: NumericDate) {
        guard let entry = entries[slot], let end = entry.end else { return }
        let next = min(date, entry.sessionEnd ?? date)
        // The deadline stays where it is: when it has passed, the end that holds then is looked at.
        guard next > end else { return }
        entries[slot]?.end = next
        worker.count(.tunnelsExtended)
        worker.log.streamExtended(entry.exchange, isTunnel: entry.isTunnel, session: entry.session, until: next, worker: worker)
    }

    private func reachedEnd(_ slot: Int) {
        guard let entry = entries[slot], let end = entry.end else { return }
        // Extended meanwhile, or the clock was set back.
        guard worker.numericDate >= end else { return ends[slot] = worker.instant(of: end) }
        entries[slot]?.end = nil  // taking leave takes a while, and is not undone
        worker.count(.tunnelsExpired)
        entry.exchange.endStream(.sessionExpired)
    }
}

// MARK: - Revocation

extension SessionStreams {
    /// What has been revoked ends: at once, or a moment after the last look.
    func revocationsChanged() {
        guard !isLookTimed else { return }
        let wait = nextLook.milliseconds &- worker.loop.now.milliseconds
        guard wait > 0 else { return endRevoked() }
        isLookTimed = true
        lookTimer.schedule(afterMilliseconds: wait)
    }

    private func endRevoked() {
        isLookTimed = false
        guard let revocations = worker.revocations else { return }
        nextLook = worker.loop.now.advanced(byMilliseconds: Self.lookInterval)
        let changes = revocations.changes
        for slot in entries.indices {
            guard let entry = entries[slot], let names = entry.names, entry.unrevokedAsOf != changes else { continue }
            guard revocations.isRevoked(names, now: worker.numericDate) else {
                entries[slot]?.unrevokedAsOf = changes
                continue
            }
            entries[slot]?.names = nil
            entries[slot]?.end = nil  // taking leave takes a while, and is not undone
            worker.count(.streamsRevoked)
            entry.exchange.endStream(.revoked)
        }
    }
}

extension Worker {
    /// An admitted request has shown, or is being handed, a token of a session: whatever is open under the same session lives as
    /// long. Called with each answer; costs one load while nothing is open.
    func sessionSeen(_ admission: borrowing Admission, _ outcome: borrowing RenewalOutcome, _ authenticator: Authenticator) {
        if openSessions.isEmpty { return }
        tellOfSession(admission, outcome, authenticator)
    }

    @inline(never)
    private func tellOfSession(
        _ admission: borrowing Admission, _ outcome: borrowing RenewalOutcome, _ authenticator: Authenticator
    ) {
        guard let token = admission.token, let session = authenticator.sessionKey(of: token),
            let audience = openSessions.audience(of: session),
            let end = authenticator.latestEnd(of: admission, outcome)
        else { return }
        if let told = token.announcedReach, told.end >= end.seconds, told.audience == audience { return }
        token.announcedReach = (end.seconds, audience)
        let event = SessionEvent.extended(session, until: end)
        streams.receive(event)
        openSessions.tell(event, except: mailbox)
    }

    /// Tunnels of this worker that are open now.
    var openTunnels: Int { streams.tunnelCount }
}
