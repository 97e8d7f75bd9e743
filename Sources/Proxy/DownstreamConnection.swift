import Authentication
import Bytes
import EventLoop
import HTTP1
import JOSE
import Throttling

/// A client's connection: collects request heads, runs one exchange at a time, in the order the requests came.
final class DownstreamConnection: TableEntry {
    /// Requests that came early (pipelined) wait here up to this size, or that of a head; then reading pauses.
    private static let earlyInputBytesMax = 64 * 1024
    /// How long the client may take to notice that we have closed our side, in milliseconds.
    private static let lingerTime: Int64 = 2_000

    enum Phase {
        /// Before the first byte of the connection's own: a proxy says whose connection it is.
        case awaitingProxyHeader
        /// Between two messages, or within a head.
        case awaitingHead
        case exchanging(Exchange)
        /// The gateway itself answers, when it has the request's content and the store's word.
        case serving(EndpointExchange)
        /// The answer has been sent; the rest of the request's content is read and dropped.
        case discarding(DiscardedContent)
        /// Our side is closed, or will be when the queue is written; input is dropped until the client closes too.
        /// Closing at once would answer unread input with a reset, and that can destroy the answer on its way.
        case lingering(left: Int)
        case closed
    }

    let worker: Worker
    /// Who is at the other end: of this connection, or of the one that a PROXY header tells of.
    var peer: SocketAddress
    /// Who has sent the request, trusted proxies apart: what logs and limits go by.
    var client: SocketAddress
    /// Whether `client` may be another than `peer`.
    var hasNamedClient = false
    /// What the client connected to, where a PROXY header tells; nil: the gateway itself.
    var destination: SocketAddress?
    let stream: ByteStream
    /// Nil: the client speaks in clear.
    let security: ListenerSecurity?
    /// Requests are told to come again over HTTPS, at this port.
    let redirectPort: Int?
    /// For the upstream: who the client is by its certificate; empty when nobody asks or it has shown none.
    var subjectLine: [UInt8] = []
    private let slot: Int
    private var phase: Phase
    /// Bytes that no message has claimed yet: the beginning of a head, or requests that came early.
    private var input = ByteBuffer()
    private var accountedInput = 0
    /// How much of `input` is known to be no whole head: of more, only what is new must be looked at.
    private var unfinishedHeadBytes = 0
    private var inputHasEnded = false
    private var isConsuming = false

    // For `DownstreamConnection+Limits.swift`.
    /// What the limit on connections counts this one as.
    var countedAs: ClientKey?
    /// It was accepted only to be told that there are too many.
    var isRefused = false
    var pace = Pace()
    /// Whether `pace` measures the request's content.
    var isPacing = false
    /// What the client had not taken when it was last looked at: less by now is progress.
    var untakenAtDeadline = 0
    var lastTaken = Instant.never

    init(_ socket: AcceptedSocket, via listener: ListenerSettings, of worker: Worker) {
        self.worker = worker
        peer = socket.peer
        client = socket.peer
        slot = worker.table.reserveSlot()
        security = listener.security
        redirectPort = listener.redirectPort
        phase = listener.proxyProtocol ? .awaitingProxyHeader : .awaitingHead
        stream = ByteStream(socket, on: worker.loop, tls: listener.proxyProtocol ? nil : listener.security?.server)
        worker.table.insert(self, at: slot)
        stream.start(for: self)
        setDeadline(afterMilliseconds: worker.timeouts.head)
        if !listener.proxyProtocol, !countConnection() { refuseConnection() }
    }

    func setDeadline(afterMilliseconds milliseconds: Int64) {
        worker.table.setDeadline(afterMilliseconds: milliseconds, at: slot)
    }

    func setDeadline(at instant: Instant) { worker.table.setDeadline(instant, at: slot) }

    var isIdle: Bool { isAwaitingHead && input.isEmpty }

    /// Whether the next message may begin: the answers to those before are on their way.
    private var isAwaitingHead: Bool {
        if case .awaitingHead = phase { stream.queuedBytes == 0 } else { false }
    }

