/// A host and a port, or a Unix socket, as written: `127.0.0.1:8080`, `[::1]:8080`, `api.internal:9000`, `unix:/run/app.sock`.
package struct Endpoint: Sendable, Hashable {
    package enum Host: Sendable, Hashable {
        /// Dotted decimal, four numbers without leading zeros.
        case ipv4(String)
        /// RFC 4291 text without the brackets.
        case ipv6(String)
        /// A host name to be resolved (RFC 1123 §2.1, and `_` as container networks use it).
        case name(String)
        /// A socket in the file system; the port is 0 and means nothing.
        case unix(path: String)
    }

    package var host: Host
    package var port: UInt16

    package init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var isUnix: Bool { if case .unix = host { true } else { false } }

    /// The host alone, as `getaddrinfo` wants it: IPv6 without brackets; the path of a Unix socket.
    package var hostText: String {
        switch host {
        case .ipv4(let text), .ipv6(let text), .name(let text), .unix(let text): text
        }
    }
}

extension Endpoint: CustomStringConvertible {
    package var description: String {
        switch host {
        case .ipv6(let text): "[\(text)]:\(port)"
        case .unix(let path): "unix:\(path)"
        case .ipv4(let text), .name(let text): "\(text):\(port)"
        }
    }
}
