import Bytes
import EventLoop

/// A connection to an origin server: lent to one exchange at a time, idle in its pool between them.
final class UpstreamConnection: TableEntry {
    let server: UpstreamServer
    let stream: ByteStream
    let address: SocketAddress
    /// Of the server, when it was made.
    let era: Int
    private let slot: Int
    /// The exchange that uses it; nil while idle.
    private(set) var exchange: Exchange?
    /// The beginning of a head that has not arrived whole.
    var input = ByteBuffer()
    private var accountedInput = 0
    /// It has carried an exchange before, so that the peer may have closed it just now.
    private(set) var isReused = false
    private(set) var isConnected = false

    private let worker: Worker

    /// - Parameter client: whom the connection is made for; told to upstreams that want to know.
    init(
        connectingTo address: SocketAddress, of server: UpstreamServer, for client: DownstreamConnection?
    ) throws(SocketError) {
        self.server = server
        self.address = address
        era = server.era
        worker = server.worker
        stream = try ByteStream(connectingTo: address, on: worker.loop, tls: server.settings.tls)
        slot = worker.table.reserveSlot()
        worker.table.insert(self, at: slot)
        if isOfOneClient { writeProxyHeader(for: client) }
        stream.start(for: self)
    }

    /// Keeps the loop's account of what waits here.
    func accountForInput() {
        if input.count != accountedInput { worker.loop.account(for: input.count, accounted: &accountedInput) }
    }

    func lend(to exchange: Exchange) {
        self.exchange = exchange
        worker.table.setDeadline(.never, at: slot)
    }

    /// The exchange is over and left the connection clean.
    func release() {
        exchange = nil
        input.release()
        isReused = true
        stream.resumeReading()  // paused if the last piece of the answer had to wait for the client
        guard !isOfOneClient, server.putBack(self) else { return close() }
        worker.table.setDeadline(afterMilliseconds: server.pool.settings.idleTimeout, at: slot)
    }

    /// Idempotent; an exchange that still uses it is not told.
    func close() {
        guard stream.isOpen else { return }
        exchange = nil
        stream.close()
        input.release()
        accountForInput()
        worker.table.remove(at: slot)
    }

    func deadlineExpired() {
        server.forget(self)
        close()
    }
}

extension UpstreamConnection: ByteStreamHandler {
    func streamReceived(_ bytes: Span<UInt8>) {
        if let exchange { return exchange.upstreamReceived(bytes) }
        noteExcess()
        deadlineExpired()  // an answer to nothing: whoever came next would take it for their own
    }

    func streamEnded() {
        if let exchange { exchange.upstreamEnded() } else { deadlineExpired() }
    }

    func streamDrained() { exchange?.upstreamDrained() }

    func streamConnected() {
        isConnected = true
        exchange?.upstreamConnected()
    }

    func streamFailed(_ error: SocketError) {
        if let exchange { exchange.upstreamFailed(error) } else { deadlineExpired() }
    }
}
