import EventLoop

/// A listening socket for one worker, and the address as it was asked for (with port 0, where the system chose).
struct WorkerSocket: Sendable {
    var requested: SocketAddress
    var socket: ListeningSocket
    /// How many workers accept from it.
    var sharers: Int
}

/// An address that was asked for, and the sockets on it.
///
/// The program makes one socket for each worker, and the kernel shares connections out among them. Sockets that come from
/// elsewhere may be more or fewer than that: a service manager hands over one for each line of its unit, a predecessor one for
/// each worker that it had. No queue may be left without somebody who accepts from it.
struct ListenerBinding {
    let requested: SocketAddress
    /// Never empty; all on one address.
    let sockets: [ListeningSocket]

    /// As bound: with the port that the system gave for port 0.
    var address: SocketAddress { sockets[0].address }

    /// The worker's own socket where there are enough for all, and those that nobody has to himself.
    func sockets(ofWorker worker: Int, of workerCount: Int) -> [WorkerSocket] {
        let ownCount = sockets.count < workerCount ? 0 : workerCount
        let own = sockets.prefix(ownCount).enumerated().filter { $0.offset == worker }.map(\.element)
        return own.map { WorkerSocket(requested: requested, socket: $0, sharers: 1) }
            + sockets.dropFirst(ownCount).map { WorkerSocket(requested: requested, socket: $0, sharers: workerCount) }
    }
}

// MARK: - Binding

extension ListenerBinding {
    /// Takes the sockets on that address out of `inherited`, or binds new ones.
    /// - Parameter neighbours: where this program listens already.
    /// - Throws: when the address cannot be bound, as when another program listens there.
    init(
        _ requested: SocketAddress, workerCount: Int, inheriting inherited: inout [ListeningSocket],
        neighbours: [SocketAddress]
    ) throws(SocketError) {
        self.requested = requested
        var sockets: [ListeningSocket] = []
        if let match = inherited.first(where: { $0.isMatch(for: requested) })?.address {
            sockets = inherited.filter { $0.address == match }
            inherited.removeAll { $0.address == match }
        } else if requested.path == nil, !neighbours.contains(where: { $0.port == requested.port }) {
            // With a neighbour on the port, as when 0.0.0.0 follows 127.0.0.1, the check would find ourselves. Then `bind`
            // alone decides: it refuses a port that another user's or an ordinary program listens on.
            try ListeningSocket.checkIsFree(requested)
        }
        // A service manager's sockets are left as they are: their queues outlive this process, and ours would not.
        let mayBind = sockets.allSatisfy(\.isOwn)
        // A path leads to one socket, which the workers share.
        let countMax = requested.path == nil ? workerCount : 1
        while mayBind && sockets.count < countMax {
            do throws(SocketError) {
                sockets.append(try ListeningSocket(boundTo: sockets.first?.address ?? requested))
            } catch {
                guard !sockets.isEmpty else { throw error }
                break  // what there is will be shared
            }
        }
        self.sockets = sockets
    }
}

extension ListenerBinding {
    /// A service manager's sockets are its own business, here and below.
    func setFileMode(_ mode: UInt32) throws(SocketError) {
        for socket in sockets where socket.isOwn { try socket.file?.setMode(mode) }
    }

    func removeFiles() {
        for socket in sockets where socket.isOwn { socket.file?.remove() }
    }
}
