import Balancing
import EventLoop
package import Metrics

/// One upstream as one worker sees it: its servers, the choice between them, and the line of requests that wait for one.
///
/// Outlives the settings it began with: a reload changes it in place, so that connections, what is known of the servers'
/// health and what is under way stay.
final class UpstreamPool {
    private(set) var settings: UpstreamSettings
    let worker: Worker
    /// In the order of `settings.servers`, and of the group's members.
    private(set) var servers: [UpstreamServer] = []
    private var group: ServerGroup
    private var line: WaitingLine<Exchange>
    private var budget: RetryBudget
    /// There is one server, and nothing that could keep a request from it: the way of most requests is that of all then.
    private(set) var isPlain = false
    /// What of a request chooses its server, if anything does.
    private(set) var isKeyed = false
    /// From a request's way upstream to the head of its answer, tries that failed before included.
    var answerTimes = Histogram()
    /// The line is to be served at the end of this turn.
    private var isServingLine = false

    init(_ settings: UpstreamSettings, worker: Worker) {
        self.settings = settings
        self.worker = worker
        group = ServerGroup(settings.group, offset: Int.random(in: 0..<256))
        line = WaitingLine(capacity: settings.queue.size)
        budget = RetryBudget(percent: settings.retries.budgetPercent, now: worker.loop.now.milliseconds)
        servers = settings.servers.map { UpstreamServer($0, of: self, worker: worker) }
        settingsChanged()
    }

    /// Goes over to other settings of the same name. A server whose address and way of being talked to are the same keeps
    /// its connections; one of the same address keeps what is known of its health.
    func update(_ settings: UpstreamSettings) {
        let before = servers
        let beginsOtherwise = settings.sendsProxyProtocol != self.settings.sendsProxyProtocol
        if settings.retries.budgetPercent != self.settings.retries.budgetPercent {
            budget = RetryBudget(percent: settings.retries.budgetPercent, now: worker.loop.now.milliseconds)
        }
        self.settings = settings
        group.update(settings.group, now: worker.loop.now.milliseconds)
        line.capacity = settings.queue.size
        servers = settings.servers.map { server in
            guard let kept = before.first(where: { $0.settings.name == server.name }) else {
                return UpstreamServer(server, of: self, worker: worker)
            }
            kept.update(server, beginsOtherwise: beginsOtherwise)
            return kept
        }
        for gone in before where !servers.contains(where: { $0 === gone }) { gone.retire() }
        settingsChanged()
        serveLineLater()
    }

    private func settingsChanged() {
        for (index, server) in servers.enumerated() {
            server.index = index
            server.tellUsability()
        }
        isKeyed = settings.choice.machine == .keyed && servers.count > 1
        updatePlainness()
    }

    private func updatePlainness() {
        isPlain = servers.count == 1 && group.members[0].passesChecks && servers[0].settings.weight > 0
            && servers[0].settings.connectionsMax == .max && !group.canEject && settings.retries.attempts == 0
    }

    /// After a reload the upstream is gone: whoever waits for it is told so.
    func retire() {
        for server in servers { server.retire() }
        servers = []
        isPlain = false
        while let exchange = line.popFirst() { exchange.leftLine(to: .unavailable(retryAfter: 1)) }
    }

    /// Closes the idle connections; how many there were.
    func closeIdle() -> Int { servers.reduce(0) { $0 + $1.closeIdle() } }
}

// MARK: - Choosing

extension UpstreamPool {
    /// What a request that wants a server gets.
    enum Assignment {
        /// Until `ended`. - isTrial: its outcome decides whether the server is back.
        case server(UpstreamServer, isTrial: Bool)
        /// In line: the exchange will be told (`leftLine`); the ticket is for leaving earlier.
        case waits(ticket: Int)
        case overflow
        case unavailable(retryAfter: Int)
    }

    /// The one server of a plain pool.
    func takePlain() -> UpstreamServer {
        group.began(0)
        return servers[0]
    }

    func requestBegan() {
        if settings.retries.attempts > 0 { budget.requestBegan(now: worker.loop.now.milliseconds) }
    }

    /// - Parameter mayWait: false for another try, which has waited enough.
    func assign(_ exchange: Exchange, key: UInt64?, tried: ServerSet, mayWait: Bool) -> Assignment {
        guard !servers.isEmpty else { return .unavailable(retryAfter: 1) }
        // Whoever came first goes first.
        if !line.isEmpty, mayWait { return wait(exchange) }
        switch group.select(key: key, tried: tried, now: worker.loop.now.milliseconds) {
        case .server(let index, let isTrial):
            if isTrial { worker.log.serverOnTrial(servers[index], of: self) }
            return .server(servers[index], isTrial: isTrial)
        case .full: return mayWait ? wait(exchange) : .overflow
        case .none:
            worker.count(.circuitOpen)
            return .unavailable(retryAfter: retryAfter)
        }
    }

    private func wait(_ exchange: Exchange) -> Assignment {
        guard let ticket = line.join(exchange) else {
            worker.count(.queueOverflows)
            return .overflow
        }
        return .waits(ticket: ticket)
    }

