import Authentication
import Bytes
import EventLoop
import JOSE

// MARK: - Tunnels and event streams

extension DecisionLog {
    func tunnelOpened(_ exchange: Exchange, isWebSocket: Bool, peer: SocketAddress, worker: Worker) {
        guard level >= .changes else { return }
        begin("tunnel", worker)
        append(exchange)
        if isWebSocket { lines.append(" protocol=websocket") }
        append(peer)
        end()
    }

    func tunnelClosed(_ exchange: Exchange, _ tunnel: Tunnel, _ cause: StreamEnd, peer: SocketAddress, worker: Worker) {
        guard level >= .changes else { return }
        begin("tunnel_closed", worker)
        lines.append(" reason=\(cause.rawValue) received=")
        lines.append(decimal: tunnel.bytesFromClient)
        lines.append(" sent=")
        lines.append(decimal: tunnel.bytesFromUpstream)
        lines.append(" milliseconds=")
        lines.append(decimal: Int(worker.loop.now.milliseconds &- tunnel.opened.milliseconds))
        append(exchange)
        append(peer)
        end()
    }

    /// An event stream that the gateway has ended. One that ended by itself is like any other answer.
    func streamClosed(_ exchange: Exchange, _ cause: StreamEnd, peer: SocketAddress, worker: Worker) {
        guard level >= .changes else { return }
        begin("stream_closed", worker)
        lines.append(" reason=\(cause.rawValue)")
        append(exchange)
        append(peer)
        end()
    }

    func streamExtended(_ exchange: Exchange, isTunnel: Bool, session: SessionKey?, until end: NumericDate, worker: Worker) {
        guard level >= .changes else { return }
        begin(isTunnel ? "tunnel_extended" : "stream_extended", worker)
        lines.append(" until=\(CivilDate(secondsSince1970: end.seconds).internetDateTime)")
        if let session {
            lines.append(" session=")
            session.fingerprint.append(to: &lines)
        }
        append(exchange)
        if let downstream = exchange.downstream { append(downstream.client) }
        self.end()
    }

    private func append(_ exchange: Exchange) {
        append(route: exchange.streamRoute)
        if let token = exchange.streamToken {
            lines.append(" token=")
            token.append(to: &lines)
        }
    }
}
