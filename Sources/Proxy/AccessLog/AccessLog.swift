import Bytes
import EventLoop
import HTTP1

/// One line for each request that has ended.
final class AccessLog {
    /// Begins a line: composes what it needs of a request's head, which is gone when the request ends.
    /// - Parameter bytes: what `head` was parsed from.
    func begin(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, from client: SocketAddress, into line: inout ByteBuffer) {
        line.removeAll()
    }

    /// Begins the line of a request whose head never came whole.
    func beginWithoutHead(from client: SocketAddress, into line: inout ByteBuffer) { line.removeAll() }

    /// Completes the line with what became of the request, and takes it.
    func end(_ record: inout RequestRecord) { record.line.removeAll() }
}