    /// Whether the connection may outlive the answer to a request that asked for it. Requests that have come already are
    /// answered even while draining.
    var mayPersist: Bool { !worker.isDraining || !input.isEmpty }
}

// MARK: - Input

extension DownstreamConnection: ByteStreamHandler {
    func streamReceived(_ bytes: Span<UInt8>) {
        guard input.isEmpty else {
            keep(bytes)
            return consumeInput()
        }
        let consumed = consume(bytes)
        keep(bytes.extracting(consumed...))
    }

    private func keep(_ rest: Span<UInt8>) {
        guard !rest.isEmpty else { return }
        switch phase {
        case .closed, .lingering: return
        case .awaitingHead where isIdle: awaitHead()
        case .awaitingProxyHeader, .awaitingHead, .exchanging, .serving, .discarding: break
        }
        input.append(rest)
        accountForInput()
        if isAwaitingHead { headProgressed(input.count) }
        updateReading()
        if worker.pressure.level == .full, isAwaitingHead { refuse(.overloaded, keepingConnection: false) }
    }

    private func accountForInput() { worker.loop.account(for: input.count, accounted: &accountedInput) }

    /// Reading is paused while enough waits here, or while the exchange has all it can pass on.
    func updateReading() {
        var isBlocked = inputHasEnded || input.count >= max(Self.earlyInputBytesMax, worker.limits.head.headBytesMax)
        if case .exchanging(let exchange) = phase, exchange.isBlockedByUpstream { isBlocked = true }
        isBlocked ? stream.pauseReading() : stream.resumeReading()
    }

    /// Goes on with what has been kept, as far as it reaches.
    private func consumeInput() {
        guard !isConsuming else { return }  // the call under way goes on with all there is
        guard !input.isEmpty else { return inputConsumed() }
        // Out of the property for the time being: an exchange that ends meanwhile must not find it half consumed.
        var pending = ByteBuffer()
        swap(&pending, &input)
        isConsuming = true
        let consumed = pending.withSpan { consume($0) }
        isConsuming = false
        pending.removeFirst(consumed)
        guard stream.isOpen else { return }
        if !pending.isEmpty { swap(&pending, &input) }
        accountForInput()
        // Behind a message the next head has begun, and its time with it.
        if consumed > 0, !input.isEmpty, isAwaitingHead { awaitHead() }
        inputConsumed()
    }

    /// What could be done with the input so far is done.
    private func inputConsumed() {
        guard inputHasEnded else { return updateReading() }
        // A client that has closed its sending side gets the answers to all it has sent, and no more can follow.
        switch phase {
        case .awaitingHead where stream.queuedBytes == 0, .discarding: closeGracefully()
        case .exchanging(let exchange): exchange.downstreamEnded()
        case .serving(let exchange): exchange.downstreamEnded()
        case .awaitingProxyHeader, .awaitingHead, .lingering, .closed: break
        }
    }

    /// Gives bytes to whatever the connection is doing, message after message; the number of bytes used.
    private func consume(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        while offset < bytes.count {
            let rest = bytes.extracting(offset...)
            let consumed: Int
            switch phase {
            case .awaitingProxyHeader: consumed = consumeProxyHeader(rest)
            case .awaitingHead:
                // A client that sends requests and reads no answers gets no further ones.
                consumed = stream.queuedBytes == 0 ? consumeHead(rest) : 0
            case .exchanging(let exchange):
                consumed = exchange.requestReceived(rest)
            case .serving(let exchange):
                consumed = exchange.requestReceived(rest)
            case .discarding(let content):
                consumed = discard(rest, as: content)
            case .lingering(let left):
                phase = .lingering(left: left - rest.count)
                if left < rest.count { close() }
                return bytes.count
            case .closed:
                return bytes.count
            }
            guard consumed > 0 else { break }
            offset += consumed
        }
        return offset
    }

