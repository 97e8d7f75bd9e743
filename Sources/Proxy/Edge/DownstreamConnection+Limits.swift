import Authentication
import Bytes
import EventLoop
import HTTP1
import Metrics
import ProxyProtocol
import Throttling

// MARK: - What one client may have

extension DownstreamConnection {
    /// Counts the connection as one of its client's; false when that has too many. Those of trusted peers are the
    /// connections of many clients and do not count.
    func countConnection() -> Bool {
        let rules = worker.snapshot.edge
        guard let most = rules.connectionsPerClientMax, let address = peer.ipAddress, !rules.trustedPeers.contains(address)
        else { return true }
        let key = ClientKey(address)
        countedAs = key
        guard worker.shared.connections.add(key) > most else { return true }
        worker.count(.rejectedConnections)
        return false
    }

    func uncountConnection() {
        if let key = countedAs { worker.shared.connections.remove(key) }
        countedAs = nil
        if isRefused { worker.refusedConnections -= 1 }
        isRefused = false
    }

    /// Tells a client that it has too many connections, once it may be expected to listen.
    func refuseConnection() {
        isRefused = true
        worker.refusedConnections += 1
        refuse(.tooManyConnections, keepingConnection: false)
    }

    /// What rules at the edge say of the request in `worker.requestHead`: who its client is, and whether the worker takes
    /// on any request at all.
    func admitRequest(_ bytes: Span<UInt8>, _ rules: EdgeRules) -> Failure? {
        if !rules.trustedPeers.isEmpty || hasNamedClient { identifyClient(bytes, rules) }
        return worker.pressure.level == .full ? .overloaded : nil
    }

    private func identifyClient(_ bytes: Span<UInt8>, _ rules: EdgeRules) {
        let address = peer.ipAddress
        guard rules.trustedPeers.contains(address) else {
            worker.forwardedFacts = ForwardedFacts()
            client = peer
            hasNamedClient = false
            return
        }
        let (facts, found) = ForwardedFacts.read(worker.requestHead.fields, in: bytes, from: address, by: rules)
        worker.forwardedFacts = facts
        client = SocketAddress(found, port: 0)
        hasNamedClient = true
    }
}

// MARK: - How fast a client must be

extension DownstreamConnection {
    /// The first bytes of a head are there, or it may begin.
    func awaitHead() {
        pace.begin(at: worker.loop.now, bytes: 0)
        setDeadline(afterMilliseconds: worker.timeouts.head)
    }

    /// More of a head has come, and is not all of it: it must keep its pace, and it must be whole in time.
    func headProgressed(_ bytes: Int) {
        guard worker.minimumRate.bytesPerSecond > 0 else { return }
        let whole = pace.start.advanced(byMilliseconds: worker.timeouts.head)
        setDeadline(at: min(whole, pace.deadline(at: worker.minimumRate, bytes: bytes)))
    }

    /// The request goes on with content from the client, of which so much has come.
    func awaitContent(_ bytes: Int) {
        let now = worker.loop.now
        if !isPacing {
            isPacing = true
            pace.begin(at: now, bytes: bytes)
        }
        let silent = now.advanced(byMilliseconds: worker.timeouts.body)
        setDeadline(at: min(silent, pace.deadline(at: worker.minimumRate, bytes: bytes)))
    }

    /// The client has to read before anything else happens.
    func waitForDrain() {
        isPacing = false
        let untaken = stream.untakenBytes
        pace.begin(at: worker.loop.now, bytes: -untaken)
        untakenAtDeadline = untaken
        lastTaken = worker.loop.now
        setDrainDeadline(-untaken)
    }

    private func setDrainDeadline(_ bytes: Int) {
        let silent = lastTaken.advanced(byMilliseconds: worker.timeouts.write)
        setDeadline(at: min(silent, pace.deadline(at: worker.minimumRate, bytes: bytes)))
    }

    /// Whether a client that is to read has read enough since it was last looked at; its deadline has been moved then.
    func isReadingFastEnough() -> Bool {
        let now = worker.loop.now
        let untaken = stream.untakenBytes
        if untaken < untakenAtDeadline {
            untakenAtDeadline = untaken
            lastTaken = now
        }
        let silent = lastTaken.advanced(byMilliseconds: worker.timeouts.write)
        guard now < min(silent, pace.deadline(at: worker.minimumRate, bytes: -untaken)) else { return false }
        setDrainDeadline(-untaken)
        return true
    }
}

/// A measurement of how fast a client sends or reads.
struct Pace {
    private(set) var start = Instant.never
    private var bytesAtStart = 0

    mutating func begin(at instant: Instant, bytes: Int) {
        start = instant
        bytesAtStart = bytes
    }

    /// When the client will have been too slow, unless more comes than `bytes`.
    func deadline(at rate: MinimumRate, bytes: Int) -> Instant {
        start.advanced(byMilliseconds: rate.deadline(after: max(0, bytes - bytesAtStart)))
    }
}
