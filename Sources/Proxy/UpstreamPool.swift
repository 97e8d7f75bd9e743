import EventLoop

/// One upstream as one worker sees it: its servers, and the choice between them.
final class UpstreamPool {
    let settings: UpstreamSettings
    let worker: Worker
    let servers: [UpstreamServer]

    init(_ settings: UpstreamSettings, worker: Worker) {
        self.settings = settings
        self.worker = worker
        servers = settings.servers.map { UpstreamServer($0, of: settings, worker: worker) }
    }

    /// The server that takes the next request.
    func select() -> UpstreamServer { servers[0] }

    func retire() {
        for server in servers { server.retire() }
    }

    /// Closes the idle connections; how many there were.
    func closeIdle() -> Int { servers.reduce(0) { $0 + $1.closeIdle() } }
}
