import Authentication
import Bytes
import EventLoop
import HTTP1

/// One admitted request and its answer: the mediator between a client's connection and an origin server's.
///
/// Both directions run at once and pace each other: what one side's socket does not take pauses reading on the other,
/// so that an exchange holds at most one read's worth of bytes each way, whatever its length. Kept and used again by
/// the worker, with the buffer for the upstream head, so that a request allocates nothing.
final class Exchange {
    /// A whole request of at most this size is kept until the answer begins, so that it can be sent again.
    private static let replayBytesMax = 16 * 1024

    enum Answer {
        case awaitingHead
        /// The final head is here, and held back with its content (`Sessions/Exchange+Login.swift`).
        case held
        case content
        /// 101 has been relayed: both sides are bytes without meaning to us.
        case tunnel
        case finished
    }

    let worker: Worker
    var downstream: DownstreamConnection?
    var upstream: UpstreamConnection?
    var snapshot: Snapshot?
    var pool: UpstreamPool!
    /// From its choice to the end; a plain pool's one at once.
    var server: UpstreamServer!
    var dispatch = Dispatch()
    /// Until the answer's head comes, which takes it.
    var admission: Admission!
    /// Until the exchange ends, or an answer of the gateway's own ends the request.
    var record = RequestRecord()
    /// Of the request, for answers of the gateway's own.
    var origin = CrossOrigin.absent

    // The request.
    var method = Method.get
    var version = Version.http11
    var clientPersists = false
    var wantsUpgrade = false
    var expectsContinue = false
    var requestFraming = ContentFraming.none
    var requestContent = ContentDecoder(.none)
    var requestIsWhole = false
    var contentBytes = 0
    var contentBytesMax = Int.max
    /// It is one of the requests that may be under way.
    var holdsRequestSlot = false
    /// The head sent upstream, and the content while all of it is here.
    var request = ByteBuffer()
    var isReplayable = false
    /// It closed while content was being sent; an answer may have come before that.
    var upstreamHasStoppedReading = false

    // The answer.
    var answer = Answer.awaitingHead
    var hasRelayedContinue = false
    var interimHeads = 0
    var responseContent = ContentDecoder(.none)
    var downstreamFraming = ContentFraming.none
    var keepsUpstream = false
    var keepsDownstream = false

    /// The longest wait between two pieces of the answer, in milliseconds.
    var contentTimeout: Int64 = 0

    /// What the answer may be held back for; nil for all but logins.
    var login: LoginExchange?

    // A tunnel, or an answer that lasts.
    var tunnel: Tunnel?
    var lasting = Lasting.free
    /// In the worker's streams; -1: it is none.
    var streamSlot = -1
    /// For the log.
    var streamRoute = ""
    var streamToken: Fingerprint?

    init(worker: Worker) { self.worker = worker }

    /// The upstream has not taken what the client has sent: no more is read from the client.
    var isBlockedByUpstream: Bool { !(answer == .finished) && (upstream?.stream.queuedBytes ?? 0) > 0 }

    /// Whether a tunnel has been opened.
    var isTunnel: Bool { answer == .tunnel }
}

// MARK: - The request

extension Exchange {
    /// Sends the admitted request upstream. Its head is in `worker.requestHead`, parsed from `head`.
    /// - Returns: the bytes of `content`, which follow the head, that belong to this request and have been used.
    func begin(
        _ admission: consuming Admission, for downstream: DownstreamConnection, snapshot: Snapshot,
        target: NormalizedTarget, head: Span<UInt8>, content: Span<UInt8>
    ) -> Int {
        origin = admission.origin
        record.forwarded = record.authenticated == 0 ? record.began : record.authenticated
        self.downstream = downstream
        self.snapshot = snapshot
        pool = snapshot.pool(ofRoute: admission.route)
        contentTimeout = pool.settings.responseTimeout
        method = worker.requestHead.method
        version = worker.requestHead.version
        clientPersists = worker.requestHead.isPersistent
        wantsUpgrade = worker.requestHead.wantsUpgrade
        expectsContinue = worker.requestHead.expectsContinue
        requestFraming = worker.requestHead.framing
        requestContent = ContentDecoder(requestFraming)
        requestIsWhole = requestFraming.isAbsent
        contentBytes = 0
        dispatch = Dispatch()
        upstreamHasStoppedReading = false
        answer = .awaitingHead
        hasRelayedContinue = false
        interimHeads = 0

        if pool.isKeyed { dispatch.key = selectionKey(worker.requestHead, head, admission) }
        composeRequestHead(target, head, &worker.requestHead, for: downstream, snapshot.authenticator, admission)
        self.admission = consume admission
        if requestIsWhole {
            isReplayable = true
            dispatch(head.extracting(0..<0))
            return 0
        }
        return forwardContent(content, withHead: true)
    }

