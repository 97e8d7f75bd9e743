import Authentication
import Bytes
import EventLoop
import HTTP1
import Metrics

// MARK: - The answer

extension Exchange {
    /// Content up to this size is copied behind its head: that costs less than gathering two pieces in the kernel.
    private static let copiedBytesMax = 2048
    /// Interim heads (1xx) before the final one. Origins send one or two; each puts the response timeout off.
    private static let interimHeadsMax = 32

    func upstreamReceived(_ bytes: Span<UInt8>) {
        switch answer {
        case .awaitingHead: receiveHead(bytes)
        case .held: holdContent(bytes, from: 0)
        case .content: relayContent(bytes)
        case .tunnel: tunnel?.received(fromUpstream: bytes)
        case .finished: break
        }
    }

    private func receiveHead(_ bytes: Span<UInt8>) {
        guard let upstream else { return }
        defer { upstream.accountForInput() }
        if upstream.input.isEmpty {
            let used = relayHeads(bytes)
            if self.upstream === upstream, used < bytes.count { upstream.input.append(bytes.extracting(used...)) }
            return
        }
        upstream.input.append(bytes)
        var pending = ByteBuffer()
        swap(&pending, &upstream.input)
        let used = pending.withSpan { relayHeads($0) }
        guard self.upstream === upstream, used < pending.count else { return }
        pending.removeFirst(used)
        swap(&pending, &upstream.input)
    }

    /// Relays interim heads and then the final one with what content has come; the bytes used, all once it is final.
    private func relayHeads(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        while offset < bytes.count {
            let rest = bytes.extracting(offset...)
            do {
                guard try worker.responseHead.parse(rest, answering: method) else { return offset }
            } catch {
                tryFailed(.upstreamMalformed(.message(error)), as: [])
                return bytes.count
            }
            if worker.responseHead.isInterim {
                interimHeads += 1
                guard interimHeads <= Self.interimHeadsMax else {
                    fail(.upstreamMalformed(.tooManyInterimHeads(limit: Self.interimHeadsMax)))
                    return bytes.count
                }
                relayInterimHead(rest)
                guard upstream != nil else { return bytes.count }
                offset += worker.responseHead.length
                continue
            }
            guard !isBettered(status: worker.responseHead.status) else { return bytes.count }
            serverAnswered(status: worker.responseHead.status)
            if worker.responseHead.isUpgrade {
                openTunnel(rest)
            } else if login == nil || !holdAnswer(rest) {
                relayFinalHead(rest)
            }
            return bytes.count
        }
        return offset
    }

    private func relayInterimHead(_ bytes: Span<UInt8>) {
        if worker.responseHead.status == 100 { hasRelayedContinue = true }
        guard version == .http11 else { return }  // RFC 9110 §15.2: not to HTTP/1.0 clients
        Self.appendStatusLine(bytes, &worker.responseHead, to: &worker.headOutput)
        worker.responseHead.fields.appendKept(from: bytes, to: &worker.headOutput)
        worker.headOutput.append("\r\n")
        if let downstream { write(bytes.extracting(0..<0), to: downstream) }
    }

    private func relayFinalHead(_ bytes: Span<UInt8>) {
        guard let downstream else { return }
        keepsUpstream = worker.responseHead.isPersistent
        responseContent = ContentDecoder(worker.responseHead.framing)
        guard beginFinalAnswer(bytes, to: downstream) else { return }
        relayContent(bytes, from: worker.responseHead.length, to: downstream)
    }

