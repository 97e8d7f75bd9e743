import Glibc

/// A system call on a socket that failed: which one, and with what `errno`. Or TLS on it: then `tls` says how.
package struct SocketError: Error, Equatable, Sendable, CustomStringConvertible {
    package var call: String
    package var code: Int32
    /// Nil when the transport failed.
    package var tls: TLSFailure?

    package init(_ call: String, _ code: Int32) {
        self.call = call
        self.code = code
    }

    package init(_ failure: TLSFailure) {
        call = "TLS"
        code = EPROTO
        tls = failure
    }

    package var description: String {
        if let tls { return "\(call): \(tls)" }
        return "\(call): \(String(cString: strerror(code)))"
    }

    /// The process or the system is out of file descriptors.
    package var isDescriptorShortage: Bool { code == EMFILE || code == ENFILE }
}
