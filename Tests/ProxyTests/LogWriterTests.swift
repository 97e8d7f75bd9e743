import EventLoop
import Foundation
import Glibc
import Testing

@testable import Proxy

@Suite("The writer of logs")
struct LogWriterTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "logs-\(UUID().uuidString)")
    private var path: String { folder.appending(path: "a.log").path }

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    private func lines(_ name: String = "a.log") -> [String] {
        let text = (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<2_000 {
            if condition() { return true }
            usleep(5_000)
        }
        return false
    }

    private func write(_ lines: ClosedRange<Int>, to writer: LogWriter) {
        for line in lines { writer.writePlain("line \(line)") }
    }

    @Test func `a file is made for its owner and group, and appended to`() throws {
        for part in 0..<2 {
            let writer = try LogWriter(.file(path: path))
            writer.writePlain("part \(part)")
            writer.close()
        }
        #expect(lines() == ["part 0", "part 1"])
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 & ~0o640 == 0)
    }

    @Test(arguments: ["missing/a.log", ".", "file/a.log"])
    func `a file that cannot be is named`(_ name: String) throws {
        try Data().write(to: folder.appending(path: "file"))
        let path = folder.path + "/" + name
        #expect {
            _ = try LogWriter(.file(path: path))
        } throws: { "\($0)".hasPrefix("cannot log to \(path): ") }
    }

    @Test func `a pipe that nobody reads does not hold up the start`() throws {
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: SocketError.self) { _ = try LogWriter(.file(path: path)) }
    }

    @Test func `after its file was moved, what comes later is in a new one`() throws {
        let writer = try LogWriter(.file(path: path))
        write(1...3, to: writer)
        #expect(eventually { lines().count == 3 })
        #expect(rename(path, path + ".1") == 0)
        writer.reopen()
        #expect(eventually { access(path, F_OK) == 0 })
        write(4...6, to: writer)
        writer.close()
        #expect(lines("a.log.1") == ["line 1", "line 2", "line 3"])
        #expect(lines() == ["line 4", "line 5", "line 6"])
    }

    @Test func `a file that was moved is noticed without being told`() throws {
        let writer = try LogWriter(.file(path: path))
        write(1...1, to: writer)
        #expect(eventually { lines().count == 1 })
        #expect(rename(path, path + ".1") == 0)
        #expect(eventually {
            writer.writePlain("more")
            return access(path, F_OK) == 0
        })
        writer.close()
        #expect(writer.droppedLines == 0)
    }

    @Test func `where no new file can be made, the old one goes on, and that is told`() throws {
        let teller = try LogWriter(.file(path: folder.path + "/teller.log"))
        let writer = try LogWriter(.file(path: path), teller: teller)
        write(1...1, to: writer)
        #expect(eventually { lines().count == 1 })
        #expect(rename(path, path + ".1") == 0)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        writer.reopen()
        write(2...2, to: writer)
        writer.close()
        teller.close()
        #expect(lines("a.log.1") == ["line 1", "line 2"])
        #expect(lines("teller.log").count == 1)
        #expect(lines("teller.log").allSatisfy { $0.contains("the log \(path) fails: cannot log to \(path): ") })
    }

    @Test func `a syslog that comes back is told of, with what it has missed`() throws {
        let teller = try LogWriter(.file(path: folder.path + "/teller.log"))
        let socketPath = folder.path + "/log"
        func bound() throws -> CInt {
            let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socketPath.utf8)) }
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
            try #require(result == 0)
            return descriptor
        }
        let first = try bound()
        let writer = try LogWriter(.syslogSocket(path: socketPath), teller: teller)
        close(first)
        unlink(socketPath)
        writer.writePlain("lost")
        #expect(eventually { lines("teller.log").contains { $0.contains("fails:") } })
        let second = try bound()
        defer { close(second) }
        let before = writer.droppedLines
        #expect(eventually {
            writer.writePlain("found")
            var byte: UInt8 = 0
            return recv(second, &byte, 1, CInt(MSG_DONTWAIT)) > 0
        })
        writer.close()
        teller.close()
        let last = try #require(lines("teller.log").last)
        #expect(before >= 1 && last.hasSuffix("is written again; \(writer.droppedLines) of its lines are lost so far"), "\(last)")
    }

    @Test func `lines beyond the bound are dropped whole, counted and told of, and nobody waits`() throws {
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let writer = try LogWriter(.descriptor(ends[1]), bytesMax: 1 << 20)
        let line = String(repeating: "x", count: 999)
        let begun = ContinuousClock.now
        for _ in 0..<3_000 { writer.writePlain(line) }
        #expect(ContinuousClock.now - begun < .seconds(2))
        let dropped = writer.droppedLines
        #expect(dropped > 1_800 && dropped < 2_100)
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var ended = 0
        while ended < 3_000 - dropped + 1 {
            let count = read(ends[0], &chunk, chunk.count)
            try #require(count > 0)
            text += chunk[..<count]
            ended += chunk[..<count].count { $0 == 0x0A }
        }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        #expect(lines.count { $0 == line } == 3_000 - dropped)
        #expect(lines.filter { $0 != line }.map(Self.untimed) == ["slidegate: \(dropped) log lines were dropped: descriptor \(ends[1]) does not take them fast enough"])
        writer.close()
    }

    @Test func `what is written to a pipe comes in pieces of whole lines that the pipe takes at once`() throws {
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        let writer = try LogWriter(.descriptor(ends[1]))
        let line = Array((String(repeating: "y", count: 299) + "\n").utf8)
        writer.write(Array(repeatElement(line, count: 50).joined()), lines: 50)
        let long = Array((String(repeating: "z", count: 9_999) + "\n").utf8)
        writer.write(long + line, lines: 2)
        var sizes: [Int] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while sizes.reduce(0, +) < 50 * 300 + 10_300 {
            let count = recv(ends[0], &chunk, chunk.count, 0)
            try #require(count > 0)
            #expect(chunk[count - 1] == 0x0A)
            sizes.append(count)
        }
        #expect(sizes == [3900, 3900, 3900, 3300, 10_000, 300])
        writer.close()
    }

    /// A line of the process itself, without its time, which must be there.
    private static func untimed(_ line: some StringProtocol) -> String {
        guard let space = line.firstIndex(of: " "), ISO8601DateFormatter().date(from: String(line[..<space])) != nil else { return "" }
        return String(line[line.index(after: space)...])
    }

    @Test func `a reader that has gone costs lines, and they are counted`() throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        let writer = try LogWriter(.descriptor(ends[1]))
        write(1...5, to: writer)
        writer.close()
        #expect(writer.droppedLines == 5)
    }

    @Test func `a disk that is full costs lines, and they are counted and told of`() throws {
        let teller = try LogWriter(.file(path: path))
        let writer = try LogWriter(.file(path: "/dev/full"), teller: teller)
        write(1...3, to: writer)
        writer.close()
        teller.close()
        #expect(writer.droppedLines == 3)
        #expect(lines().first.map(Self.untimed) == "slidegate: the log /dev/full fails: No space left on device")
        #expect(lines().dropFirst().allSatisfy { $0.contains("log lines were dropped: /dev/full does not take them") })
    }

    @Test func `two writers to one file never mix lines`() throws {
        let writers = try (0..<2).map { _ in try LogWriter(.file(path: path)) }
        let threads = writers.enumerated().map { index, writer in
            Thread {
                let line = String(repeating: "\(index)", count: 200)
                for _ in 0..<200 { writer.write(Array(repeatElement(Array((line + "\n").utf8), count: 20).joined()), lines: 20) }
            }
        }
        for thread in threads { thread.start() }
        #expect(eventually { threads.allSatisfy(\.isFinished) })
        for writer in writers { writer.close() }
        let dropped = writers.reduce(0) { $0 + $1.droppedLines }
        #expect(lines().count == 8_000 - dropped)
        #expect(lines().allSatisfy { $0.count == 200 && Set($0).count == 1 })
    }

    @Test func `a writer that nobody knows any more writes what it has and ends`() throws {
        var writer: LogWriter? = try LogWriter(.file(path: path))
        if let writer { write(1...100, to: writer) }
        writer = nil
        #expect(eventually { lines().count == 100 })
    }

    @Test func `a syslog gets each line as a datagram, and one that comes back is found again`() throws {
        let socketPath = folder.path + "/log"
        #expect(throws: SocketError.self) { _ = try LogWriter(.syslogSocket(path: socketPath)) }
        var receiver = try DatagramReceiver(path: socketPath)
        let writer = try LogWriter(.syslogSocket(path: socketPath))
        write(1...3, to: writer)
        for line in 1...3 { #expect(receiver.next()?.hasSuffix("]: line \(line)") == true) }
        receiver.end()
        unlink(socketPath)
        receiver = try DatagramReceiver(path: socketPath)
        #expect(eventually {
            writer.writePlain("again")
            return receiver.next(milliseconds: 10)?.hasSuffix(": again") == true
        })
        writer.close()
        receiver.end()
    }
}

/// A syslog's socket.
struct DatagramReceiver {
    private let descriptor: CInt

    init(path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        try #require(path.utf8.count < 108)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let status = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        try #require(status == 0)
    }

    /// Nil when none comes in time.
    func next(milliseconds: Int32 = 5_000) -> String? {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&state, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    func end() { close(descriptor) }
}

extension LogWriter {
    /// A line as a worker hands it over: whole, with what it says of the time.
    fileprivate func writePlain(_ line: String) { write(Array((line + "\n").utf8), lines: 1) }
}
