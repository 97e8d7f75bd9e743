import EventLoop

/// The connections of one worker to one upstream: idle ones wait here, newest first, so that surplus ones grow old.
final class UpstreamPool {
    let settings: UpstreamSettings
    let worker: Worker
    private var idle: [UpstreamConnection] = []
    private var nextAddress = 0
    /// After a reload the pool is replaced: what comes back is closed.
    private var isRetired = false

    init(_ settings: UpstreamSettings, worker: Worker) {
        self.settings = settings
        self.worker = worker
    }

    /// The most recently used idle connection.
    func takeIdle() -> UpstreamConnection? { idle.popLast() }

    /// A new connection to the address that last answered.
    func connect() throws(SocketError) -> UpstreamConnection {
        try UpstreamConnection(connectingTo: settings.addresses[nextAddress], in: self)
    }

    /// The address did not accept: the next attempt goes to the one after it.
    func addressFailed() { nextAddress = (nextAddress + 1) % settings.addresses.count }

    /// Takes a connection back whose exchange is over; false when it must be closed instead.
    func putBack(_ connection: UpstreamConnection) -> Bool {
        guard !isRetired, idle.count < settings.keepalive else { return false }
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
