import Authentication
import EventLoop
import HTTP1

/// Why the gateway answers a request itself, or cuts an answer short.
enum Failure: Error {
    // The client's.
    case message(MessageError)
    case methodNotImplemented
    case contentTooLarge(limit: Int)
    case requestTimeout
    case downstreamTimeout
    case refusal(Refusal)
    case plainRequestUnderTLS
    /// An answer that lasts has outlived the session of its request.
    case sessionExpired
    // Of a proxy that asks for a decision.
    case peerNotTrusted
    case decisionRequestMalformed(DecisionFault)
    /// The request that it asks about is none that any parser here takes.
    case originalMalformed(MessageError)
    /// Asked why a request may not pass, and it may.
    case admittedMeanwhile
    // The upstream's.
    case upstreamUnreachable(SocketError)
    case upstreamTLSFailed(TLSFailure)
    case upstreamConnectTimeout
    case upstreamTimeout
    case upstreamClosed
    case upstreamMalformed(ResponseFault)
    /// No server is there to take the request; one may be after so many seconds.
    case noHealthyUpstream(retryAfter: Int)
    /// Every server has all it may take, and the line is full.
    case upstreamQueueFull
    /// The request's turn did not come in time.
    case upstreamQueueTimeout
    // Our own.
    case noDescriptors
    /// As many requests are under way, or as many bytes buffered, as there may be.
    case overloaded
    case tooManyConnections

    /// Whether the bytes behind the request's head can still be told apart.
    var leavesFramingIntact: Bool {
        switch self {
        case .tooManyConnections, .message, .requestTimeout, .contentTooLarge, .downstreamTimeout, .methodNotImplemented, .plainRequestUnderTLS,
            .sessionExpired:
            false
        case .peerNotTrusted, .decisionRequestMalformed, .originalMalformed, .admittedMeanwhile, .refusal, .upstreamUnreachable,
            .upstreamTLSFailed, .upstreamConnectTimeout, .upstreamTimeout, .upstreamClosed, .upstreamMalformed, .noHealthyUpstream, .upstreamQueueFull, .upstreamQueueTimeout, .noDescriptors, .overloaded:
            true
        }
    }
}

/// What is wrong with an upstream's response.
enum ResponseFault: Error {
    case message(MessageError)
    case tooManyInterimHeads(limit: Int)
    /// 101 (Switching Protocols) where the client has not asked for another protocol.
    case upgradeNotAskedFor
    /// 101 (Switching Protocols) without `Upgrade`.
    case upgradeToNothing

    var description: String {
        switch self {
        case .message(let error): error.description
        case .tooManyInterimHeads(let limit): "There are more than \(limit) interim responses to one request."
        case .upgradeNotAskedFor: "The protocol is switched unasked."
        case .upgradeToNothing: "The protocol is switched without saying to which."
        }
    }
}

/// The one place that turns a failure into what the client is told (RFC 9457 problem details, RFC 9209 error types).
struct Problem {
    var status: Int
    /// Stable and for programs.
    var code: String
    /// For people; holds nothing of the request, nor of the upstream's address.
    var detail: String
    /// RFC 9209 §2.3: the error type of `Proxy-Status`.
    var proxyError: StaticString

