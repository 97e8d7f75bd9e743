package import Bytes
import CLibevent
import Glibc

/// Where a socket is bound or connected to.
package enum SocketAddress: Hashable, Sendable {
    /// `address` in host byte order.
    case ipv4(address: UInt32, port: UInt16)
    /// The sixteen address bytes as two big-endian words.
    case ipv6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)
    /// A socket in the file system: an absolute path of at most `unixPathBytesMax` bytes without NUL.
    case unix(path: String)
    /// A peer without an address of its own, as behind a Unix socket.
    case unnamed

    /// What `sun_path` holds besides the NUL at its end.
    package static let unixPathBytesMax = 107

    package var port: UInt16 {
        switch self {
        case .ipv4(_, let port), .ipv6(_, _, let port, _): port
        case .unix, .unnamed: 0
        }
    }

    /// The same host with another port; what has no port stays as it is.
    package func withPort(_ port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let address, _): .ipv4(address: address, port: port)
        case .ipv6(let high, let low, _, let scope): .ipv6(high: high, low: low, port: port, scope: scope)
        case .unix, .unnamed: self
        }
    }

    /// The textual form of an IP address (RFC 5952 for IPv6, without brackets); `unix` for a local socket, whose peers are not
    /// told apart.
    package func appendHost(to buffer: inout ByteBuffer) {
        switch self {
        case .ipv4(let address, _):
            buffer.append(decimal: Int(address >> 24))
            buffer.append(0x2E)
            buffer.append(decimal: Int(address >> 16 & 0xFF))
            buffer.append(0x2E)
            buffer.append(decimal: Int(address >> 8 & 0xFF))
            buffer.append(0x2E)
            buffer.append(decimal: Int(address & 0xFF))
        case .ipv6(let high, let low, _, _):
            var bytes = in6_addr()
            withUnsafeMutableBytes(of: &bytes) {
                $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count))
            buffer.append(text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
        case .unix, .unnamed:
            buffer.append("unix")
        }
    }

    /// The same as text.
    package var hostText: String {
        var buffer = ByteBuffer()
        appendHost(to: &buffer)
        return buffer.withSpan { String(copying: $0) }
    }

    package var isIPv6: Bool { if case .ipv6 = self { true } else { false } }

    /// The file of a Unix socket.
    package var path: String? { if case .unix(let path) = self { path } else { nil } }
}

extension SocketAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unix(let path): return "unix:\(path)"
        case .unnamed: return "unix"
        case .ipv4, .ipv6: break
        }
        var buffer = ByteBuffer()
        if isIPv6 { buffer.append("[") }
        appendHost(to: &buffer)
        if isIPv6 { buffer.append("]") }
        buffer.append(":")
        buffer.append(decimal: Int(port))
        return buffer.withSpan { String(copying: $0) }
    }
}

// MARK: - The C form

extension SocketAddress {
    /// What the kernel filled in; nil for families that this program does not use.
    init(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            self = .ipv4(address: UInt32(bigEndian: address.sin_addr.s_addr), port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            let (high, low) = withUnsafeBytes(of: address.sin6_addr) {
                (
                    UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            let port = UInt16(bigEndian: address.sin6_port)
            // An IPv4 client of a dual-stack socket is an IPv4 client.
            if high == 0, low >> 32 == 0xFFFF {
                self = .ipv4(address: UInt32(truncatingIfNeeded: low), port: port)
            } else {
                self = .ipv6(high: high, low: low, port: port, scope: address.sin6_scope_id)
            }
        case AF_UNIX:
            let path = withUnsafeBytes(of: storage) {
                $0.dropFirst(Self.unixPathOffset).prefix(Self.unixPathBytesMax).prefix { $0 != 0 }
                    .withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            }
            // Empty for a peer that is not bound, and for names outside of the file system, which are not used here.
            self = path.isEmpty ? .unnamed : .unix(path: path)
        default:
            self = .unnamed
        }
    }

    private static let unixPathOffset = MemoryLayout<sa_family_t>.size

    /// Lends the address as `sockaddr`.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { bytes in
            switch self {
            case .ipv4(let host, let port):
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                address.sin_addr.s_addr = host.bigEndian
                bytes.storeBytes(of: address, as: sockaddr_in.self)
                return MemoryLayout<sockaddr_in>.size
            case .ipv6(let high, let low, let port, let scope):
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                address.sin6_scope_id = scope
                withUnsafeMutableBytes(of: &address.sin6_addr) {
                    $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                    $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
                }
                bytes.storeBytes(of: address, as: sockaddr_in6.self)
                return MemoryLayout<sockaddr_in6>.size
            case .unix(let path):
                bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
                let path = Array(path.utf8.prefix(Self.unixPathBytesMax))
                for (index, byte) in path.enumerated() { bytes[Self.unixPathOffset + index] = byte }
                return Self.unixPathOffset + path.count + 1
            case .unnamed:
                return MemoryLayout<sockaddr>.size
            }
        }
        return withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    var family: CInt {
        switch self {
        case .ipv4, .unnamed: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// The address that the kernel gave a bound socket.
    static func local(of descriptor: CInt) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return SocketAddress(storage)
    }
}

// MARK: - Name resolution

/// A host name that did not resolve.
package struct ResolutionError: Error, Equatable, CustomStringConvertible {
    package var host: String
    package var reason: String
    package var description: String { "cannot resolve \(host): \(reason)" }
}

extension SocketAddress {
    /// Resolves a host name or an IP literal; blocks, so it is for start and reload and never for a worker's loop.
    /// - Throws: `ResolutionError` when the name has no address.
    package static func resolve(host: String, port: UInt16) throws(ResolutionError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var first: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &first)
        guard status == 0 else {
            throw ResolutionError(host: host, reason: String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = first
        while let entry = next {
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(
                    from: UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen)))
            }
            let address = SocketAddress(storage)
            if !addresses.contains(address) { addresses.append(address) }
            next = entry.pointee.ai_next
        }
        return addresses
    }
}
