import Authentication
import Bytes
import EventLoop
import HTTP1
import Metrics
import Sessions
import Throttling

/// One request to an endpoint of the gateway's own: its content is collected, the store is asked, the answer is sent. What to do
/// next says `EndpointCall`; this does it.
///
/// Keeps the snapshot that it began with, and so the store, whatever is reloaded meanwhile. A client that goes takes
/// the exchange with it, not what the store has been asked for.
final class EndpointExchange: StoreCaller {
    private let worker: Worker
    /// Nil once the exchange is over.
    private var downstream: DownstreamConnection?
    private let snapshot: Snapshot
    private let sessions: SessionService
    private var call: EndpointCall?
    private var ticket: StoreTicket?
    /// It is one of the requests that may be under way.
    private let holdsRequestSlot: Bool

    private let method: Method
    private let version: Version
    private let clientPersists: Bool
    /// The client waits for 100 (Continue), and may send the content or not.
    private var awaitsContinue: Bool
    private let framing: ContentFraming
    private var decoder: ContentDecoder
    private var content = ByteBuffer()
    private var accountedContent = 0
    private var requestIsWhole: Bool
    private var isTooLarge = false
    private var record = RequestRecord()

    /// For the request in `worker.requestHead`.
    init(for downstream: DownstreamConnection, _ snapshot: Snapshot, _ sessions: SessionService, holdsRequestSlot: Bool) {
        worker = downstream.worker
        self.downstream = downstream
        self.snapshot = snapshot
        self.sessions = sessions
        self.holdsRequestSlot = holdsRequestSlot
        method = worker.requestHead.method
        version = worker.requestHead.version
        clientPersists = worker.requestHead.isPersistent
        awaitsContinue = worker.requestHead.expectsContinue
        framing = worker.requestHead.framing
        decoder = ContentDecoder(framing)
        requestIsWhole = !framing.hasContent
        swap(&record, &worker.record)
    }

    /// - Returns: the bytes of content used behind the head.
    func begin(_ match: EndpointMatch, _ target: NormalizedTarget, _ bytes: Span<UInt8>) -> Int {
        guard let downstream else { return 0 }
        let client = downstream.client
        let pause = worker.isGuarded ? worker.verificationPause(of: client) : 0
        call = worker.withPath(target, bytes) { path in
            sessions.endpoints.begin(
                match, &worker.requestHead, path: path, bytes: bytes, address: client.hostText, now: worker.numericDate,
                instant: worker.loop.now.milliseconds, verificationPause: pause)
        }
        guard case .receive? = call?.next, !requestIsWhole else {
            proceed()
            return 0
        }
        if case .length(let length) = framing, length > SessionEndpoints.contentBytesMax {
            refuseContent()
            return 0
        }
        let content = bytes.extracting(worker.requestHead.length...)
        if awaitsContinue, content.isEmpty { sendContinue(to: downstream) }
        return requestReceived(content)
    }

    private func sendContinue(to downstream: DownstreamConnection) {
        awaitsContinue = false
        let interim: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        worker.headOutput.removeAll()
        worker.headOutput.append(interim)
        _ = worker.headOutput.withSpan { downstream.stream.write($0) }  // a client that has gone is noticed by reading
    }

    /// Does what the call says until something has to be waited for.
    private func proceed() {
        while let downstream, let next = call?.next {
            switch next {
            case .receive:
                guard requestIsWhole else { return downstream.awaitContent(content.count) }
                content.withSpan { call?.contentEnded($0, now: worker.numericDate, instant: worker.loop.now.milliseconds) }
            case .ask(let request):
                ticket = worker.ask(request, sessions.settings.store, for: self)
                guard ticket == nil else { return downstream.setDeadline(afterMilliseconds: sessions.settings.storeTimeout) }
                call?.storeAnswered(.failure(.away("too many questions wait for it")), now: worker.numericDate)
            case .answer(let answer): return send(answer, to: downstream)
            case .preflight(let preflight): return send(preflight, to: downstream)
            }
        }
    }

