import Authentication
import Bytes
import EventLoop
import HTTP1
import JOSE
import Metrics
import Sessions
import Throttling

/// The configuration in force and what a worker has made of it. An exchange keeps the snapshot that it began with.
final class Snapshot {
    /// Made anew when keys change.
    private(set) var authenticator: Authenticator
    /// Nil: there are none.
    let servedFiles: ServedFiles?
    /// Made anew with the authenticator; nil: there are none.
    private(set) var sessions: SessionService?
    private let sessionSettings: SessionSettings?
    private let listeners: [SocketAddress: ListenerSettings]
    let normalizer: PathNormalizer
    let decisionPoints: [DecisionPoint]
    private let pools: [UpstreamPool]
    let generation: Int
    let edge: EdgeRules
    /// By route of the policy.
    private let routeRules: [RouteRule]
    let routes: RouteDirectory
    /// The groups of routes in shadow mode.
    let shadowGroups: Set<Int32>
    /// Nil: nobody is told why.
    let explanation: ExplanationField?

    /// - Parameter previous: whose pools go on where an upstream of the same name is there again.
    init(_ settings: ProxySettings, worker: Worker, replacing previous: Snapshot? = nil) {
        authenticator = worker.equip(settings.makeAuthenticator())
        edge = EdgeRules(settings.edge)
        servedFiles = settings.servedFiles
        sessionSettings = settings.sessions
        sessions = SessionService(settings.sessions, authenticator)
        listeners = Dictionary(settings.listeners.map { ($0.address, $0) }) { first, _ in first }
        normalizer = PathNormalizer(encodedSlashes: settings.encodedSlashes)
        decisionPoints = settings.decisionPoints
        generation = settings.generation
        let groups = worker.requestGroups(of: settings)
        routes = RouteDirectory(settings)
        routeRules = settings.upstreamOfRoute.indices.map { RouteRule(settings, route: $0, group: groups[$0]) }
        let isShadow = authenticator.policy.routes.map { $0.mode == .shadow }
        shadowGroups = Set(zip(groups, isShadow).filter(\.1).map(\.0))
        explanation = settings.explanation.map(ExplanationField.init)
        pools = settings.upstreams.map { upstream in
            guard let kept = previous?.pools.first(where: { $0.settings.name == upstream.name }) else {
                return UpstreamPool(upstream, worker: worker)
            }
            kept.update(upstream)
            return kept
        }
    }

    func replace(_ authenticator: Authenticator) {
        self.authenticator = authenticator
        sessions = SessionService(sessionSettings, authenticator)
    }

    /// The largest content of a request on that route, in bytes.
    func contentBytesMax(ofRoute route: Int) -> Int { routeRules[route].contentBytesMax }

    /// How connections to an address are served; nil once the address is no longer configured.
    func listener(at address: SocketAddress) -> ListenerSettings? { listeners[address] }

    /// Nil when the settings have been replaced since.
    func server(_ id: UpstreamServerID) -> UpstreamServer? {
        id.generation == generation ? pools[id.upstream].servers[id.server] : nil
    }

    /// Whether there is an upstream for every route; otherwise there is none for any.
    var isProxy: Bool { !pools.isEmpty }

    func pool(ofRoute route: Int) -> UpstreamPool { pools[Int(routeRules[route].upstream)] }

    func streamRule(ofRoute route: Int) -> StreamRule { routeRules[route].streams }

    /// Where requests on that route are counted, in the worker's `RequestCounts`.
    func requestGroup(ofRoute route: Int) -> Int32 { routeRules[route].group }

    /// Whether requests on that route are written to the access log.
    func isLogged(route: Int) -> Bool { routeRules[route].isLogged }

    /// Gives back the descriptors of idle connections, to all upstreams; false when there were none.
    func closeIdleConnections() -> Bool { pools.reduce(0) { $0 + $1.closeIdle() } > 0 }

    /// - Parameter next: takes over pools of this one.
    func retire(for next: Snapshot? = nil) {
        for pool in pools where next?.pools.contains(where: { $0 === pool }) != true { pool.retire() }
    }

    func upstreamReports() -> [UpstreamReport] { pools.map { $0.report() } }
}