    private func consumeHead(_ bytes: Span<UInt8>) -> Int {
        do {
            guard try worker.requestHead.parse(bytes, unchanged: unfinishedHeadBytes) else {
                unfinishedHeadBytes = bytes.count
                return 0
            }
        } catch {
            refuse(.message(error), keepingConnection: false)
            return bytes.count
        }
        unfinishedHeadBytes = 0
        let length = worker.requestHead.length
        return length + startExchange(bytes)
    }

    private func discard(_ bytes: Span<UInt8>, as content: DiscardedContent) -> Int {
        switch content.receive(bytes) {
        case .needsMore: return bytes.count
        case .ended(let offset):
            messageEnded()
            return offset
        case .isHopeless:
            closeGracefully()
            return bytes.count
        }
    }

    func streamEnded() {
        inputHasEnded = true
        switch phase {
        case .awaitingHead:
            // With answers still queued, requests may be waiting behind them.
            if stream.queuedBytes == 0 { close() }
        case .exchanging(let exchange): exchange.downstreamEnded()
        case .serving(let exchange): exchange.downstreamEnded()
        case .discarding, .lingering: stream.queuedBytes == 0 ? close() : closeGracefully()
        case .awaitingProxyHeader: rejectProxyHeader(because: "not there whole")
        case .closed: break
        }
    }

    func streamDrained() {
        switch phase {
        case .awaitingHead:
            input.isEmpty ? setDeadline(afterMilliseconds: worker.idleTimeout) : awaitHead()
            consumeInput()
        case .exchanging(let exchange): exchange.downstreamDrained()
        case .awaitingProxyHeader, .serving, .discarding: break
        case .lingering: closeGracefully()
        case .closed: break
        }
    }

    func streamConnected() { handshakeEnded() }

    func streamFailed(_ error: SocketError) {
        if case .lingering = phase { return close() }  // it was ending anyway
        stream.hasFailedHandshake ? handshakeFailed(error) : connectionLost()
    }

    /// The client is gone: nothing can be told it any more.
    func connectionLost() {
        switch phase {
        case .exchanging(let exchange): exchange.downstreamLost()
        case .serving(let exchange): exchange.downstreamLost()
        case .awaitingProxyHeader, .awaitingHead, .discarding, .lingering, .closed: break
        }
        close()
    }

    func deadlineExpired() {
        if case .exchanging(let exchange) = phase, exchange.isTunnel { return exchange.deadlineExpired() }
        if stream.queuedBytes > 0, isReadingFastEnough() { return }
        switch phase {
        case .awaitingProxyHeader: rejectProxyHeader(because: "not there in time")
        case .awaitingHead where stream.isHandshaking: handshakeExpired()
        case .awaitingHead where stream.queuedBytes > 0: close()
        case .awaitingHead where input.isEmpty: closeIdle()
        case .awaitingHead: refuse(.requestTimeout, keepingConnection: false)
        case .exchanging(let exchange): exchange.deadlineExpired()
        case .serving(let exchange): exchange.deadlineExpired()
        case .discarding, .lingering: close()
        case .closed: break
        }
    }

    /// The connection's own bytes begin.
    func proxyHeaderEnded() {
        phase = .awaitingHead
        setDeadline(afterMilliseconds: worker.timeouts.head)
    }
}

// MARK: - Exchanges

