import CLibevent
import Glibc

extension SocketAddress {
    /// A blocking socket whose datagrams go to this address. The caller closes it.
    /// - Throws: also when nobody listens there, where that can be known: at a Unix socket.
    package func connectedDatagramSocket() throws(SocketError) -> CInt {
        let descriptor = socket(family, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError("socket", errno) }
        guard withSockaddr({ connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            close(descriptor)
            throw SocketError("connect", code)
        }
        return descriptor
    }
}