    // MARK: What happens

    /// Bytes from the client; the number used, none once the request is whole.
    func requestReceived(_ bytes: Span<UInt8>) -> Int {
        guard !requestIsWhole, !isTooLarge else { return 0 }
        if !bytes.isEmpty { awaitsContinue = false }
        var offset = 0
        do throws(MessageError) {
            decoding: while true {
                switch try decoder.next(bytes, from: &offset) {
                case .content(let range):
                    guard content.count + range.count <= SessionEndpoints.contentBytesMax else {
                        refuseContent()
                        return bytes.count
                    }
                    content.append(bytes.extracting(range))
                case .end:
                    requestIsWhole = true
                    break decoding
                case .needsMore: break decoding
                }
            }
        } catch {
            fail(.message(error))
            return bytes.count
        }
        worker.loop.account(for: content.count, accounted: &accountedContent)
        proceed()
        return offset
    }

    private func refuseContent() {
        isTooLarge = true
        call?.contentTooLarge(now: worker.numericDate)
        proceed()
    }

    func storeReplied(_ reply: Result<StoreReply, StoreError>) {
        ticket = nil
        call?.storeAnswered(reply, now: worker.numericDate)
        proceed()
    }

    func deadlineExpired() {
        guard let ticket else { return fail(.requestTimeout) }
        storeReplied(worker.storeTimedOut(ticket))
    }

    /// A client may close its sending side and still read; with a request cut short it has gone.
    func downstreamEnded() {
        if !requestIsWhole { downstream?.connectionLost() }
    }

    func downstreamLost() {
        record.decision = .answered
        record.clientHasGone()
        end()
    }

    /// The worker is at its end.
    func workerEnds() {
        record.decision = .failed
        record.reason = StreamEnd.drained.rawValue
        worker.requestEnded(&record)
    }

    // MARK: The answer

    private func send(_ answer: EndpointAnswer, to downstream: DownstreamConnection) {
        worker.note(answer.outcome, status: answer.status, client: downstream.client)
        let keeps = keepsConnection(downstream)
        worker.compose(answer, keepingConnection: keeps, method: method, version: version, security: downstream.security)
        record.answered(answer, method)
        finish(downstream, keeps: keeps)
    }

    private func send(_ preflight: Preflight, to downstream: DownstreamConnection) {
        let keeps = keepsConnection(downstream)
        worker.composePreflightAnswer(preflight, keepingConnection: keeps, version: version, security: downstream.security)
        record.answered(204, because: "preflight")
        finish(downstream, keeps: keeps)
    }

    private func keepsConnection(_ downstream: DownstreamConnection) -> Bool {
        clientPersists && downstream.mayPersist && !isTooLarge && !awaitsContinue && worker.pressure.level != .full
    }

    private func finish(_ downstream: DownstreamConnection, keeps: Bool) {
        var unread: ContentDecoder?
        if !requestIsWhole {
            var rest = ContentDecoder(.none)
            swap(&rest, &decoder)
            unread = consume rest
        }
        end(answering: true)
        guard downstream.sendComposedAnswer() else { return }
        downstream.exchangeEnded(keepingConnection: keeps, unreadContent: unread)
    }

    private func fail(_ failure: Failure) {
        guard let downstream else { return }
        end(answering: true)
        worker.log.failed(failure, midway: false, peer: downstream.client, worker: worker)
        downstream.answer(failure, keepingConnection: false)
    }

    /// - Parameter answering: the request ends with an answer that is about to be sent.
    private func end(answering: Bool = false) {
        guard downstream != nil else { return }
        record.bytesReceived = content.count
        if answering { swap(&record, &worker.record) } else { worker.requestEnded(&record) }
        downstream = nil
        if let ticket { worker.storeCalls.hangUp(ticket) }
        ticket = nil
        call = nil
        content.release()
        worker.loop.account(for: 0, accounted: &accountedContent)
        if holdsRequestSlot { worker.returnRequestSlot() }
    }
}