extension DownstreamConnection {
    /// Decides what becomes of the request whose head has just been parsed from `bytes`.
    /// - Returns: the bytes of content used behind the head.
    private func startExchange(_ bytes: Span<UInt8>) -> Int {
        worker.requestBegan()
        let snapshot = worker.snapshot!
        let failure = worker.isGuarded || hasNamedClient ? admitRequest(bytes, snapshot.edge) : nil
        if worker.accessLog != nil { worker.describeRequest(bytes, of: self, isForwarded: true) }
        if let explanation = snapshot.explanation {
            worker.record.isExplained = explanation.isAsked(by: client, worker.requestHead, bytes)
        }
        if let redirectPort {
            redirect(bytes, toPort: redirectPort)
            return 0
        }
        if let failure {
            answerRequest(failure)
            return 0
        }
        if !snapshot.decisionPoints.isEmpty, let (point, question) = question(bytes, snapshot) {
            decide(question, at: point, snapshot, bytes)
            return 0
        }
        let rest = bytes.extracting(worker.requestHead.length...)
        let target: NormalizedTarget
        do {
            target = try worker.normalizeTarget(of: bytes)
        } catch {
            answerRequest(error)
            return 0
        }
        if let files = snapshot.servedFiles,
            let match = worker.withPath(target, bytes, { files.match(worker.requestHead.method, path: $0) })
        {
            switch match {
            case .file(let file): answer(with: file, bytes)
            case .refuse(let refusal): refuse(refusal, target, bytes)
            }
            return 0
        }
        if let sessions = snapshot.sessions, let match = worker.withPath(target, bytes, { sessions.endpoints.match($0) }) {
            return serve(match, sessions, snapshot, target, bytes)
        }
        guard snapshot.isProxy else {
            answerRequest(.refusal(Refusal(.noRoute)))
            return 0
        }
        let now = worker.numericDate
        let verificationPause = worker.isGuarded ? worker.verificationPause(of: client) : 0
        let authenticator = snapshot.authenticator
        let before = authenticator.tokenCounts
        let decision = worker.withPath(target, bytes) { path in
            authenticator.authenticate(
                &worker.requestHead, path: path, bytes: bytes, now: now, instant: worker.loop.now.milliseconds,
                verificationPause: verificationPause)
        }
        worker.authenticated(authenticator, since: before)
        switch consume decision {
        case .refuse(let refusal):
            refuse(refusal, target, bytes)
            return 0
        case .preflight(let preflight):
            answerPreflight(preflight)
            return 0
        case .admit(let admission):
            worker.routeFound(admission.route, snapshot)
            if !snapshot.shadowGroups.isEmpty {
                worker.withPath(target, bytes) { noteShadow(admission, snapshot.authenticator, path: $0, bytes) }
            }
            let contentBytesMax = snapshot.contentBytesMax(ofRoute: admission.route)
            if case .length(let length) = worker.requestHead.framing, length > contentBytesMax {
                answerRequest(.contentTooLarge(limit: contentBytesMax), origin: admission.origin)
                return 0
            }
            let requestsMax = snapshot.edge.requestsMax
            if let requestsMax, !worker.takeRequestSlot(requestsMax) {
                answerRequest(.overloaded, origin: admission.origin)
                return 0
            }
            let exchange = worker.takeExchange()
            exchange.contentBytesMax = contentBytesMax
            exchange.holdsRequestSlot = requestsMax != nil
            if let sessions = snapshot.sessions, let login = sessions.login(ofRoute: admission.route) {
                exchange.prepareLogin(login, sessions, admission.origin, bytes, address: client.hostText)
            }
            isPacing = false
            phase = .exchanging(exchange)
            exchange.takeRecord(admission)
            return exchange.begin(admission, for: self, snapshot: snapshot, target: target, head: bytes, content: rest)
        }
    }

    private func refuse(_ refusal: Refusal, _ target: NormalizedTarget, _ bytes: Span<UInt8>) {
        worker.withPath(target, bytes) { note(refusal, path: $0, bytes) }
        answerRequest(.refusal(refusal), isLogged: true)
    }

    /// Counts and logs that the request in `worker.requestHead`, parsed from `bytes`, is refused.
    /// - Parameter isAsked: a proxy in front has asked for the decision.
    func note(_ refusal: Refusal, path: Span<UInt8>, _ bytes: Span<UInt8>, isAsked: Bool = false) {
        noteCause(of: refusal)
        let method = bytes.extracting(worker.requestHead.methodName.bounds)
        let route = worker.nameOfRoute(refusal.route)
        worker.log.refused(
            refusal, route: route, method: method, path: path, peer: client, token: refusal.token, isAsked: isAsked, worker: worker)
        worker.refusals.add(
            refusal, at: worker.loop.wallSeconds, method: method, path: path, client: client, route: route, isAsked: isAsked)
    }

