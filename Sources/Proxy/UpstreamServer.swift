import EventLoop

/// One server of an upstream and this worker's connections to it: idle ones wait here, newest first, so that surplus
/// ones grow old.
final class UpstreamServer {
    let settings: UpstreamServerSettings
    let upstream: UpstreamSettings
    let worker: Worker
    /// What its name resolves to at present; empty while nothing is known.
    private(set) var addresses: [SocketAddress]
    private var idle: [UpstreamConnection] = []
    private var nextAddress = 0
    /// After a reload the server is replaced: what comes back is closed.
    private var isRetired = false

    init(_ settings: UpstreamServerSettings, of upstream: UpstreamSettings, worker: Worker) {
        self.settings = settings
        self.upstream = upstream
        self.worker = worker
        addresses = settings.addresses
    }

    /// The most recently used idle connection.
    func takeIdle() -> UpstreamConnection? { idle.popLast() }

    /// A new connection to the address that last answered.
    func connect(for client: DownstreamConnection?) throws(SocketError) -> UpstreamConnection {
        guard !addresses.isEmpty else { throw SocketError("resolve", 0) }
        return try UpstreamConnection(connectingTo: addresses[nextAddress], of: self, for: client)
    }

    /// The address did not accept: the next attempt goes to the one after it.
    func addressFailed() {
        guard !addresses.isEmpty else { return }
        nextAddress = (nextAddress + 1) % addresses.count
    }

    /// The name resolves to something else now. Connections that are open stay.
    func addressesChanged(_ addresses: [SocketAddress]) {
        self.addresses = addresses
        nextAddress = 0
    }

    /// What the active checks of the control thread have found.
    func healthChanged(isHealthy: Bool) {}

    /// Takes a connection back whose exchange is over; false when it must be closed instead.
    func putBack(_ connection: UpstreamConnection) -> Bool {
        guard !isRetired, idle.count < upstream.keepalive else { return false }
        idle.append(connection)
        return true
    }

    /// The idle connection has been closed.
    func forget(_ connection: UpstreamConnection) {
        // Near the front in practice: the oldest ones are those that time out or are closed by the peer.
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    func retire() {
        isRetired = true
        closeIdle()
    }

    /// Closes the idle connections; how many there were.
    @discardableResult
    func closeIdle() -> Int {
        let closing = idle
        idle = []
        for connection in closing { connection.close() }
        return closing.count
    }
}
