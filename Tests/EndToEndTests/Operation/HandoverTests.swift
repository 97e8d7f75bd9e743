import Foundation
import Glibc
import Testing

/// Goal: SIGUSR2 puts a new process in the place of the old one, and no client notices. Method: hand over under load, with
/// heirs that serve, that fail, and that never come to anything.
@Suite("SIGUSR2 hands over")
struct HandoverTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `under load and slow streams nothing fails and nothing is cut`() throws {
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                guard request.target == "/stream" else {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    continue
                }
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<30 {
                    usleep(50_000)
                    try connection.send("4\r\ntick\r\n")
                }
                try connection.send("0\r\n\r\n")
            }
        }
        let settings = openToAll + "\nworkers: 2"
        let gateway = try Gateway(settings, upstream: origin)
        let load = Load(6, at: gateway, requestsPerConnection: 10)
        try load.waitForMore(100)
        let streams = try (0..<3).map { _ in try gateway.connect() }
        for stream in streams { try stream.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n") }
        var heirs: [Heir] = []
        for round in 0..<3 {
            heirs.append(try gateway.handOver(from: heirs.last))
            for reload in 0..<5 {
                heirs[round].signal(SIGHUP)
                try gateway.process.waitForLine(containing: "configuration reloaded", skipping: round * 5 + reload)
            }
            try load.waitForMore(200)
        }
        for stream in streams { #expect(try stream.receive().text == String(repeating: "tick", count: 30)) }
        #expect(try load.stop() == [])
        #expect(try gateway.process.waitForExit() == .exited(0))
        try heirs[0].waitForExit()
        try heirs[1].waitForExit()
        #expect(heirs[2].isRunning)
        #expect(try gateway.exchange(Self.request).status == 200)
        heirs[2].signal(SIGTERM)
        try heirs[2].waitForExit()
        try waitUntilRefused(at: gateway.port)
    }

    @Test func `kept connections are told to close by the old process, and connect to the new one`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(Self.request).status == 200)
        let heir = try gateway.handOver()
        try gateway.process.waitForLine(containing: "draining")
        #expect(gateway.process.isRunning)
        // The worker hears of it by mail, so that a request may come before it and be served as ever.
        try eventually { try client.exchange(Self.request).members(of: "Connection").contains("close") }
        #expect(try gateway.process.waitForExit() == .exited(0))
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(heir.isRunning)
    }

    @Test(arguments: [(2, 4), (4, 1), (1, 3), (3, 2)])
    func `the number of workers may change, and no queue is left alone`(_ before: Int, _ after: Int) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: \(before)", upstream: origin)
        try gateway.rewrite(openToAll + "\nworkers: \(after)")
        let heir = try gateway.handOver()
        #expect(try gateway.process.waitForExit() == .exited(0))
        for _ in 0..<60 { #expect(try gateway.exchange(Self.request, within: .seconds(5)).status == 200) }
        #expect(heir.isRunning)
    }

    @Test func `the new file holds: addresses and routes come and go`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        let other = try ListeningSocket().port
        try gateway.rewrite("workers: 2\nlisten: 127.0.0.1:\(other)")
        let heir = try gateway.handOver()
        #expect(try gateway.process.waitForExit() == .exited(0))
        try waitUntilRefused(at: gateway.port)
        #expect(try Client(to: other).exchange(Self.request).status == 401)
        #expect(heir.isRunning)
    }

    @Test func `an heir that refuses its file leaves the old process as it was`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        let client = try gateway.connect()
        let load = Load(4, at: gateway, requestsPerConnection: 10)
        try gateway.rewrite(verbatim: "listen: [")
        for round in 0..<3 {
            gateway.process.signal(SIGUSR2)
            try gateway.process.waitForLine(
                containing: "did not come to serve: it ended with exit code 78", skipping: round)
        }
        #expect(try load.stop() == [])
        let answer = try client.exchange(Self.request)
        #expect(answer.status == 200)
        #expect(!answer.members(of: "Connection").contains("close"))
        // And a good one later is taken.
        try gateway.rewrite(openToAll + "\nworkers: 2")
        let heir = try gateway.handOver()
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(heir.isRunning)
    }

    /// A gateway whose program is a link, which an upgrade changes.
    private func linked(_ folder: Folder, upstream: Origin, workers: Int = 1) throws -> Gateway {
        try point(folder, to: try Gateway.binary())
        return try Gateway(openToAll + "\nworkers: \(workers)", upstream: upstream, program: folder.path("program"))
    }

    private func point(_ folder: Folder, to path: String) throws {
        let next = folder.path("next")
        unlink(next)
        #expect(symlink(path, next) == 0)
        #expect(rename(next, folder.path("program")) == 0)
    }

    private func point(_ folder: Folder, toScript text: String) throws {
        try folder.write(Array("#!/bin/sh\n\(text)\n".utf8), to: "script")
        chmod(folder.path("script"), 0o755)
        try point(folder, to: folder.path("script"))
    }

    @Test func `what is started is the program as it is on disk by then`() throws {
        let folder = try Folder()
        let origin = try Origin.ok()
        let gateway = try linked(folder, upstream: origin)
        try point(folder, toScript: "echo upgraded >&2\nexec '\(try Gateway.binary())' \"$@\"")
        let heir = try gateway.handOver()
        #expect(gateway.logs.contains("upgraded"))
        #expect(try gateway.process.waitForExit() == .exited(0))
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(heir.isRunning)
    }

    @Test(arguments: [
        ("exit 3", "it ended with exit code 3"), ("kill -SEGV $$", "it was ended by signal 11"),
        ("echo hello >&2", "it ended with exit code 0"),
    ])
    func `a program that fails is told of, and the old process goes on`(_ text: String, _ reason: String) throws {
        let folder = try Folder()
        let origin = try Origin.ok()
        let gateway = try linked(folder, upstream: origin)
        try point(folder, toScript: text)
        gateway.process.signal(SIGUSR2)
        try gateway.process.waitForLine(containing: "did not come to serve: \(reason)")
        for _ in 0..<5 { #expect(try gateway.exchange(Self.request).status == 200) }
    }

    @Test func `a program that is not there is told of, and the old process goes on`() throws {
        let folder = try Folder()
        let origin = try Origin.ok()
        let gateway = try linked(folder, upstream: origin)
        unlink(folder.path("program"))
        gateway.process.signal(SIGUSR2)
        try gateway.process.waitForLine(containing: "no hand-over: exec \(folder.path("program")): No such file or directory")
        #expect(try gateway.exchange(Self.request).status == 200)
        try point(folder, to: try Gateway.binary())
        #expect(try gateway.handOver().isRunning)
    }

    @Test func `while an heir starts, requests are served, a second one is refused and a reload waits`() throws {
        let folder = try Folder()
        let origin = try Origin.ok()
        let gateway = try linked(folder, upstream: origin, workers: 2)
        try point(folder, toScript: "exec sleep 60")
        gateway.process.signal(SIGUSR2)
        let line = try gateway.process.waitForLine(containing: "handing over to process")
        let heir = Heir(try #require(line.split(separator: " ").last.flatMap { pid_t($0) }))
        for _ in 0..<10 { #expect(try gateway.exchange(Self.request).status == 200) }
        gateway.process.signal(SIGUSR2)
        try gateway.process.waitForLine(containing: "no hand-over: one is under way")
        try gateway.rewrite("workers: 2")
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "reload put off")
        #expect(try gateway.exchange(Self.request).status == 200)
        heir.signal(SIGKILL)
        try gateway.process.waitForLine(containing: "did not come to serve: it was ended by signal 9")
        try gateway.process.waitForLine(containing: "configuration reloaded")
        try gateway.process.waitForLine(containing: "listening", skipping: 1)
        let deadline = Deadline.after()
        while try gateway.exchange(Self.request).status != 401, !deadline.hasPassed {}
        #expect(try gateway.exchange(Self.request).status == 401)
    }

    @Test func `SIGTERM to the old process ends an heir that is starting too`() throws {
        let folder = try Folder()
        let origin = try Origin.ok()
        let gateway = try linked(folder, upstream: origin)
        try point(folder, toScript: "exec sleep 60")
        gateway.process.signal(SIGUSR2)
        let line = try gateway.process.waitForLine(containing: "handing over to process")
        let heir = Heir(try #require(line.split(separator: " ").last.flatMap { pid_t($0) }))
        gateway.process.signal(SIGTERM)
        #expect(try gateway.process.waitForExit() == .exited(0))
        try heir.waitForExit()
        try waitUntilRefused(at: gateway.port)
    }

    @Test func `a draining process hands nothing over, and one signal does not end a drain that none began`() throws {
        let requested = Gate()
        let go = Gate()
        let origin = try Origin { connection in
            guard let request = try connection.nextRequest() else { return }
            if request.target == "/slow" {
                requested.open()
                try go.wait()
            }
            try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try requested.wait()
        let heir = try gateway.handOver()
        try gateway.process.waitForLine(containing: "draining, at most")
        gateway.process.signal(SIGUSR2)
        try gateway.process.waitForLine(containing: "no hand-over: this process is draining")
        gateway.process.signal(SIGTERM)
        try gateway.process.waitForLine(containing: "draining already")
        go.open()
        #expect(try client.receive().text == "ok")
        #expect(try gateway.process.waitForExit() == .exited(0))
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(heir.isRunning)
    }

    @Test func `a Unix socket stays where it is, until the last process ends`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            openToAll + "\nworkers: 2\nlisten: [ 127.0.0.1:0, 'unix:$FOLDER/in.sock' ]", upstream: origin)
        let path = gateway.path("in.sock")
        try gateway.process.waitForLine(containing: "listening on unix:\(path)")
        let heir = try gateway.handOver()
        #expect(try gateway.process.waitForExit() == .exited(0))
        for _ in 0..<8 {
            let client = Client(try Socket.connected(toPath: path), of: gateway)
            #expect(try client.exchange(Self.request).status == 200)
            client.close()
        }
        heir.signal(SIGTERM)
        try heir.waitForExit()
        #expect(access(path, F_OK) != 0)
    }

    @Test func `administration goes on: kept connections are answered, and new ones reach the process that serves`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2\n" + Gateway.admin, upstream: origin)
        let port = try gateway.adminPort()
        let request = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        let reader = try Client(to: port, of: gateway)
        #expect(try reader.exchange(request).status == 200)
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        #expect(try reader.exchange(request).status == 200)
        // An exchange that lasts keeps the old process.
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\n")
        let heir = try gateway.handOver()
        let answer = try reader.exchange(request)
        #expect(answer.status == 200)
        #expect(answer.members(of: "Connection").contains("close"))
        try client.send("Host: a\r\n\r\n")
        #expect(try client.receive().status == 200)
        #expect(try gateway.process.waitForExit() == .exited(0))
        #expect(try Client(to: port).exchange(request).status == 200)
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(heir.isRunning)
    }

    @Test func `the file with the process's id is that of the one that serves`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin, options: ["--pid-file", "$FOLDER/pid"])
        let deadline = Deadline.after()
        while gateway.contents(of: "pid") == nil, !deadline.hasPassed { usleep(5_000) }
        #expect(gateway.contents(of: "pid") == "\(gateway.process.identifier)\n")
        let heir = try gateway.handOver()
        #expect(gateway.contents(of: "pid") == "\(heir.identifier)\n")
        #expect(try gateway.process.waitForExit() == .exited(0))
        #expect(gateway.contents(of: "pid") == "\(heir.identifier)\n")
        heir.signal(SIGTERM)
        try heir.waitForExit()
        #expect(gateway.contents(of: "pid") == nil)
    }

    @Test func `hand-overs leave no descriptor behind`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        var heir = try gateway.handOver()
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(heir.identifier)/fd").count
        }
        try gateway.process.waitForLine(containing: "stopped")
        for _ in 0..<20 { #expect(try gateway.exchange(Self.request).status == 200) }  // both workers are there
        let before = try descriptors()
        for _ in 0..<3 {
            let next = try gateway.handOver(from: heir)
            try heir.waitForExit()
            heir = next
        }
        // Connections that have just closed may still be counted.
        let deadline = Deadline.after()
        while try descriptors() > before, !deadline.hasPassed { usleep(10_000) }
        #expect(try descriptors() <= before)
    }
}
