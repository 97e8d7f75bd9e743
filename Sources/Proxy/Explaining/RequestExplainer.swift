package import Authentication
import Bytes
package import HTTP1
package import JOSE
package import Metrics

/// Who answers a request, and why: what a worker does with it, without the worker and without doing it.
package struct RequestExplanation {
    package enum Answerer {
        /// The gateway, whatever the route would say: the request cannot be read, or not in one way only.
        case refusal(status: Int, code: String, detail: String, decision: RequestDecision, reason: String)
        /// The gateway, as a proxy in front asks here.
        case decisionPoint(DecisionPoint.FrontProxy, isQuestion: Bool)
        /// The gateway, with a file of its own.
        case file
        /// The gateway, at an endpoint for sessions: its name in the configuration, and the methods that it takes.
        case endpoint(name: String, methods: [String])
        /// The gateway: nothing is proxied here.
        case nobody
        /// Whoever the explanation says.
        case route(DecisionExplanation)
    }

    package var answerer: Answerer
    package var method = ""
    package var host = ""
    /// Of the target, as it was sent, without the query.
    package var sentPath = ""
    /// In normal form: what routes are searched by, and what is sent upstream.
    package var path = ""
}

/// Explains requests as a worker with these settings would serve them.
package struct RequestExplainer {
    package var authenticator: Authenticator
    package var limits = HeadLimits()
    package var normalizer = PathNormalizer()
    package var files: ServedFiles?
    package var endpoints: SessionEndpoints?
    package var decisionPoints: [DecisionPoint] = []
    /// Whether requests go to upstreams. Otherwise they are taken for those that a proxy in front asks about.
    package var isProxy = true

    package init(authenticator: Authenticator) { self.authenticator = authenticator }

    /// - Parameter bytes: the request's head.
    package func explain(_ bytes: [UInt8], now: NumericDate, instant: Int64) -> RequestExplanation {
        var head = RequestHead(limits: limits)
        do throws(MessageError) {
            guard try head.parse(bytes.span) else { return .refused(.message(.lineEndMalformed)) }
        } catch {
            return .refused(.message(error))
        }
        var explanation = RequestExplanation(answerer: .nobody)
        explanation.method = String(copying: bytes.span.extracting(head.methodName.bounds))
        explanation.host = String(copying: bytes.span.extracting(head.host.bounds))
        explanation.sentPath = String(copying: bytes.span.extracting(head.path.bounds))
        explanation.path = explanation.sentPath
        if let asked = question(head, bytes.span) {
            explanation.answerer = asked
            return explanation
        }
        do throws(Failure) {
            let path = try normalizedPath(of: head, bytes.span)
            explanation.path = String(copying: path.span)
            explanation.answerer = answerer(head, path: path.span, bytes.span, now: now, instant: instant)
        } catch {
            explanation.answerer = RequestExplanation.refused(error).answerer
        }
        return explanation
    }

    private func question(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> RequestExplanation.Answerer? {
        for point in decisionPoints {
            guard let question = point.question(at: bytes.extracting(head.path.bounds)) else { continue }
            return .decisionPoint(point.frontProxy, isQuestion: question != .unknown)
        }
        return nil
    }

    private func normalizedPath(of head: borrowing RequestHead, _ bytes: Span<UInt8>) throws(Failure) -> [UInt8] {
        if try head.concernsServer { return [0x2A] }
        let path = bytes.extracting(head.path.bounds)
        var normalized = ByteBuffer()
        do {
            return try normalizer.normalize(path, into: &normalized) ? normalized.bytes() : Array(copying: path)
        } catch {
            throw .refusal(Refusal(.path(error)))
        }
    }

    private func answerer(
        _ head: RequestHead, path: Span<UInt8>, _ bytes: Span<UInt8>, now: NumericDate, instant: Int64
    ) -> RequestExplanation.Answerer {
        switch files?.match(head.method, path: path) {
        case .file: return .file
        case .refuse(let refusal): return RequestExplanation.refused(.refusal(refusal)).answerer
        case nil: break
        }
        if let endpoints, let match = endpoints.match(path) {
            return .endpoint(name: endpoints.name(of: match), methods: endpoints.methods(of: match))
        }
        if !isProxy {
            guard !decisionPoints.isEmpty else { return .nobody }
            // The proxy in front passes on what its client has sent, in whatever form that is.
            let isAsSent = path.elementsEqual(bytes.extracting(head.path.bounds))
            guard isAsSent || authenticator.takesLiterally(head, path: path, bytes: bytes) else {
                return RequestExplanation.refused(.refusal(Refusal(.pathAmbiguous))).answerer
            }
        }
        return .route(authenticator.explain(head, path: path, bytes: bytes, now: now, instant: instant))
    }
}

extension RequestExplanation {
    fileprivate static func refused(_ failure: Failure) -> RequestExplanation {
        let problem = Problem(failure)
        let (decision, reason) = failure.verdict(code: problem.code)
        return RequestExplanation(
            answerer: .refusal(
                status: problem.status, code: problem.code, detail: problem.detail, decision: decision, reason: reason))
    }
}

extension RequestHead {
    /// Whether the request is about the server itself rather than a path of it.
    /// - Throws: when it is none that is proxied.
    @inline(__always)
    var concernsServer: Bool {
        get throws(Failure) {
            switch targetForm {
            case .authority: throw .methodNotImplemented
            case .asterisk: return true
            // RFC 9112 §3.2.4: this is how a proxy is asked about the server itself.
            case .absolute where method == .options && path.isEmpty && !hasQuery: return true
            case .origin, .absolute: break
            }
            if method == .trace { throw .methodNotImplemented }  // it would echo the client's token
            return false
        }
    }
}
