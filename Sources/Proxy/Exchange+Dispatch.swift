import Authentication
import Balancing
import Bytes
import EventLoop
import HTTP1
import JOSE
import Metrics

// From the composed head to the first byte of an answer: choose a server, wait for one, connect, send, and where that
// fails and a second time cannot do a thing twice, try again.
//
// A try is what is sent to one server. Within it, nothing counts as a failure that says nothing of the server: an idle
// connection that the server has closed meanwhile, or one address of several that does not accept.

extension Exchange {
    /// Where a request is between the servers.
    struct Dispatch {
        /// What its server is chosen by; nil: nothing.
        var key: UInt64?
        /// Servers that have failed it.
        var tried = ServerSet()
        /// Tries so far.
        var tries = 0
        /// Addresses of the present server that have been tried.
        var addressesTried = 0
        /// This try is to show whether the server is back, and has not shown it yet.
        var isTrial = false
        /// In the pool's line; -1: not in it.
        var ticket = -1
        /// The head of the answer must be here by then.
        var deadline = Instant.never
    }

    var key: UInt64? { dispatch.key }
    var isInLine: Bool { dispatch.ticket >= 0 }

    /// Sends what is in `request`, and `content` behind it, to the server whose turn it is, or waits for one.
    func dispatch(_ content: Span<UInt8>) {
        if pool.isPlain {
            server = pool.takePlain()
            return send(content)
        }
        pool.requestBegan()
        if pool.settings.retries.totalTimeout != .max {
            dispatch.deadline = worker.loop.now.advanced(byMilliseconds: pool.settings.retries.totalTimeout)
        }
        switch pool.assign(self, key: dispatch.key, tried: dispatch.tried, mayWait: true) {
        case .server(let server, let isTrial):
            begin(at: server, isTrial: isTrial)
            send(content)
        case .waits(let ticket):
            dispatch.ticket = ticket
            request.append(content)  // as much as one read has given
            downstream?.setDeadline(at: min(dispatch.deadline, worker.loop.now.advanced(byMilliseconds: pool.settings.queue.timeout)))
        case .overflow: fail(.upstreamQueueFull)
        case .unavailable(let retryAfter): fail(.noHealthyUpstream(retryAfter: retryAfter))
        }
    }

    private func begin(at server: UpstreamServer, isTrial: Bool) {
        self.server = server
        dispatch.isTrial = isTrial
        dispatch.addressesTried = 0
    }

    /// The pool has something for an exchange that waited.
    func leftLine(to assignment: UpstreamPool.Assignment) {
        dispatch.ticket = -1
        switch assignment {
        case .server(let server, let isTrial):
            record.forwarded = worker.loop.nanoseconds()
            let downstream = downstream
            begin(at: server, isTrial: isTrial)
            sendAgain()
            // What has come from the client meanwhile.
            if let downstream, self.downstream === downstream { downstream.exchangeResumed() }
        case .unavailable(let retryAfter): fail(.noHealthyUpstream(retryAfter: retryAfter))
        case .waits, .overflow: fail(.upstreamQueueFull)
        }
    }

    /// Leaves the server, or the line for one.
    func leavePool() {
        if dispatch.ticket >= 0 { pool.leaveLine(dispatch.ticket) }
        if let server { pool.ended(server, isTrial: dispatch.isTrial) }
        server = nil
    }

    // MARK: Sending

    /// Sends what is in `request`, and `content` behind it, on an idle connection or a new one.
    private func send(_ content: Span<UInt8>) {
        while let connection = server.takeIdle() {
            // What cannot be sent again must not go out on a connection whose end has arrived and waits for its turn.
            guard isReplayable && method.isIdempotent || connection.stream.isQuiet else {
                connection.close()
                continue
            }
            attach(connection)
            let result = request.withSpan { connection.stream.write($0, content) }
            if case .failed = result {  // it had been closed: nothing has reached the upstream
                detach()?.close()
                continue
            }
            if result == .queued { downstream?.updateReading() }
            return requestProgressed()
        }
        connect(content)
    }

    private func sendAgain() {
        let nothing: [UInt8] = []
        send(nothing.span)
    }

    private func connect(_ content: Span<UInt8>) {
        dispatch.addressesTried += 1
        do {
            let connection = try server.connect(for: downstream)
            attach(connection)
            _ = request.withSpan { connection.stream.write($0, content) }  // queued until it is connected
            downstream?.updateReading()
            downstream?.setDeadline(
                at: min(dispatch.deadline, worker.loop.now.advanced(byMilliseconds: pool.settings.connectTimeout)))
        } catch where error.isDescriptorShortage {
            // Idle connections to other upstreams may hold what this one needs.
            if snapshot?.closeIdleConnections() == true { return connect(content) }
            fail(.noDescriptors)
        } catch {
            connectFailed(.upstreamUnreachable(error))
        }
    }

    private func connectAgain() {
        let nothing: [UInt8] = []
        connect(nothing.span)
    }

    func attach(_ connection: UpstreamConnection) {
        connection.lend(to: self)
        upstream = connection
    }

    /// Takes the connection off the exchange, to be closed or given back.
    func detach() -> UpstreamConnection? {
        let connection = upstream
        upstream = nil
        return connection
    }

