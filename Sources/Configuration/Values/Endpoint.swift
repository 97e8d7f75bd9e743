/// A host and a port, as written: `127.0.0.1:8080`, `[::1]:8080`, `api.internal:9000`.
package struct Endpoint: Sendable, Hashable {
    package enum Host: Sendable, Hashable {
        /// Dotted decimal, four numbers without leading zeros.
        case ipv4(String)
        /// RFC 4291 text without the brackets.
        case ipv6(String)
        /// A host name to be resolved (RFC 1123 §2.1, and `_` as container networks use it).
        case name(String)
    }

    package var host: Host
    package var port: UInt16

    package init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// The host alone, as `getaddrinfo` wants it: IPv6 without brackets.
    package var hostText: String {
        switch host {
        case .ipv4(let text), .ipv6(let text), .name(let text): text
        }
    }
}

extension Endpoint: CustomStringConvertible {
    package var description: String {
        if case .ipv6(let text) = host { "[\(text)]:\(port)" } else { "\(hostText):\(port)" }
    }
}
