package import EventLoop
import Glibc

/// Where a log can go.
package enum LogDestination: Sendable, Hashable {
    /// One that the process has been started with.
    case descriptor(CInt)
    /// Made where it is not there, and appended to.
    case file(path: String)
    /// The socket of a local syslog, as `/dev/log`.
    case syslogSocket(path: String)
    /// A syslog that listens on UDP.
    case syslogServer(SocketAddress)

    /// - Throws: what is wrong with it, by its name.
    func open() throws(SocketError) -> sending any LogSink {
        switch self {
        case .descriptor(let descriptor): StreamSink(descriptor)
        case .file(let path): try StreamSink(path: path)
        case .syslogSocket(let path): try SyslogSink(.unix(path: path))
        case .syslogServer(let address): try SyslogSink(address)
        }
    }
}

/// What writes a log's lines; belongs to one thread.
protocol LogSink: AnyObject {
    /// For messages.
    var name: String { get }
    /// Whether what it writes to is elsewhere now. Asked before each portion, and cheap.
    var hasMoved: Bool { get }

    /// Goes over to what is there now under the same name; nil, or why it could not and goes on as before.
    func reopen() -> String?

    /// Blocks until the lines have been taken.
    /// - Parameter lines: that `bytes` are, each with its line feed.
    /// - Returns: how many of them are lost, and why.
    func write(_ bytes: [UInt8], lines: Int) -> (lost: Int, failure: String?)

    func close()
}
