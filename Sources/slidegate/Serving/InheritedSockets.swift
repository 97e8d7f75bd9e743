import EventLoop
import Glibc

/// What came with the process by the socket-activation convention (sd_listen_fds(3)): from systemd, or from the process that
/// this one follows. Not copyable, so that no forgotten copy keeps a socket open.
struct InheritedSockets: ~Copyable {
    private static let firstDescriptor: CInt = 3
    /// Far more than any unit has lines; a number from the environment is not believed without a bound.
    private static let countMax: CInt = 4096

    var listening: [ListeningSocket] = []
    /// Where the process that this one follows hears that it serves.
    var predecessor: Predecessor?
    /// What was passed and cannot be used, a line each.
    var warnings: [String] = []

    /// None.
    init() {}

    /// Takes them over, once: the variables are removed, lest a child takes them for its own. To be called before any
    /// other descriptor is opened and before any thread is started.
    static func take() -> InheritedSockets {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"] { unsetenv(name) } }
        var inherited = InheritedSockets()
        guard variable("LISTEN_PID").flatMap({ pid_t($0) }) == getpid(), let text = variable("LISTEN_FDS") else {
            return inherited  // meant for another process, as the convention says
        }
        guard let count = CInt(text), (0...countMax).contains(count) else {
            inherited.warnings.append("warning: LISTEN_FDS is \(text), which is no number of sockets; none is used")
            return inherited
        }
        let names = variable("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false).map { String($0) } ?? []
        for index in 0..<Int(count) {
            inherited.take(firstDescriptor + CInt(index), named: index < names.count ? names[index] : "unknown")
        }
        return inherited
    }

    private mutating func take(_ descriptor: CInt, named name: String) {
        if name == predecessorDescriptorName {
            predecessor = Predecessor(descriptor)
            return
        }
        do throws(SocketError) {
            listening.append(try ListeningSocket(adopting: descriptor, named: name))
        } catch {
            warnings.append(
                "warning: the descriptor \(descriptor) that came as \(name) is not a listening stream socket; it is not used")
            close(descriptor)
        }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// The process that this one was started by, to take over from.
final class Predecessor {
    private let descriptor: CInt
    /// What it has left for this process; empty when nothing.
    let message: [UInt8]

    fileprivate init(_ descriptor: CInt) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var bytes = [UInt8](repeating: 0, count: TicketKeys.messageBytesMax)
        let count = recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT))
        message = Array(bytes.prefix(max(count, 0)))
    }

    deinit { close(descriptor) }

    /// From here on this process serves, and the other may stop. Until then it would go on if this one failed.
    func tellReady() {
        let message = Array(Handover.readyMessage.utf8)
        _ = send(descriptor, message, message.count, CInt(MSG_NOSIGNAL))
    }
}
