import CLibevent
import Glibc

/// A system call on a socket that failed: which one, and with what `errno`.
package struct SocketError: Error, Equatable, Sendable, CustomStringConvertible {
    package var call: String
    package var code: Int32

    package init(_ call: String, _ code: Int32) {
        self.call = call
        self.code = code
    }

    package var description: String { "\(call): \(String(cString: strerror(code)))" }

    /// The process or the system is out of file descriptors.
    package var isDescriptorShortage: Bool { code == EMFILE || code == ENFILE }
}
