import Authentication
import Bytes
import EventLoop
import HTTP1

/// Which answers end with the session of their request, for a route.
package enum StreamRule: Sendable {
    /// Event streams (`text/event-stream`): they have no end of their own, and clients connect again. Other answers end when
    /// they are whole, however long that takes.
    case events
    /// Every answer that is still under way.
    case session
    /// None. Tunnels end all the same.
    case free
}

// MARK: - Answers that last: they end with their session, as tunnels do

extension Exchange {
    /// What the session's end does to an answer.
    enum Lasting {
        /// Nothing: it runs to its own end.
        case free
        /// It ends as if the upstream had ended it: what an event stream consists of is whole events, and a client drops the
        /// beginning of one (HTML §9.2.6).
        case events
        /// It is cut short, visibly: half a document must not pass for a whole one.
        case content
    }

    /// What the session's end will do to the answer whose head is in `worker.responseHead`, parsed from `bytes`.
    func lastingKind(_ bytes: Span<UInt8>, route: Int) -> Lasting {
        switch snapshot?.streamRule(ofRoute: route) ?? .free {
        case .free: return .free
        case .events:
            // An answer of known length is no stream: nothing more is looked at.
            if case .length = worker.responseHead.framing { return .free }
            return isEventStream(bytes) ? .events : .free
        case .session:
            if case .length(let length) = worker.responseHead.framing, length <= bytes.count - worker.responseHead.length {
                return .free  // it is here already
            }
            return isEventStream(bytes) ? .events : .content
        }
    }

    private func isEventStream(_ bytes: Span<UInt8>) -> Bool {
        guard let type = worker.responseHead.fields.first(.contentType) else { return false }
        let value = bytes.extracting(type.value.bounds)
        let end = value.firstIndex(of: 0x3B) ?? value.count  // parameters follow a semicolon
        var length = end
        while length > 0, value[length - 1] == 0x20 || value[length - 1] == 0x09 { length -= 1 }
        return value.extracting(0..<length).equalsIgnoringCase("text/event-stream")
    }

    /// The answer is about to begin.
    func becomeStream(_ lasting: Lasting, _ admission: borrowing Admission) {
        self.lasting = lasting
        joinStreams(admission)
        guard case .events = lasting else { return }
        contentTimeout = worker.timeouts.tunnel
        record.lasts = true
    }

    /// From here on the session of the request decides how long the exchange lasts.
    func joinStreams(_ admission: borrowing Admission) {
        let authenticator = snapshot?.authenticator
        streamRoute = snapshot?.routes.names[admission.route] ?? ""
        streamToken = admission.token?.fingerprint
        streamSlot = worker.streams.insert(
            self, authenticator?.sessionSpan(of: admission), names: authenticator?.revocationNames(of: admission),
            isTunnel: isTunnel)
        // Hours from now the configuration may be another: nothing of the old one is kept for this alone.
        guard requestIsWhole else { return }
        self.admission = nil
        snapshot = nil
    }

    /// Idempotent: the cause that is told first holds.
    func leaveStreams(_ cause: StreamEnd) {
        guard streamSlot >= 0 else { return }
        worker.streams.remove(streamSlot)
        streamSlot = -1
        if tunnel != nil { recordEnd(cause) }
        if let tunnel, let downstream {
            worker.log.tunnelClosed(self, tunnel, cause, peer: downstream.client, worker: worker)
        }
        tunnel = nil
        lasting = .free
    }

    /// The gateway ends what lasts.
    func endStream(_ cause: StreamEnd) {
        if let tunnel { return tunnel.close(cause) }
        guard answer == .content, let downstream else { return }
        switch lasting {
        case .events:
            worker.log.streamClosed(self, cause, peer: downstream.client, worker: worker)
            recordEnd(cause)
            endContent()
        case .content where cause == .sessionExpired: fail(.sessionExpired)
        case .content where cause == .revoked: fail(.revoked(origin))
        case .content, .free: break
        }
    }
}
