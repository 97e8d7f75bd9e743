import Bytes
import Metrics

extension UpstreamConnection {
    /// More has come than was asked for: an upstream that answers twice, or tells lengths that are not true. Nobody is given
    /// it, and the connection closes; but whoever runs the upstream should know.
    func noteExcess() {
        server.worker.count(.upstreamExcess)
        server.worker.log.excess(from: server.settings.authority, worker: server.worker)
    }
}

extension DecisionLog {
    func excess(from authority: String, worker: Worker) {
        guard level >= .refusals else { return }
        begin("upstream_excess", worker)
        lines.append(" server=")
        lines.append(authority)
        end()
    }
}
