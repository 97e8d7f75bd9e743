import Authentication
import Bytes
import EventLoop
import Sessions

// MARK: - Sessions: tokens by fingerprint, sessions by name

extension DecisionLog {
    /// - Parameter status: of the answer that tells the client.
    func session(_ outcome: EndpointOutcome, status: Int, peer: SocketAddress, worker: Worker) {
        guard level >= outcome.event.leastLevel, status != 429 || mayWriteFloodLine(worker) else { return }
        begin(outcome.event, worker)
        if let reason = outcome.reason {
            lines.append(" reason=")
            lines.append(reason)
        }
        if let session = outcome.session {
            lines.append(" session=")
            lines.append(session.text)
        }
        if let token = outcome.token {
            lines.append(" token=")
            token.append(to: &lines)
        }
        if outcome.endedSessions > 0 {
            lines.append(" ended=")
            lines.append(decimal: outcome.endedSessions)
        }
        lines.append(" status=")
        lines.append(decimal: status)
        append(peer)
        end()
    }
}

extension EndpointOutcome.Event {
    /// From which level on it is worth a line: refusals and errors first, then what changes sessions, then what only looks.
    fileprivate var leastLevel: DecisionLevel {
        switch self {
        case .refreshRefused, .reuseDetected, .endpointRefused, .sessionsUnavailable, .signingFailed, .loginNotCaptured: .refusals
        case .sessionCreated, .refreshed, .refreshReplayed, .loggedOut, .loggedOutEverywhere, .revoked, .sessionEnded: .changes
        case .introspected, .sessionsListed: .all
        }
    }
}