/// What holds for the requests on a route, in one piece: among ten thousand routes each look elsewhere is a cache miss.
private struct RouteRule {
    let contentBytesMax: Int
    let upstream: Int32
    let group: Int32
    let streams: StreamRule
    let isLogged: Bool

    init(_ settings: ProxySettings, route: Int, group: Int32) {
        contentBytesMax =
            settings.contentBytesMaxOfRoute.isEmpty ? settings.limits.bodyBytesMax : settings.contentBytesMaxOfRoute[route]
        upstream = Int32(settings.upstreamOfRoute[route])
        self.group = group
        streams = settings.streamRules[route]
        isLogged = settings.isRouteLogged.isEmpty || settings.isRouteLogged[route]
    }
}

/// What the control thread asks of a worker.
enum WorkerMail: Sendable {
    case listen([WorkerSocket])
    case apply(ProxySettings, newSockets: [WorkerSocket])
    /// Other keys, for the settings of that generation.
    case keys(generation: Int, @Sendable () -> Authenticator)
    /// The keys that are fetched have been found to be all there are, until the date given.
    case keysConfirmed(generation: Int, until: NumericDate)
    case addresses(UpstreamServerID, [SocketAddress])
    /// The active checks have found the server up or down.
    case health(UpstreamServerID, isHealthy: Bool)
    /// Stop accepting, let exchanges finish, and end at the latest after so many milliseconds.
    case drain(Int64)
    /// Answer with a report, under that number.
    case report(ticket: Int)
    /// From another worker.
    case session(SessionEvent)
    /// From the store's thread.
    case revocationsChanged
    case storeReplied(StoreTicket, Result<StoreReply, StoreError>)
}

/// One thread's share of the gateway: its own loop, listening sockets, connections, upstream pools and caches.
///
/// Not Sendable: made on its own thread, and reached only by mail.
final class Worker {
    let loop: EventLoop
    let table: ConnectionTable
    let log: DecisionLog
    let openSessions: OpenSessions
    private(set) var streams: SessionStreams!
    /// Nil: nothing is ever revoked.
    private(set) var revocations: RevocationView?
    let nudge: RevocationNudge
    let mailbox: Mailbox<WorkerMail>
    private(set) var snapshot: Snapshot!
    private(set) var counters = Counters()
    /// By code: answers of the gateway's own, and answers cut short.
    private var ownAnswers: [String: Int] = [:]
    private var cutShort: [String: Int] = [:]

    // For `Observation/`.
    /// Of the request whose head is in `requestHead`, until an exchange takes it on.
    var record = RequestRecord()
    var requests = RequestCounts()
    /// By `RenewalSkip.index`.
    var renewalSkips = [Int](repeating: 0, count: RenewalSkip.allCases.count)
    var verifyTimes = Histogram()
    var mintTimes = Histogram()
    var storeTimes = Histogram()
    var refusals = RefusalRing()
    var shadow = ShadowLedger()
    /// Nil: none is kept.
    var accessLog: AccessLog?

    private var activeExchanges = 0
    private let onReport: (Int, WorkerReport) -> Void
    var keyLedger = KeyLedger()
    private(set) var isDraining = false

    // Scratch: heads are parsed and composed one at a time.
    var requestHead: RequestHead
    var responseHead: ResponseHead
    var headOutput = ByteBuffer(capacity: 4096)
    var contentOutput = ByteBuffer()
    var normalizedPath = ByteBuffer()

    private var listeners: [(requested: SocketAddress, listener: Listener)] = []
    private var inbox: Inbox<WorkerMail>?
    private var idleExchanges: [Exchange] = []
    /// Upstreams where a server has room for one who waits, to be served at the end of the turn.
    var poolsWithLine: [UpstreamPool] = []
    private var connectionCount = 0
    private var isAccepting = true
    private var drainTimer: LoopTimer?
    /// What of the drain time is kept for taking leave, in milliseconds; 0 once that has begun.
    private var farewellTime: Int64 = 0
    private var acceptTimer: LoopTimer?
    private var date = DateField()

    // For `ForwardAuth/`.
    /// The head of the request that a decision is asked about, and what it was parsed from.
    lazy var originalHead = RequestHead(limits: limits.head)
    var originalBytes = ByteBuffer()
    lazy var assumedAnswer = AssumedAnswer()

