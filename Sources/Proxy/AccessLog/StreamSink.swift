import EventLoop
import Glibc

/// A log in a file, a pipe or whatever else has a descriptor.
///
/// Two processes may write to the same one, as during a hand-over. So each call writes whole lines: to a file any number, which
/// O_APPEND keeps together; else no more than a pipe takes at once (POSIX `write`, PIPE_BUF).
final class StreamSink: LogSink {
    private static let pieceBytesMax = Int(PIPE_BUF)
    /// Between two looks at whether the file is still there, in milliseconds.
    private static let lookInterval: Int64 = 1_000

    let name: String
    /// Nil: a descriptor that is not ours.
    private let path: String?
    private var descriptor: CInt
    private var identity = FileIdentity()
    private var isFile = false
    private var lookedAt = Instant.current()
    /// What was written last is the beginning of a line.
    private var isWithinLine = false

    init(_ descriptor: CInt) {
        path = nil
        name = descriptor == STDOUT_FILENO ? "stdout" : descriptor == STDERR_FILENO ? "stderr" : "descriptor \(descriptor)"
        self.descriptor = descriptor
        identify()
    }

    init(path: String) throws(SocketError) {
        self.path = path
        name = path
        descriptor = try Self.open(path)
        identify()
    }

    private static func open(_ path: String) throws(SocketError) -> CInt {
        // Without O_NONBLOCK a named pipe that nobody reads would hold up the start.
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        let descriptor = Glibc.open(path, flags, 0o640)
        guard descriptor >= 0 else { throw SocketError("cannot log to \(path)", errno) }
        return descriptor
    }

    private func identify() {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        identity = FileIdentity(status)
        isFile = status.st_mode & S_IFMT == S_IFREG
    }

    var hasMoved: Bool {
        guard let path else { return false }
        let now = Instant.current()
        guard now.milliseconds - lookedAt.milliseconds >= Self.lookInterval else { return false }
        lookedAt = now
        var status = stat()
        guard stat(path, &status) == 0 else { return errno == ENOENT }
        return FileIdentity(status) != identity
    }

    func reopen() -> String? {
        guard let path else { return nil }
        do throws(SocketError) {
            let next = try Self.open(path)
            Glibc.close(descriptor)
            descriptor = next
            isWithinLine = false
            identify()
            return nil
        } catch {
            return "\(error)"
        }
    }

    func write(_ bytes: [UInt8], lines: Int) -> (lost: Int, failure: String?) {
        if isWithinLine {
            guard put([0x0A], 0..<1) == 1 else { return (lines, String(cString: strerror(errno))) }
            isWithinLine = false
        }
        var start = 0
        while start < bytes.count {
            let end = isFile ? bytes.count : Self.endOfPiece(bytes, from: start)
            let written = put(bytes, start..<end)
            guard written < end - start else {
                start = end
                continue
            }
            let reason = String(cString: strerror(errno))
            isWithinLine = written > 0 && bytes[start + written - 1] != 0x0A
            let lost = bytes[(start + written)...].reduce(into: 0) { $0 += $1 == 0x0A ? 1 : 0 }
            return (lines == 0 ? 0 : lost, reason)
        }
        return (0, nil)
    }

    /// Behind the last line that ends within what can be written at once; behind the first where it is longer.
    private static func endOfPiece(_ bytes: [UInt8], from start: Int) -> Int {
        let limit = min(start + pieceBytesMax, bytes.count)
        if let last = bytes[start..<limit].lastIndex(of: 0x0A) { return last + 1 }
        return bytes[limit...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
    }

    /// How many of the bytes have been written; `errno` says why not all.
    private func put(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + offset, range.upperBound - offset) }
            if written > 0 {
                offset += written
            } else if written < 0 && errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
            } else if written == 0 || errno != EINTR {
                break
            }
        }
        return offset - range.lowerBound
    }

    func close() { if path != nil { Glibc.close(descriptor) } }
}

/// What tells two files apart that have had the same name.
private struct FileIdentity: Equatable {
    var device: dev_t = 0
    var node: ino_t = 0

    init() {}

    init(_ status: stat) {
        device = status.st_dev
        node = status.st_ino
    }
}
