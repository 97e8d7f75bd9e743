import Bytes
import EventLoop
import Metrics
import ProxyProtocol

// MARK: - The PROXY header that a connection begins with

extension DownstreamConnection {
    /// Takes the header off the beginning of `bytes`, and with it who the client is; then the connection begins, with its
    /// handshake where there is TLS.
    /// - Returns: the bytes used; none while the header is not there whole.
    func consumeProxyHeader(_ bytes: Span<UInt8>) -> Int {
        let header: ProxyHeader
        do {
            guard let complete = try ProxyHeader.read(bytes) else { return 0 }
            header = complete
        } catch {
            rejectProxyHeader(because: "\(error)")
            return bytes.count
        }
        if let ends = header.ends {
            peer = SocketAddress(ends.source)
            client = peer
            destination = SocketAddress(ends.destination)
        }
        guard countConnection() else {
            worker.log.connectionRejected("too many connections of this client", peer: peer, worker: worker)
            abort()
            return bytes.count
        }
        proxyHeaderEnded()
        guard let security else { return header.length }
        stream.startTLS(security.server, leftover: bytes.extracting(header.length...))
        return bytes.count
    }

    /// Nobody without a header is served here: not with an answer, which would only help whoever tries.
    func rejectProxyHeader(because reason: String) {
        worker.count(.rejectedConnections)
        worker.log.connectionRejected("PROXY header: \(reason)", peer: peer, worker: worker)
        abort()
    }
}
