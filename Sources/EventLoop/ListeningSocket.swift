import CLibevent
import Glibc
import Synchronization

/// A bound and listening socket, not on any loop itself: made on one thread and handed to others.
package final class ListeningSocket: Sendable {
    /// What a socket of this program's own making is called when it is passed on to an heir.
    package static let ownName = "slidegate-listener"

    let descriptor: CInt
    package let address: SocketAddress
    /// Who made it, as `LISTEN_FDNAMES` says it: `ownName`, or the name that a service manager has given it.
    package let name: String
    /// Of a Unix socket.
    package let file: UnixSocketFile?

    /// By all loops together, where several accept from it.
    let acceptedCount = Atomic(0)

    /// Made by this program, or by the process that it follows: nobody else holds it.
    package var isOwn: Bool { name == Self.ownName }

    /// Binds with `SO_REUSEPORT`, so that each worker has a socket of its own on the same address. A Unix socket is one for all,
    /// and only its owner may connect until `UnixSocketFile.setMode`.
    /// - Throws: the failing call, as when the address is in use by another program.
    package init(boundTo requested: SocketAddress, backlog: CInt = 4096) throws(SocketError) {
        let flags = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(requested.family, flags, 0)
        guard descriptor >= 0 else { throw SocketError("socket", errno) }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<CInt>.size))
        // Accepted sockets inherit it: one system call less for each connection.
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        if requested.isIPv6 {  // `[::]` takes IPv4 clients whatever net.ipv6.bindv6only says
            var off: CInt = 0
            setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(MemoryLayout<CInt>.size))
        }
        if let path = requested.path {
            do throws(SocketError) {
                try UnixSocketFile.clear(path)
            } catch {
                close(descriptor)
                throw error
            }
            fchmod(descriptor, 0o600)  // what `bind` makes the file with
        }
        guard requested.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else {
            let code = errno
            close(descriptor)
            throw SocketError("bind \(requested)", code)
        }
        guard listen(descriptor, backlog) == 0 else {
            let code = errno
            close(descriptor)
            throw SocketError("listen \(requested)", code)
        }
        self.descriptor = descriptor
        address = .local(of: descriptor)
        name = Self.ownName
        file = address.path.flatMap { UnixSocketFile(at: $0) }
    }

    /// Takes over a socket that somebody else has bound: a service manager, or the process that this one follows. Its
    /// queue comes with it, and so do its options, but for those that serving depends on.
    /// - Throws: when it is no listening stream socket; the descriptor is left open then.
    package init(adopting descriptor: CInt, named name: String) throws(SocketError) {
        guard Self.option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue),
            Self.option(SO_ACCEPTCONN, of: descriptor) == 1
        else { throw SocketError("SO_ACCEPTCONN", EINVAL) }
        // The first belongs to the description, which others may hold as well; whoever accepts without blocking minds it not.
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw SocketError("fcntl", errno) }
        var on: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        self.descriptor = descriptor
        address = .local(of: descriptor)
        self.name = name
        file = address.path.flatMap { UnixSocketFile(at: $0) }
    }

    deinit { close(descriptor) }

    /// The one on that address that has come with the process, taken out of `inherited`, or else a new one: for listeners
    /// that are not the workers', one socket each.
    package static func taking(
        _ address: SocketAddress, from inherited: inout [ListeningSocket]
    ) throws(SocketError) -> ListeningSocket {
        // The last: with port 0 the workers' match too, and are passed on first.
        if let index = inherited.lastIndex(where: { $0.isMatch(for: address) }) { return inherited.remove(at: index) }
        if address.path == nil { try checkIsFree(address) }
        return try ListeningSocket(boundTo: address)
    }

    /// Whether it is what is asked for as `requested`, where port 0 stands for any that this program has chosen.
    package func isMatch(for requested: SocketAddress) -> Bool {
        requested.port == 0 && requested.path == nil ? isOwn && address.withPort(0) == requested : address == requested
    }

    /// Whether nobody listens there yet. Sockets that share an address would let a second program take half of the first
    /// one's connections without a word.
    /// - Throws: what `bind` says, as that the address is in use.
    package static func checkIsFree(_ address: SocketAddress) throws(SocketError) {
        let probe = socket(address.family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw SocketError("socket", errno) }
        defer { close(probe) }
        var on: CInt = 1
        setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        guard address.withSockaddr({ bind(probe, $0, $1) }) == 0 else { throw SocketError("bind \(address)", errno) }
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }
}