    /// In seconds: when a server may be tried again; a guess where only the active checks can tell.
    private var retryAfter: Int {
        guard let time = group.timeUntilTrial(now: worker.loop.now.milliseconds) else { return 5 }
        return Int(max(1, min(60, (time + 999) / 1000)))
    }

    func leaveLine(_ ticket: Int) { line.leave(ticket) }

    /// At the end of the turn, when nothing else is half done.
    private func serveLineLater() {
        guard !line.isEmpty, !isServingLine else { return }
        isServingLine = true
        worker.poolsWithLine.append(self)
    }

    /// Sends on who waits, as far as servers have room.
    func serveLine() {
        isServingLine = false
        while let exchange = line.front {
            switch group.select(key: exchange.key, now: worker.loop.now.milliseconds) {
            case .server(let index, let isTrial):
                _ = line.popFirst()
                exchange.leftLine(to: .server(servers[index], isTrial: isTrial))
            case .full: return
            case .none:
                _ = line.popFirst()
                worker.count(.circuitOpen)
                exchange.leftLine(to: .unavailable(retryAfter: retryAfter))
            }
        }
    }

    /// Whether another try may be made now; it is paid for then.
    func takeRetry() -> Bool {
        guard budget.take(now: worker.loop.now.milliseconds) else {
            worker.count(.retryBudgetExhausted)
            return false
        }
        worker.count(.retries)
        return true
    }
}

// MARK: - How requests go

extension UpstreamPool {
    /// The head of an answer has come.
    func answered(_ server: UpstreamServer, status: Int, isTrial: Bool) {
        guard !settings.failureStatuses.contains(status) else { return failed(server, isTrial: isTrial) }
        guard server.index >= 0 else { return }
        note(group.succeeded(server.index, isTrial: isTrial, now: worker.loop.now.milliseconds), of: server)
    }

    func failed(_ server: UpstreamServer, isTrial: Bool) {
        guard server.index >= 0 else { return }
        if isPlain { return group.failed(server.index) }
        note(group.failed(server.index, isTrial: isTrial, now: worker.loop.now.milliseconds), of: server)
    }

    /// - Parameter isTrial: it was one, and there has been no verdict.
    func ended(_ server: UpstreamServer, isTrial: Bool) {
        guard server.index >= 0 else { return }
        if isPlain { return group.ended(server.index) }  // nobody waits
        group.ended(server.index, trialAbandonedAt: isTrial ? worker.loop.now.milliseconds : nil)
        serveLineLater()
    }

    func usabilityChanged(_ server: UpstreamServer, isUsable: Bool) {
        guard server.index >= 0 else { return }
        note(group.checked(server.index, passes: isUsable, now: worker.loop.now.milliseconds), of: server)
        updatePlainness()
        serveLineLater()
    }

    private func note(_ change: ServerGroup.Change?, of server: UpstreamServer) {
        guard let change else { return }
        if case .ejected = change { worker.count(.ejections) }
        worker.log.serverChanged(change, server, of: self)
    }
}

// MARK: - The report

/// One upstream of one worker, or of all of them together.
package struct UpstreamReport: Sendable {
    package var name: String
    /// Requests that wait for a server.
    package var queued: Int
    /// From a request's way upstream to the head of its answer; requests without an answer are not among them.
    package var answerTimes: Histogram
    package var servers: [ServerReport]
}

/// One server of an upstream, of one worker.
package struct ServerReport: Sendable {
    package enum State: Sendable {
        case up
        /// Put aside, as its requests have failed.
        case ejected
        /// One request is to show whether it is back.
        case onTrial
        /// By the active checks.
        case down
        /// Has no weight.
        case drained
    }

    package var name: String
    package var state: State
    package var isBackup: Bool
    /// Workers that use it: each judges for itself.
    package var workersUp: Int
    package var activeRequests: Int
    package var idleConnections: Int
    package var requests: Int
    package var failures: Int
    package var ejections: Int
}

extension UpstreamReport {
    /// Workers that have not heard of a reload yet have other servers; each server is found by its name.
    static func += (total: inout UpstreamReport, part: UpstreamReport) {
        total.queued += part.queued
        total.answerTimes += part.answerTimes
        for server in part.servers {
            guard let index = total.servers.firstIndex(where: { $0.name == server.name }) else {
                total.servers.append(server)
                continue
            }
            total.servers[index].activeRequests += server.activeRequests
            total.servers[index].idleConnections += server.idleConnections
            total.servers[index].requests += server.requests
            total.servers[index].failures += server.failures
            total.servers[index].ejections += server.ejections
            total.servers[index].workersUp += server.workersUp
        }
    }
}

extension UpstreamPool {
    func report() -> UpstreamReport {
        UpstreamReport(
            name: settings.name, queued: line.count, answerTimes: answerTimes,
            servers: zip(servers, group.members).map { server, member in
                let state: ServerReport.State =
                    if member.settings.weight == 0 { .drained } else if !member.passesChecks { .down }
                    else if member.isOnTrial { .onTrial } else if member.isEjected { .ejected } else { .up }
                return ServerReport(
                    name: server.settings.name, state: state, isBackup: member.settings.isBackup,
                    workersUp: state == .up ? 1 : 0,
                    activeRequests: member.active, idleConnections: server.idleCount, requests: member.requests,
                    failures: member.failures, ejections: member.ejections)
            })
    }
}