    // For `Sessions/`.
    var storeCalls = StoreCalls()
    /// By reason.
    var refusedRefreshes: [String: Int] = [:]

    // For `Edge/`.
    let shared: SharedLimits
    var refusedConnections = 0
    var pressure = Pressure(bytesMax: .max / 2)
    var minimumRate = MinimumRate.none
    /// Whether some rule at the edge wants to see each request, or the worker is too full to take on any.
    var isGuarded = false
    var forwardedFacts = ForwardedFacts()
    private var handshakeFailureLines = LineBudget()

    /// - Parameter openSessions: one for all workers.
    init(
        _ settings: ProxySettings, mailbox: Mailbox<WorkerMail>, openSessions: OpenSessions, shared: SharedLimits,
        logWriter: LogWriter, onReport: @escaping (_ ticket: Int, WorkerReport) -> Void
    ) throws(EventLoopError) {
        self.shared = shared
        self.onReport = onReport
        loop = try EventLoop()
        self.mailbox = mailbox
        nudge = RevocationNudge(mailbox)
        self.openSessions = openSessions
        table = try ConnectionTable(on: loop)
        log = DecisionLog(settings.decisions, writer: logWriter)
        requestHead = RequestHead(limits: settings.limits.head)
        responseHead = ResponseHead(limits: settings.limits.head)
        timeouts = settings.timeouts
        limits = settings.limits
        keyLedger.requestKeys = settings.requestKeys
        revocations = revocationView(by: settings.revocation)
        snapshot = Snapshot(settings, worker: self)
        followShadow()
        inbox = try Inbox(mailbox, on: loop) { [unowned self] mail in receive(mail) }
        streams = try SessionStreams(worker: self)
        drainTimer = try LoopTimer(on: loop) { [unowned self] in drainTimeEnded() }
        acceptTimer = try LoopTimer(on: loop) { [unowned self] in resumeAccepting() }
        loop.turnEnded = { [unowned self] in turnEnded() }
        applyEdge(settings.edge)
        if let settings = settings.accessLog { accessLog = try AccessLog(settings, on: loop) }
    }

    private func turnEnded() {
        if !poolsWithLine.isEmpty { serveLines() }
        followPressure()
        log.tellSuppressed(self)
        log.flush()
    }

    private func serveLines() {
        while let pool = poolsWithLine.popLast() { pool.serveLine() }
    }

    // Plain values, so that reading one does not copy all settings.
    private(set) var timeouts: Timeouts
    private(set) var limits: Limits
    /// How long a connection may wait for its next request.
    var idleTimeout: Int64 { isDraining ? min(timeouts.drainIdle, timeouts.idle) : timeouts.idle }
    var numericDate: NumericDate { NumericDate(seconds: loop.wallSeconds) }

    /// Handles events until drained; what came of it all.
    func run() -> WorkerReport {
        openSessions.join(mailbox)
        loop.run()
        openSessions.leave(mailbox)
        endRequests()
        let report = report
        log.flush()
        accessLog = nil
        breakCycles()
        return report
    }

    /// Connections, pools and kept exchanges know their worker by a strong reference, the cheapest kind to read.
    private func breakCycles() {
        table.removeAll()
        idleExchanges = []
        poolsWithLine = []
        storeCalls = StoreCalls()
        streams = nil
        revocations = revocationView(by: nil)
        snapshot.retire()
        snapshot = nil
    }

    private func listen(on sockets: [WorkerSocket]) {
        do throws(EventLoopError) {
            for socket in sockets {
                let requested = socket.requested
                let listener = try Listener(socket.socket, sharers: socket.sharers, on: loop) { [unowned self] event in
                    handle(event, at: requested)
                }
                if !isAccepting { listener.pause() }
                listeners.append((requested, listener))
            }
        } catch {
            log.note("cannot listen: \(error)", worker: self)
        }
    }

    private func stopListening(where isGone: (SocketAddress) -> Bool) {
        for (requested, listener) in listeners where isGone(requested) { listener.acceptAll() }
        listeners.removeAll { isGone($0.requested) }
    }

