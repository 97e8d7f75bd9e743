import EventLoop
import Metrics
import ProxyProtocol
import Synchronization
import Throttling

// MARK: - Which connections and requests a worker takes on

extension Worker {
    /// Connections that have been refused with an answer and wait for the client to read it. Each holds a descriptor;
    /// beyond this a refused connection is reset without a word.
    static let refusedConnectionsMax = 32

    /// Whether the connection may begin; it has been closed otherwise. For where it may not, and why:
    /// - On a listener with `proxy_protocol`, anybody but a trusted peer could claim to be anybody else: reset.
    /// - Too many connections of one client: an answer that says so, while few such answers are under way, and nothing but
    ///   a reset beyond that or where the answer would cost a handshake.
    func admit(_ socket: AcceptedSocket, via listener: ListenerSettings) -> Bool {
        let rules = snapshot.edge
        let address = socket.peer.ipAddress
        if listener.proxyProtocol {
            guard rules.trustedPeers.contains(address) else {
                reject(socket, because: "no trusted proxy")
                return false
            }
            return true  // whose connection it is, the header says
        }
        guard let most = rules.connectionsPerClientMax, let address, !rules.trustedPeers.contains(address) else { return true }
        let key = ClientKey(address)
        // Counted again, and for good, by the connection itself.
        let count = shared.connections.add(key)
        shared.connections.remove(key)
        guard count > most else { return true }
        if listener.security == nil, refusedConnections < Self.refusedConnectionsMax { return true }
        reject(socket, because: "too many connections of this client")
        return false
    }

    private func reject(_ socket: AcceptedSocket, because reason: String) {
        count(.rejectedConnections)
        log.connectionRejected(reason, peer: socket.peer, worker: self)
        ByteStream(socket, on: loop).abort()
    }

    /// Takes one of the requests that may be under way; false when there are as many as there may be.
    func takeRequestSlot(_ most: Int) -> Bool {
        let (before, _) = shared.requests.wrappingAdd(1, ordering: .relaxed)
        if before < most { return true }
        returnRequestSlot()
        return false
    }

    func returnRequestSlot() { shared.requests.wrappingSubtract(1, ordering: .relaxed) }

    /// How long, in milliseconds, the client's tokens are not verified because too many of them were not genuine; 0: they are.
    func verificationPause(of client: SocketAddress) -> Int64 {
        guard let rate = snapshot.edge.failedVerifications, let address = client.ipAddress else { return 0 }
        return shared.failures.wait(ClientKey(address), rate, now: loop.now.milliseconds)
    }

    func noteFailedVerification(of client: SocketAddress) {
        guard let rate = snapshot.edge.failedVerifications, let address = client.ipAddress else { return }
        shared.failures.note(ClientKey(address), rate, now: loop.now.milliseconds)
    }
}

extension Worker {
    /// What follows from new settings, beyond what the snapshot says.
    func applyEdge(_ settings: EdgeSettings) {
        minimumRate = settings.minimumRate
        pressure = Pressure(bytesMax: settings.bufferedBytesMax)
        pressure.update(bytes: loop.bufferedBytes)
        isGuarded = snapshot.edge.concernsRequests || pressure.level == .full
    }

    func countFlood(_ failure: Failure) {
        switch failure {
        case .overloaded: count(.shedRequests)
        case .requestTimeout, .downstreamTimeout: count(.slowClients)
        case .refusal: count(.throttled)
        default: break
        }
    }
}

extension Exchange {
    /// The request is over, or has become a tunnel, which is no request any more.
    func returnRequestSlot() {
        holdsRequestSlot = false
        worker.returnRequestSlot()
    }
}