    /// Composes the final head, in `worker.responseHead` and parsed from `bytes`, for the client: into `worker.headOutput`.
    /// - Parameters:
    ///   - count: bytes of what the content is replaced with; nil: it stays.
    ///   - status: in place of the one in the head.
    ///   - lines: to be added, each with its CRLF.
    /// - Returns: false when the exchange is over.
    func beginFinalAnswer(
        _ bytes: Span<UInt8>, to downstream: DownstreamConnection, replacingContentWith count: Int? = nil, status: Int? = nil,
        adding lines: [UInt8] = []
    ) -> Bool {
        guard let authenticator = snapshot?.authenticator, let admission = admission.take() else { return false }
        downstreamFraming = count.map { .length($0) } ?? worker.responseHead.framing
        var endsByClose = false
        switch downstreamFraming {
        case .chunked, .untilClose:
            endsByClose = version == .http10
            downstreamFraming = endsByClose ? .untilClose : .chunked
        case .none, .length: break
        }
        // A client that still waits for `100 Continue` may or may not send its content now.
        let contentMayNotCome = expectsContinue && !hasRelayedContinue && contentBytes == 0 && !requestIsWhole
        keepsDownstream = clientPersists && downstream.mayPersist && !endsByClose && !contentMayNotCome

        let lasting = lastingKind(bytes, route: admission.route)
        if lasting != .free, authenticator.isRevoked(admission, now: worker.numericDate) {
            fail(.revoked(origin))
            return false
        }
        let before = authenticator.tokenCounts.minted
        let outcome = authenticator.prepareResponse(
            admission, &worker.responseHead, bytes: bytes, now: worker.numericDate, instant: worker.loop.now.milliseconds)
        if authenticator.tokenCounts.minted != before { worker.minted(since: record.answered) }
        worker.renewalDecided(outcome, admission, &record)
        record.status = Int32(truncatingIfNeeded: status ?? worker.responseHead.status)
        worker.sessionSeen(admission, outcome, authenticator)
        worker.log.admitted(
            admission, route: snapshot?.routes.names[admission.route] ?? "", outcome: outcome, status: status ?? worker.responseHead.status, peer: downstream.client, worker: worker)
        composeAnswerHead(bytes, &worker.responseHead, admission, outcome, authenticator, status: status, adding: lines)
        // Before anything is sent: a client that has seen the beginning may slide its session at once.
        if lasting != .free { becomeStream(lasting, admission) }
        return true
    }

    private func composeAnswerHead(
        _ bytes: Span<UInt8>, _ head: inout ResponseHead, _ admission: borrowing Admission, _ outcome: RenewalOutcome,
        _ authenticator: Authenticator, status: Int?, adding lines: [UInt8]
    ) {
        var output = ByteBuffer()
        swap(&output, &worker.headOutput)
        if let status, status != head.status {
            output.removeAll()
            output.appendStatusLine(status)
        } else {
            Self.appendStatusLine(bytes, &head, to: &output)
        }
        worker.snapshot.explanation?.drop(from: &head.fields, bytes)
        if let security = downstream?.security { security.appendStrictTransport(replacing: &head.fields, bytes, to: &output) }
        head.fields.appendKept(from: bytes, to: &output)
        authenticator.appendResponseFields(admission, outcome, head, bytes: bytes, now: worker.numericDate, to: &output)
        if !lines.isEmpty { output.append(lines) }
        if record.isExplained { worker.appendExplanation(of: admission, record, authenticator, to: &output) }
        if head.fields.firstIndex(of: .date) == nil { worker.appendDate(to: &output) }
        switch downstreamFraming {
        case .none:
            // Answers to HEAD and 304 tell the length of what they do not carry (RFC 9110 §8.6).
            guard method == .head || head.status == 304, let length = head.contentLength else { break }
            Self.appendContentLength(length, to: &output)
        case .length(let length): Self.appendContentLength(length, to: &output)
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .untilClose: break
        }
        if !keepsDownstream {
            output.append("Connection: close\r\n")
        } else if version == .http10 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
        swap(&output, &worker.headOutput)
    }

    /// Begins `buffer` anew.
    private static func appendStatusLine(_ bytes: Span<UInt8>, _ head: inout ResponseHead, to buffer: inout ByteBuffer) {
        buffer.removeAll()
        buffer.append("HTTP/1.1 ")
        buffer.append(decimal: head.status)
        buffer.append(0x20)
        buffer.append(bytes.extracting(head.reason.bounds))
        buffer.append("\r\n")
    }

    private static func appendContentLength(_ length: Int, to buffer: inout ByteBuffer) {
        buffer.append("Content-Length: ")
        buffer.append(decimal: length)
        buffer.append("\r\n")
    }

