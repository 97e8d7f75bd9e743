import Authentication
import Bytes
import HTTP1
import Metrics
import Sessions

/// What is known of one request: filled while it runs, read once, when it has ended (`Worker.requestEnded`).
///
/// One is at work for each request: in the worker until it is decided what becomes of it, then in the exchange that takes it on. It
/// moves by swapping, so that the storage of `line` serves one request after another. Instants are nanoseconds of the loop's
/// monotonic clock; 0: it did not come to that.
struct RequestRecord: ~Copyable {
    /// The head was there whole; 0: it never was.
    var began: Int64 = 0
    /// The decision was made. Read from the clock only where a token was verified, or where there is an access log.
    var authenticated: Int64 = 0
    /// The first server was chosen. A request that had to wait for none: `authenticated`, or `began` where that is 0, which is a
    /// microsecond too early.
    var forwarded: Int64 = 0
    /// The head of the final answer came from upstream.
    var answered: Int64 = 0
    var ended: Int64 = 0

    /// Of the policy; -1: none.
    var route: Int32 = -1
    /// The route's group in the worker's `RequestCounts`.
    var group = Int32(RequestCounts.none)
    /// As sent to the client; 0: nothing was, the client had gone.
    var status: Int32 = 0
    /// Servers that were asked.
    var tries: Int32 = 0
    /// Until it is decided: as of a request that passes.
    var decision = RequestDecision.admitted
    /// A proxy in front has asked what becomes of the request; the status is that of the answer to it.
    var isAsked = false
    /// Whoever sent it is told in the answer why it was decided so.
    var isExplained = false
    /// That proxy was refused just before and asks again, for the words of it: the refusal has been counted.
    var tellsRefusal = false
    /// It became a tunnel or an event stream: how long it took says nothing of how fast anything was.
    var lasts = false
    /// Why it was refused or failed, why no successor rode on the answer, or how it ended where that is no matter of course. Literals
    /// only: they neither allocate nor count references. Empty: there is nothing to say.
    var reason = ""

    /// Content, without framing; of a tunnel all bytes.
    var bytesReceived = 0
    var bytesSent = 0

    // Only with an access log, since references must be counted.
    /// The log that has begun a line for the request; nil: there is to be none.
    var log: AccessLog?
    var token: TokenEntry?
    /// Of a token that is refused, or that an endpoint was given; nil where `token` says more.
    var fingerprint: Fingerprint?
    /// The session that an endpoint has dealt with.
    var session: SessionID?
    /// Who has answered, or was asked last.
    var server: UpstreamServer?
    /// Of the configuration that decided about the request: what `route` is called.
    var routes: RouteDirectory?
    /// What the access log has composed of the request's head; empty without one.
    var line = ByteBuffer()

    /// Makes it one of a request that begins now. The storage of `line` stays.
    mutating func reset(began: Int64) {
        self.began = began
        authenticated = 0
        forwarded = 0
        answered = 0
        ended = 0
        route = -1
        group = Int32(RequestCounts.none)
        status = 0
        tries = 0
        decision = .admitted
        isAsked = false
        tellsRefusal = false
        isExplained = false
        lasts = false
        reason = ""
        bytesReceived = 0
        bytesSent = 0
        if log != nil { leaveLog() }
    }

    /// Keeps the token for the access log, where there is one.
    mutating func noteToken(of admission: borrowing Admission) {
        guard log != nil else { return }
        token = admission.token
        fingerprint = admission.refusedToken
    }

    /// Lets go of what only the access log needed.
    mutating func leaveLog() {
        log = nil
        token = nil
        fingerprint = nil
        session = nil
        server = nil
        routes = nil
        line.removeAll()
    }

    /// Goes on with what is known of an admitted request: its times, its route, and whether its client is told why. False where that
    /// is not all, since there is an access log: then the two are to be swapped.
    mutating func takeOver(_ other: borrowing RequestRecord) -> Bool {
        guard other.log == nil else { return false }
        reset(began: other.began)
        authenticated = other.authenticated
        route = other.route
        group = other.group
        isExplained = other.isExplained
        return true
    }

    /// The gateway answers by itself, and not because anything was wrong.
    mutating func answered(_ status: Int, because reason: String) {
        self.status = Int32(truncatingIfNeeded: status)
        self.reason = reason
        decision = .answered
    }

    /// An endpoint, or a login that it guards, answers.
    mutating func answered(_ answer: EndpointAnswer, _ method: Method) {
        let outcome = answer.outcome
        answered(answer.status, because: outcome.reason ?? outcome.event.rawValue)
        if log != nil {
            fingerprint = outcome.token
            session = outcome.session
        }
        if method != .head, answer.status != 204 { bytesSent = answer.content.count }
    }

    /// The gateway answers a request that is refused or has failed.
    mutating func failed(_ failure: Failure, _ problem: Problem) {
        status = Int32(truncatingIfNeeded: problem.status)
        fails(failure, code: problem.code)
        if tellsRefusal { decision = .answered }
    }

    /// The client has gone before its answer was complete; before any of it, where `status` is 0.
    mutating func clientHasGone(beforeAnswer: Bool = true) {
        if beforeAnswer {
            status = 0
            bytesSent = 0
        }
        reason = StreamEnd.clientLost.rawValue
    }

    /// What was under way, or had begun to be answered, is refused or has failed.
    mutating func fails(_ failure: Failure, code: String) {
        (decision, reason) = failure.verdict(code: code)
        if log != nil, case .refusal(let refusal) = failure { fingerprint = refusal.token }
    }
}

extension Failure {
    /// What logs and metrics say of a request that ends with it.
    /// - Parameter code: of its `Problem`.
    func verdict(code: String) -> (decision: RequestDecision, reason: String) {
        if case .refusal(let refusal) = self { (.refused, refusal.reason) } else { (.failed, code) }
    }
}

/// What the routes of one configuration are called. A class: whoever needs it later holds one reference.
final class RouteDirectory {
    /// By route.
    let names: [String]

    init(_ settings: ProxySettings) {
        names = settings.routeNames.isEmpty ? settings.upstreamOfRoute.map { _ in "" } : settings.routeNames
    }
}
