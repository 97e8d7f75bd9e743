import Authentication
import Bytes
import EventLoop
import JOSE
import Metrics

/// A worker's log lines, gathered through a turn of its loop and handed to the writer at the end of it.
///
/// One line a decision, `time event key=value …`. Never a token, a cookie, a query or a secret: a token appears as its
/// fingerprint.
final class DecisionLog {
    var level: DecisionLevel
    private let writer: LogWriter
    var lines = ByteBuffer()
    private var count = 0
    private var second = Int64.min
    private var time = ""
    var flood = FloodBudget()

    init(_ level: DecisionLevel, writer: LogWriter) {
        self.level = level
        self.writer = writer
    }

    /// Hands the turn's lines over.
    func flush() {
        guard count > 0 else { return }
        writer.write(lines.bytes(), lines: count)
        lines.removeAll()
        count = 0
    }

    /// Something an operator should know that is not about one request.
    func note(_ text: String, worker: Worker) {
        begin("note", worker)
        lines.append(" \(text)")
        end()
    }

    /// - Parameters:
    ///   - route: its name; empty: none was found.
    ///   - path: as the policy saw it: normal form, without the query.
    ///   - token: what it is called where that is worth telling.
    ///   - isAsked: a proxy in front has asked for the decision.
    ///   - isShadow: it passes all the same.
    func refused(
        _ refusal: Refusal, route: String, method: Span<UInt8>, path: Span<UInt8>, peer: SocketAddress, token: Fingerprint? = nil,
        isAsked: Bool = false, isShadow: Bool = false, worker: Worker
    ) {
        guard level >= .refusals, !refusal.isThrottled || mayWriteFloodLine(worker) else { return }
        begin(isShadow ? "would_refuse" : "refused", worker)
        lines.append(" status=")
        lines.append(decimal: refusal.status)
        lines.append(" code=")
        lines.append(refusal.code)
        lines.append(" reason=")
        lines.append(refusal.reason)
        if !route.isEmpty { append(route: route) }
        lines.append(" method=")
        lines.append(method)
        lines.append(" path=")
        lines.append(cutPath: path)
        if let token {
            lines.append(" token=")
            token.append(to: &lines)
        }
        append(peer)
        if isAsked { lines.append(Self.asked) }
        end()
    }

    private static let asked: StaticString = " via=forward_auth"

    func admitted(
        _ admission: Admission, route: @autoclosure () -> String, outcome: RenewalOutcome, status: Int, peer: SocketAddress, isAsked: Bool = false,
        worker: Worker
    ) {
        switch outcome {
        case .attached(let renewal, _):
            worker.count(.renewals)
            let isNew = admission.token?.announcedRenewal != renewal
            guard level >= (isNew ? .changes : .all) else { return }
            admission.token?.announcedRenewal = renewal
            begin("renewed", worker)
        case .skipped(.mintFailed):
            worker.count(.mintFailures)
            guard level >= .refusals else { return }
            begin("mint_failed", worker)
        case .skipped(let reason) where reason == .revoked || reason == .revocationUnknown:
            worker.count(.renewalsWithheld)
            guard level >= .changes else { return }
            begin("renewal_withheld", worker)
            lines.append(" reason=")
            lines.append(reason.rawValue)
        case .skipped(.shadow):
            guard case .renew(let due) = admission.renewal else { return }
            let isNew = admission.token?.announcedRenewal != due
            guard level >= (isNew ? .changes : .all) else { return }
            admission.token?.announcedRenewal = due
            begin("would_renew", worker)
        case .skipped(let reason):
            // Of what would have been refused a line has told when that was decided.
            guard level >= .all, admission.wouldRefuse == nil else { return }
            begin("admitted", worker)
            lines.append(" renewal=")
            lines.append(reason.rawValue)
        }
        append(route: route())
        if let token = admission.token {
            lines.append(" token=")
            token.fingerprint.append(to: &lines)
        }
        lines.append(" status=")
        lines.append(decimal: status)
        append(peer)
        if isAsked { lines.append(Self.asked) }
        end()
    }

    /// - Parameter midway: the answer had begun and was cut short.
    func failed(_ failure: Failure, midway: Bool, peer: SocketAddress, isAsked: Bool = false, worker: Worker) {
        guard level >= .refusals, !failure.comesInFloods || mayWriteFloodLine(worker) else { return }
        let problem = Problem(failure)
        if case .refusal = failure { begin("refused", worker) } else { begin(midway ? "cut_short" : "failed", worker) }
        if !midway {
            lines.append(" status=")
            lines.append(decimal: problem.status)
        }
        lines.append(" code=")
        lines.append(problem.code)
        if let cause = failure.cause {
            lines.append(" cause=\"")
            lines.appendJSONEscaped(cause)
            lines.append("\"")
        }
        append(peer)
        if isAsked { lines.append(Self.asked) }
        end()
    }

    /// One line about a connection rather than a request.
    func write(_ event: StaticString, cause: String, peer: SocketAddress, worker: Worker) {
        begin(event, worker)
        lines.append(" cause=\"")
        lines.appendJSONEscaped(cause)
        lines.append("\"")
        append(peer)
        end()
    }

    func begin(_ event: StaticString, _ worker: Worker) {
        beginLine(worker)
        lines.append(event)
    }

    func begin(_ event: EndpointOutcome.Event, _ worker: Worker) {
        beginLine(worker)
        lines.append(event.rawValue)
    }

    private func beginLine(_ worker: Worker) {
        if worker.loop.wallSeconds != second {
            second = worker.loop.wallSeconds
            time = CivilDate(secondsSince1970: second).internetDateTime
        }
        lines.append(time)
        lines.append(" ")
    }

    func append(route: String) {
        lines.append(" route=")
        lines.append(route)
    }

    func append(_ peer: SocketAddress) {
        lines.append(" peer=")
        peer.appendHost(to: &lines)
    }

    func end() {
        lines.append("\n")
        count += 1
        if lines.count > 64 * 1024 { flush() }
    }
}
