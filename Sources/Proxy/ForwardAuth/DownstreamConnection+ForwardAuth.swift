import Authentication
import Bytes
import EventLoop
import HTTP1
import JOSE
import Metrics
import ProxyProtocol
import Throttling

// MARK: - Decisions for a proxy in front

extension DownstreamConnection {
    /// What the request in `worker.requestHead` asks, and where, if a decision is what it is about.
    func question(_ bytes: Span<UInt8>, _ snapshot: Snapshot) -> (DecisionPoint, DecisionPoint.Question)? {
        let path = bytes.extracting(worker.requestHead.path.bounds)
        for point in snapshot.decisionPoints {
            if let question = point.question(at: path) { return (point, question) }
        }
        // No proxy asks in such a way, and no route is to answer either: success would mean more than the route knows.
        guard !snapshot.normalizer.isNormal(path), let target = try? worker.normalizeTarget(of: bytes) else { return nil }
        return worker.withPath(target, bytes) { path in
            for point in snapshot.decisionPoints where point.question(at: path) != nil { return (point, .unknown) }
            return nil
        }
    }

    /// Answers a proxy in front as the request that it asks about would be answered here, but for what an upstream would say.
    func decide(_ question: DecisionPoint.Question, at point: DecisionPoint, _ snapshot: Snapshot, _ bytes: Span<UInt8>) {
        worker.record.isAsked = true
        guard snapshot.edge.trustedPeers.contains(peer.ipAddress) else { return answerAsked(.peerNotTrusted) }
        worker.record.tellsRefusal = question == .refusal
        if question != .refusal { worker.count(.decisions) }
        guard question != .unknown else { return answerAsked(.decisionRequestMalformed(.nothingAsked)) }
        // Out of the worker while they are lent: what is done meanwhile uses the worker.
        var original = ByteBuffer()
        swap(&original, &worker.originalBytes)
        original.removeAll()
        do throws(DecisionFault) {
            try point.appendOriginalHead(&worker.requestHead, bytes, to: &original)
            original.withSpan { decide(question, at: point, snapshot, original: $0) }
        } catch {
            answerAsked(.decisionRequestMalformed(error), question)
        }
        swap(&original, &worker.originalBytes)
    }

    /// Decides about the request with that head, as `startExchange` does about one of its own.
    private func decide(
        _ question: DecisionPoint.Question, at point: DecisionPoint, _ snapshot: Snapshot, original bytes: Span<UInt8>
    ) {
        // For the time of the decision, the request is the original.
        swap(&worker.requestHead, &worker.originalHead)
        let decision = decision(question, snapshot, bytes)
        swap(&worker.requestHead, &worker.originalHead)
        switch decision {
        case .failure(let failure): answerAsked(failure, question)
        case .success(.refuse(let refusal)): answerRequest(.refusal(refusal), isLogged: true)
        case .success(_) where question == .refusal: answerAsked(.admittedMeanwhile)
        case .success(.preflight(let preflight)): answerPreflight(preflight)
        case .success(.admit(let admission)): answerAdmitted(admission, at: point, snapshot.authenticator, original: bytes)
        }
    }

    private func decision(
        _ question: DecisionPoint.Question, _ snapshot: Snapshot, _ bytes: Span<UInt8>
    ) -> Result<Decision, Failure> {
        let target: NormalizedTarget
        do throws(MessageError) {
            guard try worker.requestHead.parse(bytes), worker.requestHead.length == bytes.count else {
                return .failure(.decisionRequestMalformed(DecisionFault(kind: .malformed, name: "The request")))
            }
        } catch {
            return .failure(.originalMalformed(error))
        }
        do throws(Failure) {
            target = try worker.normalizeTarget(of: bytes)
        } catch {
            return .failure(error)
        }
        if worker.accessLog != nil { worker.describeRequest(bytes, of: self, isForwarded: false) }
        let pause = worker.isGuarded ? worker.verificationPause(of: client) : 0
        let now = worker.numericDate
        return worker.withPath(target, bytes) { path in
            let before = snapshot.authenticator.tokenCounts
            defer { worker.authenticated(snapshot.authenticator, since: before) }
            var isPlain = true
            if case .rewritten = target {
                isPlain = snapshot.authenticator.takesLiterally(worker.requestHead, path: path, bytes: bytes)
            }
            let decision = isPlain
                ? snapshot.authenticator.authenticate(
                    &worker.requestHead, path: path, bytes: bytes, now: now, instant: worker.loop.now.milliseconds,
                    verificationPause: pause)
                : .refuse(Refusal(.pathAmbiguous))
            // Who asks why has been refused just now: that counts, and this is the same request.
            switch decision {
            case .refuse(let refusal) where question != .refusal: note(refusal, path: path, bytes, isAsked: true)
            case .admit(let admission):
                worker.routeFound(admission.route, snapshot)
                if question != .refusal { noteShadow(admission, snapshot.authenticator, path: path, bytes, isAsked: true) }
            case .refuse, .preflight: break
            }
            return .success(decision)
        }
    }

    private func answerAdmitted(
        _ admission: Admission, at point: DecisionPoint, _ authenticator: Authenticator, original bytes: Span<UInt8>
    ) {
        worker.record.noteToken(of: admission)
        let head = worker.requestHead
        let keeps = head.isPersistent && mayPersist && !head.expectsContinue && worker.pressure.level != .full
        let now = worker.numericDate
        let before = authenticator.tokenCounts.minted
        let assumed = worker.assumedAnswer
        var answer = assumed.head
        let outcome = authenticator.prepareResponse(
            admission, &answer, bytes: assumed.bytes.span, now: now, instant: worker.loop.now.milliseconds)
        if authenticator.tokenCounts.minted != before { worker.minted(since: max(worker.record.began, worker.record.authenticated)) }
        worker.record.status = 200
        worker.renewalDecided(outcome, admission, &worker.record)
        worker.sessionSeen(admission, outcome, authenticator)
        worker.log.admitted(
            admission, route: worker.nameOfRoute(admission.route), outcome: outcome, status: 200, peer: client, isAsked: true, worker: worker)

        worker.beginAnswer(200, security)
        var output = ByteBuffer()
        swap(&output, &worker.headOutput)
        authenticator.appendIdentityFields(admission, to: &output)
        authenticator.appendResponseFields(admission, outcome, answer, bytes: assumed.bytes.span, now: now, to: &output)
        if !outcome.isAttached { output.append("Cache-Control: no-store\r\n") }
        worker.appendExplanation(of: admission, worker.record, authenticator, to: &output)
        if case .pathBehindPrefix = point.frontProxy {
            let start = output.count
            output.append("X-Envoy-Auth-Headers-To-Remove: ")
            if authenticator.appendUnsetNames(admission, worker.originalHead, bytes, to: &output) {
                output.append("\r\n")
            } else {
                output.truncate(to: start)
            }
        }
        output.append("Content-Length: 0\r\n")
        swap(&output, &worker.headOutput)
        worker.endAnswer(keepingConnection: keeps, head.version)
        guard sendComposedAnswer(), keeps else { return closeGracefully() }
        dropContent(head.framing)
    }

    private func answerAsked(_ failure: Failure, _ question: DecisionPoint.Question = .decision) {
        if question != .refusal { worker.log.failed(failure, midway: false, peer: client, isAsked: true, worker: worker) }
        answerRequest(failure, isLogged: true)
    }
}