    /// What a refusal leads to elsewhere, be it one in shadow mode.
    func noteCause(of refusal: Refusal) {
        if worker.isGuarded, refusal.isAboutForgery { worker.noteFailedVerification(of: client) }
        if case .token(.keysUnavailable) = refusal.kind { worker.keysWereMissing() }
    }

    /// The gateway itself answers the request, at an endpoint for sessions.
    /// - Returns: the bytes of content used behind the head.
    private func serve(
        _ match: EndpointMatch, _ sessions: SessionService, _ snapshot: Snapshot, _ target: NormalizedTarget, _ bytes: Span<UInt8>
    ) -> Int {
        let requestsMax = snapshot.edge.requestsMax
        if let requestsMax, !worker.takeRequestSlot(requestsMax) {
            answerRequest(.overloaded)
            return 0
        }
        let exchange = EndpointExchange(for: self, snapshot, sessions, holdsRequestSlot: requestsMax != nil)
        isPacing = false
        phase = .serving(exchange)
        return exchange.begin(match, target, bytes)
    }

    /// The exchange is over and its answer written or queued: the next message may begin.
    func exchangeEnded(keepingConnection: Bool, unreadContent: consuming ContentDecoder?) {
        guard stream.isOpen else { return }
        guard keepingConnection else { return closeGracefully() }
        if let unread = unreadContent {
            discard(unread)
        } else {
            messageEnded()
        }
        consumeInput()
    }

    /// The exchange takes the request's content again.
    func exchangeResumed() { consumeInput() }

    /// What the client has sent behind its upgrade request belongs to the tunnel.
    func tunnelOpened() { consumeInput() }

    private func messageEnded() {
        phase = .awaitingHead
        if stream.queuedBytes > 0 {
            waitForDrain()
        } else if input.isEmpty {
            setDeadline(afterMilliseconds: worker.idleTimeout)
        } else {
            awaitHead()
        }
    }
}

// MARK: - Answers of the gateway's own

extension DownstreamConnection {
    /// Answers the request whose head is in `worker.requestHead` and keeps the connection where that is safe.
    func answerRequest(_ failure: Failure, origin: CrossOrigin = .absent, isLogged: Bool = false) {
        let head = worker.requestHead
        // Whoever waits for `100 Continue` may send the content or not: what follows cannot be told apart.
        let keeps =
            head.isPersistent && mayPersist && !head.expectsContinue && failure.leavesFramingIntact && worker.pressure.level != .full
        if !isLogged { worker.log.failed(failure, midway: false, peer: client, worker: worker) }
        answer(failure, keepingConnection: keeps, origin: origin, method: head.method, version: head.version)
        guard keeps, stream.isOpen else { return }
        dropContent(head.framing)
    }

    func dropContent(_ framing: ContentFraming) {
        guard framing.hasContent else { return messageEnded() }
        discard(ContentDecoder(framing))
    }

    private func discard(_ content: consuming ContentDecoder) {
        phase = .discarding(DiscardedContent(content))
        setDeadline(afterMilliseconds: worker.timeouts.body)
    }

    func answerPreflight(_ preflight: Preflight) {
        let head = worker.requestHead
        let keeps = head.isPersistent && mayPersist && !head.expectsContinue
        worker.composePreflightAnswer(preflight, keepingConnection: keeps, version: head.version, security: security)
        worker.record.answered(204, because: "preflight")
        guard sendComposedAnswer(), keeps else { return closeGracefully() }
        dropContent(head.framing)
    }

    private func answer(with file: ServedFile, _ bytes: Span<UInt8>) {
        let head = worker.requestHead
        let keeps = head.isPersistent && mayPersist && !head.expectsContinue
        let isKnown = file.isKnown(to: head.fields, bytes)
        worker.composeAnswer(
            file, isKnown: isKnown, method: head.method, keepingConnection: keeps, version: head.version, security: security)
        worker.record.answered(isKnown ? 304 : 200, because: "file")
        if !isKnown, head.method != .head { worker.record.bytesSent = file.content.count }
        guard sendComposedAnswer(), keeps else { return closeGracefully() }
        dropContent(head.framing)
    }

