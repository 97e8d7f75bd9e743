/// An `http` or `https` URL (RFC 9110 §4.2) without user and fragment.
package struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    package var isSecure: Bool
    /// The port is never 0.
    package var endpoint: Endpoint
    /// Path and query, in origin-form.
    package var target: String
    /// As written.
    package var description: String

    /// The value of `Host`: without the scheme's own port.
    package var authority: String {
        let text = endpoint.description
        let suffix = isSecure ? ":443" : ":80"
        return text.hasSuffix(suffix) ? String(text.dropLast(suffix.count)) : text
    }

    /// Whether the host is this machine by its very name.
    package var isLoopback: Bool {
        switch endpoint.host {
        case .ipv4(let text): text.hasPrefix("127.")
        case .ipv6(let text): text == "::1"
        case .name(let text): text == "localhost" || text.hasSuffix(".localhost")
        case .unix: true
        }
    }
}
