import Bytes
package import EventLoop
import HTTP1

/// How clients of one listener are served under TLS.
package final class ListenerSecurity: Sendable {
    package let server: TLSServer
    /// The request field that tells the upstream who the client is: the subject of its verified certificate (RFC 4514).
    package let subjectHeader: String?
    /// The field line that all answers carry (RFC 6797 §6.1), with its CRLF; empty for none.
    let strictTransportLine: [UInt8]

    /// - Parameter strictTransport: the value of `Strict-Transport-Security`.
    package init(server: TLSServer, subjectHeader: String? = nil, strictTransport: String? = nil) {
        self.server = server
        self.subjectHeader = subjectHeader
        strictTransportLine = strictTransport.map { Array("Strict-Transport-Security: \($0)\r\n".utf8) } ?? []
    }

    private static let strictTransportName = Array("strict-transport-security".utf8)
    private static let strictTransportHash = canonicalHash(strictTransportName.span)

    /// Appends the line, and drops what the upstream says of the matter: clients heed the first line alone (RFC 6797 §8.1).
    func appendStrictTransport(
        replacing fields: inout FieldSection, _ bytes: Span<UInt8>, to output: inout ByteBuffer
    ) {
        guard !strictTransportLine.isEmpty else { return }
        fields.drop(Self.strictTransportName.span, hash: Self.strictTransportHash, from: bytes)
        output.append(strictTransportLine)
    }
}
