import Foundation
import Glibc
import Testing

/// Goal: lines get where they are to go, whole and all of them, and whoever reads them cannot hold up a request. Method: count
/// requests and lines while files are moved, readers stall, settings change and processes follow each other.
@Suite("Where the access log goes")
struct AccessLogPlaceTests {
    @Test func `to standard output, unless it is said otherwise`() throws {
        let gateway = try Gateway("logs: { access: json }\n" + openToAll, upstream: try Origin.ok())
        #expect(try gateway.get("/here").status == 200)
        let text = try gateway.process.waitForLine(containing: "{", on: .output)
        #expect(try AccessLine(text)["path"] == "/here")
    }

    @Test func `a file that is moved away and opened again under load loses no line`() throws {
        let gateway = try Gateway("workers: 2\n" + Gateway.accessLog() + openToAll, upstream: try Origin.ok())
        let load = Load(4, at: gateway, requestsPerConnection: 20)
        var names = ["access.log"]
        for round in 1...4 {
            try load.waitForMore(150)
            try eventually { !gateway.accessText().isEmpty }  // lines wait for others, a while
            names.append("access.log.\(round)")
            #expect(rename(gateway.path("access.log"), gateway.path("access.log.\(round)")) == 0)
            gateway.process.signal(SIGUSR1)
            try eventually { access(gateway.path("access.log"), F_OK) == 0 }
        }
        try load.waitForMore(150)
        try eventually { !gateway.accessText().isEmpty }
        #expect(try load.stop() == [])
        gateway.process.signal(SIGTERM)
        #expect(try gateway.process.waitForExit() == .exited(0))
        let lines = names.flatMap { gateway.accessText($0) }
        #expect(lines.count == load.count)
        for line in lines { #expect(try AccessLine(line).status == 200) }
        for name in names { #expect(!gateway.accessText(name).isEmpty) }
    }

    @Test func `a hand-over loses no line, though two processes write for a while`() throws {
        let gateway = try Gateway("workers: 2\n" + Gateway.accessLog() + openToAll, upstream: try Origin.ok())
        let load = Load(4, at: gateway, requestsPerConnection: 10, bearsResets: true)
        try load.waitForMore(100)
        let heir = try gateway.handOver()
        try load.waitForMore(200)
        let other = try gateway.handOver(from: heir)
        try load.waitForMore(100)
        #expect(try load.stop() == [])
        #expect(try gateway.process.waitForExit() == .exited(0))
        try heir.waitForExit()
        other.signal(SIGTERM)
        try other.waitForExit()
        let lines = gateway.accessText()
        #expect(lines.count == load.count)
        for line in lines { _ = try AccessLine(line) }
    }

    @Test func `a reload changes format and place, and no line is lost or mixed`() throws {
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: try Origin.ok())
        let load = Load(3, at: gateway)
        let others = [
            "logs: { access: { format: combined, to: $FOLDER/other.log } }\n", "logs: { access: { format: json, to: $FOLDER/other.json } }\n",
            Gateway.accessLog("subject: none"),
        ]
        for (round, logs) in others.enumerated() {
            try load.waitForMore(100)
            try gateway.rewrite(logs + openToAll)
            gateway.process.signal(SIGHUP)
            try gateway.process.waitForLine(containing: "configuration reloaded", skipping: round)
        }
        try load.waitForMore(100)
        #expect(try load.stop() == [])
        gateway.process.signal(SIGTERM)
        #expect(try gateway.process.waitForExit() == .exited(0))
        let (json, combined) = (gateway.accessText("access.log", "other.json"), gateway.accessText("other.log"))
        #expect(json.count + combined.count == load.count)
        #expect(!gateway.accessText("other.json").isEmpty && !combined.isEmpty)
        for line in json { _ = try AccessLine(line) }
        for line in combined { #expect(line.hasPrefix("127.0.0.1 - - [") && line.hasSuffix("\" 200 2 \"-\" \"-\"")) }
    }

    @Test func `a request under way during a reload ends its line where it has begun`() throws {
        let release = Gate(1)
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try release.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try origin.waitForRequests(1)
        try gateway.rewrite(openToAll)
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        release.open()
        #expect(try client.receive().status == 200)
        #expect(try client.exchange("GET /later HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(try gateway.accessLine()["path"] == "/slow")
    }

    @Test func `a file that cannot be opened ends the start, and is named; a reload with it is refused`() throws {
        let fault = "logs.access.to: cannot log to /nowhere/at/all.log: No such file or directory"
        let bad = "logs: { access: { format: json, to: /nowhere/at/all.log } }\n"
        #expect {
            _ = try Gateway(bad, upstream: try Origin.ok())
        } throws: { "\($0)".contains(fault) }
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: try Origin.ok())
        try gateway.rewrite(bad + openToAll)
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "reload refused")
        #expect(gateway.logs.contains(fault))
        #expect(try gateway.get("/still").status == 200)
        #expect(try gateway.accessLine()["path"] == "/still")
    }

    @Test func `whoever does not read costs lines, which are counted, and no time`() throws {
        let folder = try Folder()
        let path = folder.path("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let reading = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reading) }
        let gateway = try Gateway(
            "\(Gateway.admin)logs: { access: { format: json, to: \(path), buffer: 128KiB } }\n" + openToAll, upstream: try Origin.ok())
        let dropped = #"slidegate_log_lines_dropped_total{log="access"}"#
        #expect(try gateway.metric(dropped) == 0)
        let padding = String(repeating: "x ", count: 200)
        let client = try gateway.connect(keepsLog: false)
        let request = "GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: \(padding)\r\n\r\n"
        var sent = 0
        var slowest = Duration.zero
        while try gateway.metric(dropped) == 0 {
            try #require(sent < 5_000)
            for _ in 0..<100 {
                let begun = ContinuousClock.now
                #expect(try client.exchange(request).status == 200)
                slowest = max(slowest, ContinuousClock.now - begun)
                sent += 1
            }
        }
        #expect(slowest < .seconds(2))
        // Now somebody reads: what was kept is whole, and with what was dropped it is all there was.
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var lost = 0.0
        try eventually {
            let count = read(reading, &chunk, chunk.count)
            if count > 0 { text += chunk[..<count] }
            lost = try gateway.metric(dropped) ?? 0
            return text.count { $0 == 0x0A } + Int(lost) == sent
        }
        for line in text.split(separator: 0x0A) { _ = try AccessLine(String(decoding: line, as: UTF8.self)) }
        #expect(try client.exchange(request).status == 200)
        try eventually {
            let count = read(reading, &chunk, chunk.count)
            if count > 0 { text += chunk[..<count] }
            return text.count { $0 == 0x0A } + Int(lost) == sent + 1
        }
        try gateway.process.waitForLine(containing: "log lines were dropped: \(path) does not take them fast enough")
    }

    // MARK: - Syslog

    @Test func `to the socket of a syslog, a message a line`() throws {
        let folder = try Folder()
        let syslog = try Datagrams(path: folder.path("log"))
        let gateway = try Gateway(
            "logs: { access: { format: json, to: \"syslog:\(folder.path("log"))\" } }\n" + openToAll, upstream: try Origin.ok())
        for path in ["/a", "/b"] {
            #expect(try gateway.get(path).status == 200)
            let message = try #require(syslog.next())
            let match = try #require(try /<30>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d slidegate\[(\d+)\]: (\{.*\})/.wholeMatch(in: message), "\(message)")
            #expect(Int32(match.1) == gateway.process.identifier)
            #expect(try AccessLine(match.2)["path"] == path)
        }
    }

    @Test func `to a syslog server over UDP, by RFC 5424`() throws {
        let syslog = try Datagrams()
        let gateway = try Gateway(
            "logs: { access: { format: combined, to: \"syslog://127.0.0.1:\(syslog.port)\" } }\n" + openToAll, upstream: try Origin.ok())
        #expect(try gateway.get("/a").status == 200)
        let message = try #require(syslog.next())
        let form = /<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ slidegate (\d+) access - (.*)/
        let match = try #require(try form.wholeMatch(in: message), "\(message)")
        #expect(Int32(match.1) == gateway.process.identifier)
        #expect(match.2.contains("\"GET /a HTTP/1.1\" 200 2 "))
    }

    @Test func `a syslog that is not there ends the start, and is named`() throws {
        #expect {
            _ = try Gateway("logs: { access: { format: json, to: \"syslog:/nowhere/log\" } }\n", upstream: try Origin.ok())
        } throws: { "\($0)".contains("logs.access.to: cannot log to syslog:/nowhere/log: No such file or directory") }
    }
}

/// A socket that takes datagrams, on loopback or in the file system.
final class Datagrams: Sendable {
    private let descriptor: Int32
    /// 0 in the file system.
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) | getsockname(descriptor, $0, &length) }
        }
        guard status == 0 else { throw WireError.system(call: "bind", errno: errno) }
        port = UInt16(bigEndian: address.sin_port)
    }

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        port = 0
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let descriptor = descriptor
        let status = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard status == 0 else { throw WireError.system(call: "bind \(path)", errno: errno) }
    }

    deinit { close(descriptor) }

    /// Nil when none comes in time.
    func next() -> String? {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&state, 1, Deadline.after().millisecondsLeft) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
