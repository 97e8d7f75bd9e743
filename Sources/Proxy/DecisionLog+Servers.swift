import Balancing
import Bytes

// What becomes of servers: few lines, each worth one, whatever the level for decisions about requests.

extension DecisionLog {
    /// What the active checks find is told once for all workers, by the control thread.
    func serverChanged(_ change: ServerGroup.Change, _ server: UpstreamServer, of pool: UpstreamPool) {
        switch change {
        case .ejected: begin("server_ejected", pool.worker)
        case .readmitted: begin("server_readmitted", pool.worker)
        case .down, .up: return
        }
        name(server, of: pool)
        if case .ejected(let milliseconds) = change { lines.append(" milliseconds=\(milliseconds)") }
        end()
    }

    /// The next request is to show whether it is back.
    func serverOnTrial(_ server: UpstreamServer, of pool: UpstreamPool) {
        begin("server_on_trial", pool.worker)
        name(server, of: pool)
        end()
    }

    func retried(
        _ condition: RetryPolicy.Conditions, from failed: UpstreamServer, to next: UpstreamServer, of pool: UpstreamPool,
        worker: Worker
    ) {
        guard level >= .all else { return }
        begin("retried", worker)
        name(failed, of: pool)
        lines.append(" next=\(next.settings.name) after=\(condition.word)")
        end()
    }

    private func name(_ server: UpstreamServer, of pool: UpstreamPool) {
        lines.append(" upstream=\(pool.settings.name) server=\(server.settings.name)")
    }
}

extension RetryPolicy.Conditions {
    /// As the configuration calls it; of one condition.
    var word: String {
        switch self {
        case .connectFailure: "connect_failure"
        case .reset: "reset_before_response"
        case .timeout: "timeout"
        case .badGateway: "status_502"
        case .serviceUnavailable: "status_503"
        case .gatewayTimeout: "status_504"
        default: "failure"
        }
    }
}