    private func receive(_ mail: WorkerMail) {
        switch mail {
        case .listen(let sockets): listen(on: sockets)
        case .apply(let settings, let sockets):
            guard !isDraining else { return }
            let retired = snapshot
            if let retired { keyLedger.retire(retired.authenticator) }
            keyLedger.requestKeys = settings.requestKeys
            revocations = revocationView(by: settings.revocation)
            let next = Snapshot(settings, worker: self, replacing: retired)
            stopListening { next.listener(at: $0) == nil }
            listen(on: sockets)
            requestHead = RequestHead(limits: settings.limits.head)
            responseHead = ResponseHead(limits: settings.limits.head)
            originalHead = RequestHead(limits: settings.limits.head)
            log.level = settings.decisions
            beginAccessLog(settings.accessLog)
            timeouts = settings.timeouts
            limits = settings.limits
            snapshot = next
            followShadow()
            applyEdge(settings.edge)
            retired?.retire(for: next)
            streams.revocationsChanged()  // there may be another set
            resumeAccepting()
        case .keys(let generation, let makeAuthenticator): replaceKeys(generation, makeAuthenticator)
        case .keysConfirmed(let generation, let date): confirmKeys(generation, until: date)
        case .addresses(let server, let addresses): snapshot.server(server)?.addressesChanged(addresses)
        case .health(let server, let isHealthy): snapshot.server(server)?.healthChanged(isHealthy: isHealthy)
        case .report(let ticket): onReport(ticket, report)
        case .drain(let milliseconds): drain(within: milliseconds)
        case .session(let event): streams.receive(event)
        case .revocationsChanged: revocationsChanged()
        case .storeReplied(let ticket, let reply): storeReplied(ticket, reply)
        }
    }

    private func followShadow() { shadow.follow(snapshot.shadowGroups, names: requests.names, at: loop.wallSeconds) }

    private func drain(within milliseconds: Int64) {
        guard !isDraining else { return }
        isDraining = true
        stopListening { _ in true }
        table.forEach { ($0 as? DownstreamConnection)?.drain() }
        farewellTime = min(Tunnel.closeTime, milliseconds / 4)
        drainTimer?.schedule(afterMilliseconds: milliseconds - farewellTime)
        stopIfDrained()
    }

    /// Tunnels and event streams go on through the drain time like everything else; near its end they are told to go elsewhere.
    private func drainTimeEnded() {
        if farewellTime > 0 {
            drainTimer?.schedule(afterMilliseconds: farewellTime)
            farewellTime = 0
            streams.endAll(.drained)
            return
        }
        log.note("the drain time is over: \(connectionCount) connections are cut", worker: self)
        loop.stop()
    }

    private func stopIfDrained() {
        if isDraining && connectionCount == 0 { loop.stop() }
    }
}

// MARK: - Connections

extension Worker {
    private func handle(_ event: Listener.Event, at address: SocketAddress) {
        switch event {
        case .accepted(let socket):
            guard let listener = snapshot.listener(at: address), admit(socket, via: listener) else { return }
            connectionCount += 1
            counters[.connections] += 1
            _ = DownstreamConnection(socket, via: listener, of: self)
            if connectionCount >= limits.connectionsMax {
                pauseAccepting("\(connectionCount) connections are open, which is the limit of this worker")
            }
        case .failed(let error):
            pauseAccepting("\(error); \(connectionCount) connections are open")
            acceptTimer?.schedule(afterMilliseconds: 1_000)
        }
    }

    func pauseAccepting(_ reason: String) {
        guard isAccepting else { return }
        isAccepting = false
        counters[.acceptPauses] += 1
        for (_, listener) in listeners { listener.pause() }
        log.note("accepting is paused: \(reason)", worker: self)
    }

    func resumeAccepting() {
        guard !isAccepting, connectionCount < limits.connectionsMax, pressure.level == .none else { return }
        isAccepting = true
        for (_, listener) in listeners { listener.resume() }
        log.note("accepting again", worker: self)
    }

    func connectionClosed() {
        connectionCount -= 1
        // A little below the limit, lest each closing connection flips it.
        if !isAccepting, connectionCount < limits.connectionsMax - limits.connectionsMax / 32 {
            resumeAccepting()
        }
        stopIfDrained()
    }

    func takeExchange() -> Exchange {
        counters[.exchanges] += 1
        activeExchanges += 1
        return idleExchanges.popLast() ?? Exchange(worker: self)
    }