    private func relayContent(_ bytes: Span<UInt8>) {
        guard let downstream else { return }
        worker.headOutput.removeAll()
        relayContent(bytes, from: 0, to: downstream)
    }

    /// Sends content on, behind what is in `worker.headOutput`, and ends the exchange with it.
    func relayContent(_ bytes: Span<UInt8>, from start: Int, to downstream: DownstreamConnection) {
        var offset = start
        var direct = start..<start  // content that needs no framing: passed on from where it lies
        var isWhole = false
        do throws(MessageError) {
            decoding: while true {
                switch try responseContent.next(bytes, from: &offset) {
                case .content(let range):
                    record.bytesSent &+= range.count
                    if downstreamFraming.isChunked {
                        worker.headOutput.appendChunk(bytes.extracting(range))
                    } else if direct.isEmpty {
                        direct = range
                    } else {  // de-chunked for HTTP/1.0: the pieces do not adjoin
                        worker.headOutput.append(bytes.extracting(direct))
                        direct = range
                    }
                case .end:
                    isWhole = true
                    if downstreamFraming.isChunked {
                        if login == nil {
                            responseContent.withTrailers { worker.headOutput.appendLastChunk(trailers: $0) }
                        } else {
                            appendTrailersOfLogin()
                        }
                    }
                    break decoding
                case .needsMore: break decoding
                }
            }
        } catch {
            return fail(.upstreamMalformed(.message(error)))
        }
        answer = .content  // not before: until something is sent, what is wrong can still be answered with 502
        guard write(bytes.extracting(direct), to: downstream, isLast: isWhole) else { return }
        if isWhole { finish(hasExcess: offset < bytes.count) }
    }

    /// Sends `worker.headOutput` and `content`; false when that ended the exchange.
    /// - Parameter isLast: nothing follows, and so nothing is waited for.
    @discardableResult
    func write(_ content: Span<UInt8>, to downstream: DownstreamConnection, isLast: Bool = false) -> Bool {
        let result: ByteStream.WriteResult
        if content.isEmpty || !worker.headOutput.isEmpty && content.count <= Self.copiedBytesMax {
            worker.headOutput.append(content)
            result = worker.headOutput.withSpan { downstream.stream.write($0) }
        } else {
            result = worker.headOutput.withSpan { downstream.stream.write($0, content) }
        }
        switch result {
        case .written: if !isLast { downstream.setDeadline(afterMilliseconds: contentTimeout) }
        case .queued:
            upstream?.stream.pauseReading()
            downstream.waitForDrain()
        case .failed:
            downstream.connectionLost()
            return false
        }
        return true
    }

    func downstreamDrained() {
        upstream?.stream.resumeReading()
        if let tunnel { return tunnel.downstreamDrained() }
        guard login?.isAsking != true else { return }
        downstream?.setDeadline(afterMilliseconds: contentTimeout)
    }

    func upstreamEnded() {
        switch answer {
        case .awaitingHead: upstreamLost(nil)
        case .held: heldAnswerEnded()
        case .content:
            do {
                try responseContent.endOfStream()
            } catch {
                return fail(.upstreamClosed)
            }
            endContent()
        case .tunnel: tunnel?.ended(.upstreamEnded)
        case .finished: break
        }
    }

    /// What has been sent is the whole answer.
    func endContent() {
        keepsUpstream = false
        worker.headOutput.removeAll()
        if downstreamFraming.isChunked {
            worker.headOutput.appendLastChunk()
            let nothing: [UInt8] = []
            guard let downstream, write(nothing.span, to: downstream) else { return }
        }
        finish(hasExcess: false)
    }

    func upstreamFailed(_ error: SocketError) {
        switch answer {
        case .awaitingHead: upstreamLost(error)
        case .held, .content: fail(.upstreamClosed)
        case .tunnel: closeTunnel(.upstreamLost)
        case .finished: break
        }
    }
}

// MARK: - Ending

extension Exchange {
    /// The answer is complete.
    func finish(hasExcess: Bool) {
        answer = .finished
        returnUpstream(hasExcess: hasExcess)
        end { downstream, unread in
            downstream.exchangeEnded(keepingConnection: keepsDownstream, unreadContent: unread)
        }
    }

