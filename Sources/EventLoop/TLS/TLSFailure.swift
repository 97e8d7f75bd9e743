/// Why TLS on a stream came to an end that is not its proper one.
package enum TLSFailure: Error, Hashable, Sendable {
    /// The first bytes were a request in plain HTTP. Nothing has been answered.
    case plainHTTP
    /// The peer's certificate is not trusted; what is wrong with it, in OpenSSL's words.
    case certificate(String)
    /// Neither side's certificate: no common version, cipher or protocol, an alert, a malformed record.
    case protocolError(String)
    /// The connection ended without `close_notify` (RFC 8446 §6.1): more may have been meant to come.
    case truncated
}

extension TLSFailure {
    package var isAboutCertificate: Bool { if case .certificate = self { true } else { false } }
}

extension TLSFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .plainHTTP: "plain HTTP instead of TLS"
        case .certificate(let reason): "certificate: \(reason)"
        case .protocolError(let reason): reason
        case .truncated: "closed without close_notify"
        }
    }
}