    func recycle(_ exchange: Exchange) {
        activeExchanges -= 1
        if idleExchanges.count < 256 { idleExchanges.append(exchange) }
    }

    func count(_ counter: Counter) { counters[counter] += 1 }

    func mayNoteHandshakeFailure() -> Bool { handshakeFailureLines.take(loop.wallSeconds) }

    /// - Parameters:
    ///   - code: of its `Problem`.
    ///   - midway: the answer had begun and is cut short.
    func count(_ failure: Failure, code: String, midway: Bool = false) {
        if case .refusal = failure { count(.refusals) } else { count(.failures) }
        if failure.comesInFloods { countFlood(failure) }
        // As many keys as there are codes in this program: none comes from outside.
        if midway { cutShort[code, default: 0] += 1 } else { ownAnswers[code, default: 0] += 1 }
    }

    /// What this worker has done so far and is doing now.
    var report: WorkerReport {
        var report = WorkerReport()
        report.counters = counters
        report.ownAnswers = ownAnswers
        report.cutShort = cutShort
        report.refusedRefreshes = refusedRefreshes
        report.requests = requests
        report.renewalSkips = renewalSkips
        report.verifyTimes = verifyTimes
        report.mintTimes = mintTimes
        report.storeTimes = storeTimes
        report.tokenCounts = tokenCounts
        report.cachedTokens = snapshot?.authenticator.cachedTokenCount ?? 0
        report.refusals = refusals.latest
        report.shadow = shadow.report
        report.openConnections = connectionCount
        report.activeExchanges = activeExchanges
        report.openTunnels = openTunnels
        report.keys = keyReports
        report.upstreams = snapshot?.upstreamReports() ?? []
        return report
    }
}

// MARK: - Time and targets

extension Worker {
    /// When the loop's clock will show `date`; never for none.
    func instant(of date: NumericDate?) -> Instant {
        guard let date else { return .never }
        let seconds = max(0, date.seconds &- loop.wallSeconds)
        return loop.now.advanced(byMilliseconds: seconds > 1 << 40 ? .max : seconds * 1000)
    }

    func appendDate(to buffer: inout ByteBuffer) { date.append(loop.wallSeconds, to: &buffer) }

    /// Normalises the path of the request in `requestHead`: what the policy sees is what the upstream gets.
    func normalizeTarget(of bytes: Span<UInt8>) throws(Failure) -> NormalizedTarget {
        // Nearly all: in origin form, and no TRACE. The whole head would be copied to ask it.
        if requestHead.targetForm != .origin || requestHead.method == .trace {
            if try requestHead.concernsServer { return .asterisk }
        }
        do {
            normalizedPath.removeAll()
            let normalizer = snapshot.normalizer
            let path = bytes.extracting(requestHead.path.bounds)
            return try normalizer.normalize(path, into: &normalizedPath) ? .rewritten : .asSent
        } catch {
            throw .refusal(Refusal(.path(error)))
        }
    }

    /// Lends the path that the policy is to see.
    func withPath<Result>(_ target: NormalizedTarget, _ bytes: Span<UInt8>, _ body: (Span<UInt8>) -> Result) -> Result {
        switch target {
        case .asSent: return body(bytes.extracting(requestHead.path.bounds))
        case .rewritten: return normalizedPath.withSpan { body($0) }
        case .asterisk:
            let asterisk: [UInt8] = [0x2A]
            return body(asterisk.span)
        }
    }

    /// Appends the request target to send upstream, in origin-form (or `*`).
    func appendTarget(
        _ target: NormalizedTarget, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, to buffer: inout ByteBuffer
    ) {
        switch target {
        case .asSent: buffer.append(bytes.extracting(head.path.bounds))
        case .rewritten: normalizedPath.withSpan { buffer.append($0) }
        case .asterisk:
            buffer.append(0x2A)
            return
        }
        if head.hasQuery {
            buffer.append(0x3F)
            buffer.append(bytes.extracting(head.query.bounds))
        }
    }
}

/// What normalisation has made of a request's path.
enum NormalizedTarget {
    case asSent
    /// The path is in the worker's `normalizedPath`.
    case rewritten
    /// The server itself, in OPTIONS.
    case asterisk
}