    /// The upstream's answer is complete.
    func returnUpstream(hasExcess: Bool) {
        guard let connection = detach() else { return }
        // What follows an answer nobody has asked for must not reach the next client.
        if hasExcess { connection.noteExcess() }
        let isClean = keepsUpstream && requestIsWhole && !hasExcess && connection.stream.queuedBytes == 0
        isClean ? connection.release() : connection.close()
    }

    /// The answer cannot be had, or not to its end.
    func fail(_ failure: Failure) {
        detach()?.close()
        let hasBegun = answer != .awaitingHead && answer != .held
        answer = .finished
        let keeps = failure.leavesFramingIntact && clientPersists && requestIsWhole && (downstream?.mayPersist ?? false)
        let (method, version, origin) = (method, version, origin)
        // Length and chunks show that an answer was cut short; one that ends with the connection shows it by a reset alone.
        var needsReset = false
        if case .untilClose = downstreamFraming { needsReset = true }
        if case .downstreamTimeout = failure { needsReset = true }
        if let downstream { worker.log.failed(failure, midway: hasBegun, peer: downstream.client, worker: worker) }
        let code = Problem(failure).code
        if hasBegun { record.fails(failure, code: code) }
        end(answering: !hasBegun) { downstream, _ in
            if hasBegun {
                worker.count(failure, code: code, midway: true)
                needsReset ? downstream.abort() : downstream.closeGracefully()
            } else {
                downstream.answer(failure, keepingConnection: keeps, origin: origin, method: method, version: version)
                if keeps { downstream.exchangeEnded(keepingConnection: true, unreadContent: nil) }
            }
        }
    }

    /// The client's connection is gone, and with it the one upstream: nothing says how much of an answer is to come.
    func downstreamLost() {
        leaveStreams(.clientLost)
        detach()?.close()
        record.clientHasGone(beforeAnswer: answer == .awaitingHead || answer == .held)
        answer = .finished
        end { _, _ in }
    }

    func downstreamEnded() {
        if let tunnel { return tunnel.ended(.clientEnded) }
        // A client may close its sending side and still read. With a request cut short it has gone; and the reader of an
        // event stream has, too: no browser does one without the other, and silence would not tell for minutes.
        var isReaderOfEvents = false
        if case .events = lasting { isReaderOfEvents = true }
        if !requestIsWhole || isReaderOfEvents { downstream?.connectionLost() }
    }

    func deadlineExpired() {
        if let tunnel { return tunnel.deadlineExpired() }
        if answer == .held { return holdExpired() }
        guard let upstream else {
            guard isInLine else { return }
            worker.count(.queueTimeouts)
            return fail(.upstreamQueueTimeout)
        }
        if case .events = lasting, answer == .content, downstream?.stream.queuedBytes == 0 {
            endStream(.idle)
        } else if answer == .content {
            fail(downstream?.stream.queuedBytes == 0 ? .upstreamTimeout : .downstreamTimeout)
        } else if !upstream.isConnected {
            connectFailed(.upstreamConnectTimeout)
        } else if !requestIsWhole, !upstreamHasStoppedReading, upstream.stream.queuedBytes == 0 {
            fail(.requestTimeout)
        } else {
            responseTimedOut()
        }
    }

    /// Hands the exchange back to the worker, and then the connection its next task: the two may meet again at once.
    /// - Parameter answering: the next task is an answer of the gateway's own, and the request ends with that.
    func end(answering: Bool = false, _ next: (DownstreamConnection, consuming ContentDecoder?) -> Void) {
        guard let downstream else { return }
        if streamSlot >= 0 { leaveStreams(.upstreamEnded) }
        if login != nil { leaveLogin() }
        var unread: ContentDecoder?
        if !requestIsWhole {
            var content = ContentDecoder(.none)
            swap(&content, &requestContent)
            unread = consume content
        }
        if holdsRequestSlot { returnRequestSlot() }
        answering ? returnRecord() : endRecord()
        leavePool()
        self.downstream = nil
        admission = nil
        snapshot = nil
        pool = nil
        worker.recycle(self)
        next(downstream, unread)
    }
}