    /// Answers a request that came to no decision, and says so in the log.
    func refuse(_ failure: Failure, keepingConnection: Bool) {
        worker.requestBeganWithoutHead(from: client)
        worker.log.failed(failure, midway: false, peer: client, worker: worker)
        answer(failure, keepingConnection: keepingConnection)
    }

    /// Writes the gateway's own answer to the request in `worker.record`; without `keepingConnection` the connection then closes.
    func answer(
        _ failure: Failure, keepingConnection: Bool, origin: CrossOrigin = .absent, method: Method = .get,
        version: Version = .http11
    ) {
        let problem = Problem(failure)
        worker.count(failure, code: problem.code)
        worker.composeAnswer(
            to: failure, problem, keepingConnection: keepingConnection, origin: origin, method: method, version: version,
            security: stream.hasFailedHandshake ? nil : security)
        if case .refusal(let refusal) = failure, let route = refusal.route { worker.routeFound(route, worker.snapshot) }
        worker.record.failed(failure, problem)
        worker.record.bytesSent = method == .head ? 0 : worker.contentOutput.count
        let isSent = sendComposedAnswer()
        if !keepingConnection || !isSent { closeGracefully() }
    }

    /// Sends what is in `worker.headOutput`, and ends the request in `worker.record` with it. False when the client is gone.
    func sendComposedAnswer() -> Bool {
        let result = worker.headOutput.withSpan { stream.write($0) }
        if case .failed = result { worker.record.clientHasGone() }
        worker.requestEnded()
        switch result {
        case .written: return true
        case .queued:
            waitForDrain()
            return true
        case .failed:
            close()
            return false
        }
    }
}

// MARK: - Ending

extension DownstreamConnection {
    /// Ends our side behind what is queued, and drops input until the client ends its own.
    func closeGracefully() {
        guard stream.isOpen else { return }
        phase = .lingering(left: 1 << 20)
        input.release()
        accountForInput()
        if stream.queuedBytes == 0 {
            if inputHasEnded { return close() }
            stream.shutdownOutput()
            setDeadline(afterMilliseconds: Self.lingerTime)
        } else {
            waitForDrain()
        }
        if !inputHasEnded { stream.resumeReading() }
    }

    /// The answer was cut short: the client must not take it for whole.
    func abort() {
        guard stream.isOpen else { return }
        stream.abort()
        leaveTable()
    }

    func close() {
        guard stream.isOpen else { return }
        stream.close()
        leaveTable()
    }

    private func leaveTable() {
        phase = .closed
        input.release()
        accountForInput()
        if countedAs != nil { uncountConnection() }
        worker.connectionClosed()
        worker.table.remove(at: slot)
    }

    /// The worker is draining. An answer says `Connection: close` from now on, and so a connection ends behind its next
    /// request; one that is between two requests may wait for it, since the client has been promised that and may be
    /// sending it already. What is quiet for `timeouts.drain_idle` ends, and the risk of crossing a request is small then.
    func drain() {
        guard isIdle else { return }
        let latest = worker.loop.now.advanced(byMilliseconds: worker.idleTimeout)
        setDeadline(at: min(latest, worker.table.deadline(at: slot)))
    }

    /// The worker is at its end, and what is under way is cut.
    func workerEnds() {
        switch phase {
        case .exchanging(let exchange): exchange.workerEnds()
        case .serving(let exchange): exchange.workerEnds()
        case .awaitingProxyHeader, .awaitingHead, .discarding, .lingering, .closed: break
        }
    }

    /// No request has come for too long. One that has arrived in this very turn is still served.
    private func closeIdle() {
        guard !stream.hasUnreadInput else { return setDeadline(afterMilliseconds: worker.timeouts.head) }
        // A request that crosses the end on its way meets no reset then, which clients take for worse than an end.
        worker.isDraining ? closeGracefully() : close()
    }
}