    /// What is waited for has changed: the rest of the request, or the answer.
    func requestProgressed() {
        guard answer == .awaitingHead, let upstream, upstream.isConnected, let downstream, let pool else { return }
        let isWaitingForClient = !requestIsWhole && !upstreamHasStoppedReading && upstream.stream.queuedBytes == 0
        let isAwaitingContinue = expectsContinue && !hasRelayedContinue && contentBytes == 0
        if isWaitingForClient, !isAwaitingContinue { return downstream.awaitContent(contentBytes) }
        downstream.isPacing = false
        let patience = isWaitingForClient ? worker.timeouts.body : responseTimeout
        if pool.isPlain { return downstream.setDeadline(afterMilliseconds: patience) }
        downstream.setDeadline(at: min(dispatch.deadline, worker.loop.now.advanced(byMilliseconds: patience)))
    }

    /// For the head of the answer to this try.
    private var responseTimeout: Int64 {
        if pool.isPlain || !mayTryAgain(after: .timeout) { return pool.settings.responseTimeout }
        return min(pool.settings.responseTimeout, pool.settings.retries.tryTimeout)
    }

    func upstreamConnected() { requestProgressed() }

    // MARK: Failing

    /// The connection has gone before the answer's head was whole.
    func upstreamLost(_ error: SocketError?) {
        guard let upstream else { return }
        guard upstream.isConnected else {
            return connectFailed(.upstreamNotConnected(error ?? SocketError("connect", 0)))
        }
        let wasStale = upstream.isReused && upstream.input.isEmpty && interimHeads == 0
        // RFC 9110 §9.2.2: an idle connection that closes as the request goes out says nothing of what was done with it.
        if wasStale, isReplayable, method.isIdempotent {
            detach()?.close()
            return connectAgain()
        }
        tryFailed(error?.tls.map { .upstreamTLSFailed($0) } ?? .upstreamClosed, as: .reset)
    }

    /// No connection to one address: the next one may take the request, if it is still here.
    func connectFailed(_ failure: Failure) {
        if let connection = detach() {
            server.addressFailed(connection.address)
            connection.close()
        }
        guard isReplayable, dispatch.addressesTried < server.addresses.count, worker.loop.now < dispatch.deadline else {
            return tryFailed(failure, as: .connectFailure)
        }
        connectAgain()
    }

    /// No head of an answer has come in time.
    func responseTimedOut() { tryFailed(.upstreamTimeout, as: .timeout) }

    /// The server has failed the request: another may be asked where that is safe, allowed, and paid for.
    /// - Parameter condition: none: what is wrong would be wrong again.
    func tryFailed(_ failure: Failure, as condition: RetryPolicy.Conditions) {
        detach()?.close()
        guard let server else { return fail(failure) }
        pool.failed(server, isTrial: dispatch.isTrial)
        dispatch.isTrial = false
        guard tryAgain(after: condition) else { return fail(failure) }
    }

    /// The answer that has come is one that another server may better: it is dropped then.
    func isBettered(status: Int) -> Bool {
        guard !pool.isPlain, status >= 502, status <= 504, let server else { return false }
        let condition = RetryPolicy.Conditions(status: status)
        guard mayTryAgain(after: condition) else { return false }
        pool.answered(server, status: status, isTrial: dispatch.isTrial)
        dispatch.isTrial = false
        return tryAgain(after: condition)
    }

    /// The head of the answer that will be passed on has come.
    func serverAnswered(status: Int) {
        record.answered = worker.loop.nanoseconds()
        guard let pool else { return }
        pool.answerTimes.record(record.answered &- record.forwarded)
        guard !pool.isPlain, let server else { return }
        pool.answered(server, status: status, isTrial: dispatch.isTrial)
        dispatch.isTrial = false
    }

    /// Whether the rules allow another try, were it not for the budget.
    private func mayTryAgain(after condition: RetryPolicy.Conditions) -> Bool {
        guard !condition.isEmpty, isReplayable, interimHeads == 0 else { return false }
        // Semantics §7: where nothing has reached a server, or where twice is as good as once.
        guard condition == .connectFailure || method.isIdempotent else { return false }
        let retries = pool.settings.retries
        return dispatch.tries < retries.attempts && retries.conditions.isSuperset(of: condition)
            && worker.loop.now < dispatch.deadline
    }

    /// False when there is no other try; nothing has changed then.
    private func tryAgain(after condition: RetryPolicy.Conditions) -> Bool {
        guard mayTryAgain(after: condition), let failed = server else { return false }
        var tried = dispatch.tried
        if failed.index >= 0 { tried.insert(failed.index) }
        guard pool.takeRetry(),
            case .server(let next, let isTrial) = pool.assign(self, key: dispatch.key, tried: tried, mayWait: false)
        else { return false }
        detach()?.close()
        pool.ended(failed, isTrial: dispatch.isTrial)
        dispatch.tries += 1
        dispatch.tried = tried
        worker.log.retried(condition, from: failed, to: next, of: pool, worker: worker)
        begin(at: next, isTrial: isTrial)
        sendAgain()
        return true
    }
}

// MARK: - Keys

extension Exchange {
    /// What the server is chosen by, of the request in `worker.requestHead`.
    func selectionKey(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ admission: borrowing Admission) -> UInt64? {
        switch pool.settings.choice {
        case .roundRobin, .leastRequests: return nil
        case .header(let name):
            for index in head.fields.lines.indices {
                let line = head.fields.lines[index]
                guard !line.isDropped, bytes.extracting(line.name.bounds).equalsIgnoringCase(name.span) else { continue }
                let value = bytes.extracting(line.value.bounds)
                return value.isEmpty ? nil : KeyHash.hash(value)
            }
            return nil
        case .claim(let name):
            guard let claims = admission.token?.token.claims, let member = claims.member(named: name.span) else { return nil }
            return claims.withString(of: member) { KeyHash.hash($0) } ?? claims.withValue(of: member) { KeyHash.hash($0) }
        }
    }
}
