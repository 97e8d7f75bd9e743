import Authentication
import EventLoop
import HTTP1
import Metrics

// Each request begins once and ends once, whatever becomes of it: `requestBegan` when its head is there or it is known that it
// will never be, `requestEnded` when all of its answer has been handed to the client's socket, or when there is nobody left to
// take it.

extension Worker {
    /// A head is there whole, in `requestHead`, and nothing has been decided yet.
    func requestBegan() { record.reset(began: loop.nanoseconds()) }

    /// There is to be an answer, and there is no head: malformed, not there in time, or not wanted.
    func requestBeganWithoutHead(from client: SocketAddress) {
        record.reset(began: 0)
        guard let accessLog else { return }
        record.log = accessLog
        accessLog.beginWithoutHead(from: client, into: &record.line)
    }

    /// Has the access log compose what it wants of the request in `requestHead`, parsed from `bytes`.
    /// - Parameter isForwarded: it may go upstream; else a proxy in front asks about it.
    func describeRequest(_ bytes: Span<UInt8>, of connection: DownstreamConnection, isForwarded: Bool) {
        guard let accessLog else { return }
        record.log = accessLog
        accessLog.begin(
            &requestHead, bytes, at: record.began, from: connection.client, tls: connection.stream.tlsVersion, isForwarded: isForwarded,
            into: &record.line)
    }

    /// The route of the request in `record` has been found.
    func routeFound(_ route: Int, _ snapshot: Snapshot) {
        record.route = Int32(truncatingIfNeeded: route)
        record.group = snapshot.requestGroup(ofRoute: route)
        if record.log != nil { routeToBeLogged(route, snapshot) }
    }

    private func routeToBeLogged(_ route: Int, _ snapshot: Snapshot) {
        guard snapshot.isLogged(route: route) else { return record.leaveLog() }
        record.routes = snapshot.routes
    }

    /// It has been decided about the request in `record`.
    /// - Parameter before: what `authenticator` had done when the decision began.
    func authenticated(_ authenticator: Authenticator, since before: TokenCounts) {
        let now = authenticator.tokenCounts
        let hasVerified = now.verified != before.verified
        guard hasVerified || now.minted != before.minted || record.log != nil else { return }
        record.authenticated = loop.nanoseconds()
        if hasVerified { verifyTimes.record(record.authenticated &- record.began) }
    }

    /// A successor has just been signed; the rest of what was done since an instant takes no time.
    func minted(since instant: Int64) { mintTimes.record(loop.nanoseconds() &- instant) }

    /// What the route is called in the configuration in force.
    func nameOfRoute(_ route: Int?) -> String { route.map { snapshot.routes.names[$0] } ?? "" }

    /// Counts a request, once, and hands it to the access log.
    func requestEnded(_ record: inout RequestRecord) {
        record.ended = loop.nanoseconds()
        requests.count(Int(record.group), StatusClass(status: Int(record.status)), record.decision)
        if record.began > 0, !record.lasts { requests.record(record.ended &- record.began, Int(record.group)) }
        guard let log = record.log else { return }
        log.end(&record)
        record.leaveLog()
    }

    /// Ends the request in `record`.
    func requestEnded() { requestEnded(&record) }

    /// By route of these settings: where its requests are counted. Under a name that there was before, what was counted goes on.
    func requestGroups(of settings: ProxySettings) -> [Int32] {
        settings.routeNames.isEmpty
            ? settings.upstreamOfRoute.map { _ in Int32(RequestCounts.other) } : requests.groups(of: settings.routeNames)
    }

    /// Ends what is under way when the worker ends: nobody will.
    func endRequests() {
        streams.removeAll()
        table.forEach { ($0 as? DownstreamConnection)?.workerEnds() }
    }

    /// What has come of the renewal of an admitted request.
    func renewalDecided(_ outcome: borrowing RenewalOutcome, _ admission: borrowing Admission, _ record: inout RequestRecord) {
        switch outcome {
        case .attached: record.decision = .renewed
        case .skipped(let reason):
            record.decision = reason == .shadow ? .wouldRenew : .admitted
            record.reason = reason.rawValue
            renewalSkips[reason.index] &+= 1
            if reason == .shadow { shadow.noteRenewal(group: Int(record.group), at: loop.wallSeconds) }
            guard let refusal = admission.wouldRefuse else { return }
            record.decision = .wouldRefuse
            record.reason = refusal.reason
        }
    }
}

extension RenewalSkip {
    /// In `allCases`.
    package var index: Int {
        switch self {
        case .slidingOff: 0
        case .noToken: 1
        case .routeDoesNotSlide: 2
        case .optedOut: 3
        case .notDue: 4
        case .expired: 5
        case .noAnchor: 6
        case .lifetimeUnknown: 7
        case .bufferExceedsLifetime: 8
        case .sessionCap: 9
        case .exceptedStatus: 10
        case .notModified: 11
        case .interimResponse: 12
        case .upstreamSetIt: 13
        case .mintFailed: 14
        case .revoked: 15
        case .revocationUnknown: 16
        case .answeredTooLate: 17
        case .shadow: 18
        }
    }
}
