import Authentication
import Bytes
import EventLoop
import HTTP1
import Sessions

/// What an exchange on a login route has beside all others: what its answer is captured with, and the answer while it is held
/// back. `LoginCapture` says what to do next; the exchange does it.
final class LoginExchange: StoreCaller {
    private unowned let exchange: Exchange
    let sessions: SessionService
    let request: LoginRequest
    let login: Int
    var capture: LoginCapture?
    var ticket: StoreTicket?
    /// The final head as `capture` has left it, and what it was parsed from.
    var head = ResponseHead()
    var headBytes: [UInt8] = []
    /// Decoded.
    var content = ByteBuffer()
    /// What came behind it while it was not wanted, as it came.
    var rest = ByteBuffer()
    private var accounted = 0

    init(_ exchange: Exchange, _ sessions: SessionService, _ login: Int, _ request: LoginRequest) {
        self.exchange = exchange
        self.sessions = sessions
        self.login = login
        self.request = request
    }

    var isAsking: Bool { ticket != nil }

    func storeReplied(_ reply: Result<StoreReply, StoreError>) {
        ticket = nil
        exchange.storeReplied(reply)
    }

    func accountForContent(on loop: EventLoop) {
        loop.account(for: headBytes.count + content.count + rest.count, accounted: &accounted)
    }

    func release(on loop: EventLoop) {
        headBytes = []
        content.release()
        rest.release()
        accountForContent(on: loop)
    }
}

// MARK: - Holding the answer to a login back

extension Exchange {
    /// For the request in `worker.requestHead`, parsed from `bytes`, which has been admitted.
    func prepareLogin(
        _ login: Int, _ sessions: SessionService, _ origin: CrossOrigin, _ bytes: Span<UInt8>, address: String
    ) {
        let request = sessions.endpoints.prepareLogin(login, &worker.requestHead, bytes: bytes, origin: origin, address: address)
        self.login = LoginExchange(self, sessions, login, request)
    }

    /// Looks at the final head, in `worker.responseHead` and parsed from `bytes`; false when the answer is like any other.
    func holdAnswer(_ bytes: Span<UInt8>) -> Bool {
        guard let login, let downstream else { return false }
        let capture = login.sessions.endpoints.captureLogin(
            login.request, &worker.responseHead, bytes: bytes, now: worker.numericDate)
        if case .pass(let outcome) = capture.next {
            if let outcome { worker.note(outcome, status: worker.responseHead.status, client: downstream.client) }
            return false
        }
        let length = worker.responseHead.length
        keepsUpstream = worker.responseHead.isPersistent
        responseContent = ContentDecoder(worker.responseHead.framing)
        login.head = worker.responseHead
        login.headBytes = Array(copying: bytes.extracting(0..<length))
        login.capture = capture
        answer = .held
        if case .length(let count) = login.head.framing, count > capture.contentBytesMax { login.capture?.contentTooLarge() }
        holdContent(bytes, from: length)
        return true
    }

    /// What has come of the answer that is held back.
    func holdContent(_ bytes: Span<UInt8>, from start: Int) {
        guard let login else { return }
        defer { login.accountForContent(on: worker.loop) }
        if upstream == nil { return }  // it is whole, and was found to be
        guard case .receive? = login.capture?.next else {
            login.rest.append(bytes.extracting(start...))
            upstream?.stream.pauseReading()
            if !login.isAsking { decideLogin() }
            return
        }
        var offset = start
        do throws(MessageError) {
            decoding: while true {
                switch try responseContent.next(bytes, from: &offset) {
                case .content(let range): login.content.append(bytes.extracting(range))
                case .end: break decoding
                case .needsMore: break decoding
                }
            }
        } catch {
            return fail(.upstreamMalformed(.message(error)))
        }
        let isWhole = responseContent.isComplete
        if isWhole { returnUpstream(hasExcess: offset < bytes.count) }
        // At most what one read brings beyond the bound.
        if login.content.count > login.capture?.contentBytesMax ?? 0 {
            login.capture?.contentTooLarge()
        } else if isWhole {
            login.capture?.contentEnded(login.content.bytes(), now: worker.numericDate)
        } else {
            downstream?.setDeadline(afterMilliseconds: contentTimeout)
            return
        }
        decideLogin()
    }

    /// The upstream has ended its side.
    func heldAnswerEnded() {
        do {
            try responseContent.endOfStream()
        } catch {
            return fail(.upstreamClosed)
        }
        guard let login, case .receive? = login.capture?.next else { return }
        returnUpstream(hasExcess: false)
        login.capture?.contentEnded(login.content.bytes(), now: worker.numericDate)
        decideLogin()
    }