    init(_ failure: Failure) {
        switch failure {
        case .message(let error):
            self.init(error.status, error.code, error.description, "http_request_error")
        case .methodNotImplemented:
            self.init(501, "method_not_implemented", "This method is not proxied.", "http_request_denied")
        case .contentTooLarge(let limit):
            self.init(413, "content_too_large", "The content is larger than \(limit) bytes.", "http_request_denied")
        case .requestTimeout:
            self.init(408, "request_timeout", "The request did not arrive in time.", "http_request_error")
        case .downstreamTimeout:
            self.init(408, "response_not_read", "The response was not read in time.", "connection_write_timeout")
        case .refusal(let refusal):
            self.init(refusal.status, refusal.code, refusal.detail, "http_request_denied")
        case .plainRequestUnderTLS:
            self.init(400, "tls_required", "This port takes HTTPS, and the request came in plain HTTP.", "http_request_error")
        case .upstreamTLSFailed(let failure):
            self.init(
                502, "upstream_tls_failed", "No secure connection to the upstream could be made.",
                failure.isAboutCertificate ? "tls_certificate_error" : "tls_protocol_error")
        case .sessionExpired:
            self.init(401, "session_expired", "The session has ended.", "http_request_denied")
        case .peerNotTrusted:
            self.init(403, "peer_not_trusted", "Only trusted proxies may ask here.", "http_request_denied")
        case .decisionRequestMalformed(let fault):
            self.init(400, "decision_request_malformed", fault.description, "http_request_error")
        case .originalMalformed(let error):
            self.init(error.status, error.code, error.description, "http_request_error")
        case .admittedMeanwhile:
            self.init(503, "admitted_meanwhile", "The request was refused, and would be admitted now.", "http_request_error")
        case .upstreamUnreachable:
            self.init(502, "upstream_unreachable", "The upstream does not accept connections.", "connection_refused")
        case .upstreamConnectTimeout:
            self.init(504, "upstream_connect_timeout", "The upstream did not accept a connection in time.", "connection_timeout")
        case .upstreamTimeout:
            self.init(504, "upstream_timeout", "The upstream did not respond in time.", "http_response_timeout")
        case .upstreamClosed:
            self.init(
                502, "upstream_closed", "The upstream closed the connection before its response was complete.",
                "connection_terminated")
        case .upstreamMalformed:
            self.init(502, "upstream_malformed", "The upstream's response is not valid HTTP.", "http_protocol_error")
        case .overloaded:
            self.init(503, "overloaded", "The gateway has more to do than it may take on.", "connection_limit_reached")
        case .tooManyConnections:
            self.init(
                429, "too_many_connections", "There are too many connections from this address.", "connection_limit_reached")
        case .noHealthyUpstream:
            self.init(503, "no_healthy_upstream", "No server of the upstream is available.", "destination_unavailable")
        case .upstreamQueueFull:
            self.init(
                503, "upstream_queue_full", "The upstream has all the requests it may take, and too many wait.",
                "connection_limit_reached")
        case .upstreamQueueTimeout:
            self.init(
                503, "upstream_queue_timeout", "The upstream had no room for the request in time.",
                "connection_limit_reached")
        case .noDescriptors:
            self.init(503, "overloaded", "The gateway has no room for another connection.", "connection_limit_reached")
        }
    }

    private init(_ status: Int, _ code: String, _ detail: String, _ proxyError: StaticString) {
        self.status = status
        self.code = code
        self.detail = detail
        self.proxyError = proxyError
    }
}

extension Failure {
    /// What the system or the parser said: for the log, not for the client.
    var cause: String? {
        switch self {
        case .upstreamUnreachable(let error): error.description
        case .upstreamTLSFailed(let failure): failure.description
        case .upstreamMalformed(let fault): fault.description
        case .message(let error), .originalMalformed(let error): error.code
        case .decisionRequestMalformed(let fault): fault.description
        default: nil
        }
    }
}

extension Failure {
    /// No connection to the upstream: for want of the connection itself, or of trust in it.
    static func upstreamNotConnected(_ error: SocketError) -> Failure {
        error.tls.map { .upstreamTLSFailed($0) } ?? .upstreamUnreachable(error)
    }
}

extension Failure {
    /// When another try may be worth it (RFC 9110 §10.2.3); nil: nobody knows.
    var retryAfterSeconds: Int? {
        switch self {
        case .overloaded, .noDescriptors, .upstreamQueueFull, .upstreamQueueTimeout: 1
        case .noHealthyUpstream(let seconds): seconds
        case .admittedMeanwhile: 0
        case .tooManyConnections: 5
        default: nil
        }
    }
}
