import Bytes
import EventLoop
import ProxyProtocol

// MARK: - The PROXY header that an upstream gets

extension UpstreamConnection {
    /// Whether the connection is one client's, by the header that it began with: it serves no other, and is closed behind
    /// its exchange.
    var isOfOneClient: Bool { server.pool.settings.sendsProxyProtocol }

    /// Puts the header that names the client ahead of all else, TLS too. Only before the stream is started.
    func writeProxyHeader(for downstream: DownstreamConnection?) {
        var header = ByteBuffer()
        ProxyHeader.append(downstream?.proxyEnds, to: &header)
        header.withSpan { stream.writeInClear($0) }
    }
}

extension DownstreamConnection {
    /// The client and what it connected to; nil where one of them has no IP address.
    fileprivate var proxyEnds: ProxyHeader.Ends? {
        let local = destination ?? stream.localAddress
        guard let source = client.ipAddress, let address = local.ipAddress else { return nil }
        return ProxyHeader.Ends(
            source: ProxyHeader.Endpoint(source, port: client.port),
            destination: ProxyHeader.Endpoint(address, port: local.port))
    }
}