    func storeReplied(_ reply: Result<StoreReply, StoreError>) {
        login?.capture?.storeAnswered(reply, now: worker.numericDate)
        decideLogin()
    }

    func holdExpired() {
        guard let login, let ticket = login.ticket else { return fail(.upstreamTimeout) }
        login.storeReplied(worker.storeTimedOut(ticket))
    }

    /// Does what the capture says, behind each of its steps.
    private func decideLogin() {
        while let login, let downstream, let next = login.capture?.next {
            switch next {
            case .receive: return
            case .ask(let request):
                login.ticket = worker.ask(request, login.sessions.settings.store, for: login)
                guard login.ticket == nil else {
                    return downstream.setDeadline(afterMilliseconds: login.sessions.settings.storeTimeout)
                }
                login.capture?.storeAnswered(.failure(.away("too many questions wait for it")), now: worker.numericDate)
            case .pass(let outcome):
                if let outcome { worker.note(outcome, status: login.head.status, client: downstream.client) }
                return passHeldAnswer(login, to: downstream, adding: [])
            case .grant(let grant):
                worker.note(grant.outcome, status: grant.status, client: downstream.client)
                let bytes = login.headBytes
                grant.edit(&login.head, bytes: bytes.span)
                guard let content = grant.content else { return passHeldAnswer(login, to: downstream, adding: grant.lines) }
                return send(grant, content, login, to: downstream)
            case .answer(let answer): return send(answer)
            }
        }
    }

    /// Sends what was held, and lets the rest follow as it comes.
    private func passHeldAnswer(_ login: LoginExchange, to downstream: DownstreamConnection, adding lines: [UInt8]) {
        worker.responseHead = login.head
        let bytes = login.headBytes
        guard beginFinalAnswer(bytes.span, to: downstream, adding: lines) else { return }
        login.content.withSpan { content in
            guard !content.isEmpty else { return }
            record.bytesSent &+= content.count
            downstreamFraming.isChunked ? worker.headOutput.appendChunk(content) : worker.headOutput.append(content)
        }
        let rest = login.rest.bytes()
        login.capture = nil
        login.release(on: worker.loop)
        relayContent(rest.span, from: 0, to: downstream)
        // Reading was paused while the store was asked; a client that takes nothing keeps it so.
        if self.login === login, downstream.stream.queuedBytes == 0 { upstream?.stream.resumeReading() }
    }

    /// Sends the upstream's answer with other content.
    private func send(_ grant: LoginGrant, _ content: [UInt8], _ login: LoginExchange, to downstream: DownstreamConnection) {
        worker.responseHead = login.head
        let bytes = login.headBytes
        guard
            beginFinalAnswer(
                bytes.span, to: downstream, replacingContentWith: content.count, status: grant.status, adding: grant.lines)
        else { return }
        answer = .content
        let nothing: [UInt8] = []
        if method != .head { record.bytesSent = content.count }
        guard write(method == .head ? nothing.span : content.span, to: downstream) else { return }
        finish(hasExcess: false)
    }

    /// Answers in the upstream's place.
    private func send(_ ownAnswer: EndpointAnswer) {
        detach()?.close()  // one whose answer was whole has gone back already
        answer = .finished
        let keeps = clientPersists && requestIsWhole && (downstream?.mayPersist ?? false)
        let (method, version) = (method, version)
        end(answering: true) { downstream, _ in
            worker.note(ownAnswer.outcome, status: ownAnswer.status, client: downstream.client)
            worker.compose(
                ownAnswer, keepingConnection: keeps, method: method, version: version, security: downstream.security)
            worker.record.answered(ownAnswer, method)
            guard downstream.sendComposedAnswer() else { return }
            downstream.exchangeEnded(keepingConnection: keeps, unreadContent: nil)
        }
    }

    /// Ends chunked content with the trailers that are meant for the client.
    func appendTrailersOfLogin() {
        guard let login else { return }
        var kept = ByteBuffer()
        responseContent.withTrailers {
            Self.append($0, to: &kept) { !login.sessions.endpoints.isClaimsField(trailer: $0, of: login.login) }
        }
        kept.withSpan { worker.headOutput.appendLastChunk(trailers: $0) }
    }

    /// The exchange is over.
    func leaveLogin() {
        guard let login else { return }
        if let ticket = login.ticket { worker.storeCalls.hangUp(ticket) }
        login.ticket = nil
        login.capture = nil
        login.release(on: worker.loop)
        self.login = nil
    }
}