    /// Fills `request`. Both heads and buffers are lent out of their owners for the time: each access to a class's
    /// property is checked for overlap at run time, and here there would be dozens.
    private func composeRequestHead(
        _ target: NormalizedTarget, _ bytes: Span<UInt8>, _ head: inout RequestHead,
        for downstream: DownstreamConnection, _ authenticator: Authenticator, _ admission: borrowing Admission
    ) {
        var request = ByteBuffer()
        swap(&request, &self.request)
        request.removeAll()
        request.append(bytes.extracting(head.methodName.bounds))
        request.append(0x20)
        worker.appendTarget(target, head, bytes, to: &request)
        request.append(" HTTP/1.1\r\nHost: ")
        let authority = bytes.extracting(head.authority.bounds)
        if authority.isEmpty {
            request.append(pool.settings.servers[0].authority)  // the same for all: another may take it later
        } else {
            request.append(authority)
        }
        request.append("\r\n")
        head.fields.dropForwardedFields()
        head.fields.appendKept(from: bytes, to: &request)
        authenticator.appendRequestFields(admission, to: &request)
        appendForwardedFields(head, bytes, for: downstream, to: &request)
        worker.accessLog?.appendBegunTrace(to: &request)
        let isHTTP11 = version == .http11
        if isHTTP11 { request.append("Via: 1.1 slidegate\r\n") } else { request.append("Via: 1.0 slidegate\r\n") }
        switch requestFraming {
        case .length(let length):
            request.append("Content-Length: ")
            request.append(decimal: length)
            request.append("\r\n")
        case .chunked: request.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
        if wantsUpgrade {
            request.append("Connection: upgrade\r\nUpgrade: ")
            Self.appendUpgradeProtocols(head.fields, bytes, to: &request)
            request.append("\r\n")
        } else if head.acceptsTrailers {
            request.append("Connection: TE\r\nTE: trailers\r\n")
        }
        request.append("\r\n")
        swap(&request, &self.request)
    }

    private static func appendUpgradeProtocols(
        _ fields: borrowing FieldSection, _ bytes: Span<UInt8>, to buffer: inout ByteBuffer
    ) {
        var isFirst = true
        for index in fields.lines.indices where fields.lines[index].id == .upgrade {
            if !isFirst { buffer.append(", ") }
            buffer.append(bytes.extracting(fields.lines[index].value.bounds))
            isFirst = false
        }
    }

    /// Bytes from the client while the exchange runs; the number used, none once the request is whole.
    func requestReceived(_ bytes: Span<UInt8>) -> Int {
        if let tunnel {
            tunnel.received(fromClient: bytes)
            return bytes.count
        }
        guard !requestIsWhole, !isInLine else { return 0 }
        return forwardContent(bytes, withHead: false)
    }

    /// Decodes the request's content and sends it on, framed anew.
    private func forwardContent(_ bytes: Span<UInt8>, withHead: Bool) -> Int {
        var offset = 0
        var whole = 0..<0  // content of a length: passed on from where it lies
        worker.contentOutput.removeAll()
        do throws(MessageError) {
            decoding: while true {
                switch try requestContent.next(bytes, from: &offset) {
                case .content(let range):
                    contentBytes += range.count
                    if requestFraming.isChunked {
                        worker.contentOutput.appendChunk(bytes.extracting(range))
                    } else {
                        whole = range
                    }
                case .end:
                    requestIsWhole = true
                    if requestFraming.isChunked {
                        appendTrailers()
                    }
                    break decoding
                case .needsMore: break decoding
                }
            }
        } catch {
            fail(.message(error))
            return bytes.count
        }
        guard contentBytes <= contentBytesMax else {
            fail(.contentTooLarge(limit: contentBytesMax))
            return bytes.count
        }
        let content = bytes.extracting(whole)
        if requestFraming.isChunked {
            // Out of the worker while it is lent: sending may end the exchange, and the next one uses the buffer.
            var output = ByteBuffer()
            swap(&output, &worker.contentOutput)
            output.withSpan { send($0, withHead: withHead) }
            swap(&output, &worker.contentOutput)
        } else {
            send(content, withHead: withHead)
        }
        return offset
    }

    /// Ends chunked content with the trailers that a client may set: what it must not say in a field, it must not say
    /// in a trailer.
    private func appendTrailers() {
        guard let authenticator = snapshot?.authenticator else { return }
        var kept = ByteBuffer()
        requestContent.withTrailers { Self.append($0, to: &kept) { !authenticator.isReserved(trailer: $0) } }
        kept.withSpan { worker.contentOutput.appendLastChunk(trailers: $0) }
    }

    /// Appends those of the lines in `trailers` whose name passes.
    static func append(_ trailers: Span<UInt8>, to kept: inout ByteBuffer, where passes: (Span<UInt8>) -> Bool) {
        var start = 0
        while let end = trailers.firstIndex(of: 0x0A, from: start), let colon = trailers.firstIndex(of: 0x3A, from: start) {
            if passes(trailers.extracting(start..<colon)) { kept.append(trailers.extracting(start...end)) }
            start = end + 1
        }
    }

    private func send(_ content: Span<UInt8>, withHead: Bool) {
        if withHead {
            isReplayable = requestIsWhole && request.count + content.count <= Self.replayBytesMax
            if isReplayable {
                request.append(content)
                dispatch(content.extracting(0..<0))
            } else {
                dispatch(content)
            }
            return
        }
        isReplayable = false
        guard let upstream, !upstreamHasStoppedReading else { return }
        switch upstream.stream.write(content) {
        case .written: break
        case .queued: downstream?.updateReading()
        // It may have answered before it closed: reading tells.
        case .failed: upstreamHasStoppedReading = true
        }
        requestProgressed()
    }

    func upstreamDrained() {
        downstream?.updateReading()
        if let tunnel { tunnel.upstreamDrained() } else { requestProgressed() }
    }
}
