import Balancing
import EventLoop

/// One server of an upstream and this worker's connections to it: idle ones wait here, newest first, so that surplus
/// ones grow old.
final class UpstreamServer {
    private(set) var settings: UpstreamServerSettings
    /// Lets go of this when it retires.
    let pool: UpstreamPool
    let worker: Worker
    /// In its pool; -1 once it is no part of it any more.
    var index = -1
    /// What its name resolves to at present; empty while nothing is known.
    private(set) var addresses: [SocketAddress]
    private var rotation: AddressRotation
    private var idle: [UpstreamConnection] = []
    /// Addresses have come or gone since connections were first made: not every one of them is to be used again.
    private var hasMoved = false
    private var passesChecks = true
    /// Connections that began otherwise, by earlier settings, are not used again.
    private(set) var era = 0

    init(_ settings: UpstreamServerSettings, of pool: UpstreamPool, worker: Worker) {
        self.settings = settings
        self.pool = pool
        self.worker = worker
        addresses = settings.addresses
        rotation = Self.rotation(addresses)
    }

    private static func rotation(_ addresses: [SocketAddress]) -> AddressRotation {
        AddressRotation(count: addresses.count, offset: Int.random(in: 0..<max(1, addresses.count)))
    }

    /// A reload has other settings for the same address.
    /// - Parameter beginsOtherwise: connections do from now on, so that those there are cannot be used again.
    func update(_ settings: UpstreamServerSettings, beginsOtherwise: Bool) {
        let isOther = beginsOtherwise || settings.tls !== self.settings.tls
        self.settings = settings
        if isOther {
            era += 1
            closeIdle()
        }
        if !settings.addresses.isEmpty { addressesChanged(settings.addresses) }
    }

    var idleCount: Int { idle.count }

    /// The most recently used idle connection.
    func takeIdle() -> UpstreamConnection? { idle.popLast() }

    /// A new connection to one of the addresses, which take turns.
    func connect(for client: DownstreamConnection?) throws(SocketError) -> UpstreamConnection {
        guard let index = rotation.pick(now: worker.loop.now.milliseconds) else { throw SocketError("resolve", 0) }
        do {
            return try UpstreamConnection(connectingTo: addresses[index], of: self, for: client)
        } catch {
            if !error.isDescriptorShortage { rotation.failed(index, now: worker.loop.now.milliseconds) }
            throw error
        }
    }

    /// The address did not accept: others come first for a while.
    func addressFailed(_ address: SocketAddress) {
        guard let index = addresses.firstIndex(of: address) else { return }
        rotation.failed(index, now: worker.loop.now.milliseconds)
    }

    /// The name resolves to something else now, or an address is not well. What is under way goes on; connections to an
    /// address that is gone serve nobody else.
    func addressesChanged(_ addresses: [SocketAddress]) {
        guard addresses != self.addresses else { return }
        self.addresses = addresses
        rotation = Self.rotation(addresses)
        hasMoved = true
        let gone = idle.filter { !addresses.contains($0.address) }
        idle.removeAll { !addresses.contains($0.address) }
        for connection in gone { connection.close() }
        tellUsability()
    }

    /// What the active checks of the control thread have found.
    func healthChanged(isHealthy: Bool) {
        passesChecks = isHealthy
        if !isHealthy { closeIdle() }
        tellUsability()
    }

    /// A server whose name resolves to nothing is like one that fails its checks.
    func tellUsability() { pool.usabilityChanged(self, isUsable: passesChecks && !addresses.isEmpty) }

    /// Takes a connection back whose exchange is over; false when it must be closed instead.
    func putBack(_ connection: UpstreamConnection) -> Bool {
        guard index >= 0, connection.era == era, idle.count < pool.settings.keepalive else { return false }
        if hasMoved, !addresses.contains(connection.address) { return false }
        idle.append(connection)
        return true
    }

    /// The idle connection has been closed.
    func forget(_ connection: UpstreamConnection) {
        // Near the front in practice: the oldest ones are those that time out or are closed by the peer.
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    /// It is no part of the upstream any more: what comes back is closed.
    func retire() {
        index = -1
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
