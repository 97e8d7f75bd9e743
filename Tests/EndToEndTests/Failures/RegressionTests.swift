import Foundation
import Glibc
import Testing

extension ChildProcess {
    /// Stops the program until SIGCONT, so that what is sent meanwhile is there at once.
    fileprivate func suspend() throws {
        signal(SIGSTOP)
        let deadline = Deadline.after()
        while !deadline.hasPassed {
            let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/task")
            let areStopped = try tasks.allSatisfy { task in
                try String(contentsOfFile: "/proc/\(identifier)/task/\(task)/status", encoding: .utf8).contains("State:\tT")
            }
            if areStopped { return }
        }
        throw WireError.timedOut(waitingFor: "the program to stop")
    }
}

/// Goal: what has gone wrong once does not again. Method: the shortest exchange that showed it.
@Suite("What has gone wrong once: connections")
struct ConnectionRegressionTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `a POST goes to a fresh connection when the end of the pooled one has arrived`() throws {
        let end = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if connection.number == 0 { try end.wait() }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(Self.request).status == 200)
        // Both are there when the program goes on, and the client's request may well be looked at first.
        try gateway.process.suspend()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
        end.open()
        try origin.waitUntilIdle()
        gateway.process.signal(SIGCONT)
        #expect(try client.receive().status == 200)
        #expect(origin.requests.count == 2)
    }

    @Test func `an upstream connection whose last piece waited for the client serves the next request`() throws {
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                let size = Int(request.target.dropFirst()) ?? 2
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                try connection.send([UInt8](repeating: 120, count: size))
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        // One of the sizes ends in the 64 KiB between what the kernel holds and what the gateway has read.
        for size in stride(from: 7 << 19, through: 5 << 20, by: 1 << 15) {
            let client = try gateway.connect(receiveBuffer: 4096, keepsLog: false)
            try client.send("GET /\(size) HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try? Gate().wait(within: .milliseconds(60))  // until everything is where it can go unread
            _ = try client.reader.readHead(by: .after())
            _ = try client.reader.read(size, by: .after())
            #expect(try client.exchange(Self.request, within: .seconds(5)).text == "xx", "behind \(size) bytes")
            client.close()
        }
    }

    @Test func `a refused request with a Content-Length of zero leaves the next one in step`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let refused = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        let good = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n"
        let client = try gateway.connect()
        #expect(try client.exchange(refused).status == 401)
        #expect(try client.exchange(good, within: .seconds(3)).status == 200)
        try client.send(refused + good)
        #expect(try client.receive(to: "POST").status == 401)
        #expect(try client.receive(within: .seconds(3)).status == 200)
    }

    @Test func `an answer of the gateway's own goes by the client's version, not by the one that another client speaks`() throws {
        let release = Gate()
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                if request.target == "/lost" { return try release.wait() }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let old = try gateway.connect()
        try old.send("GET /lost HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        _ = try origin.waitForRequests(1)
        #expect(try gateway.get("/other").status == 200)
        release.open()
        let answer = try old.receive()
        expectProblem(answer, status: 502, code: "upstream_closed")
        #expect(answer.members(of: "Connection") == ["keep-alive"])
        #expect(try old.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").status == 200)
    }

    @Test func `requests behind a refusal that could not be sent are not carried out`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("routes: [ { path: /, auth: required }, { path: /open, auth: none } ]", upstream: origin)
        for _ in 0..<5 {
            let client = try gateway.connect()
            #expect(try client.exchange("GET /open/warm HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
            try gateway.process.suspend()
            try client.send(Self.request + "DELETE /open/late HTTP/1.1\r\nHost: a\r\n\r\n")
            client.reset()
            gateway.process.signal(SIGCONT)
            #expect(try gateway.get("/open/next").status == 200)
        }
        #expect(!origin.requests.contains { $0.method == "DELETE" })
    }

    @Test func `content beyond the limit ends the connection, also when it has come whole`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { body: 1KiB }", upstream: origin)
        let client = try gateway.connect()
        let content = "800\r\n" + String(repeating: "x", count: 0x800) + "\r\n0\r\n\r\n"
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(content)GET /half HTTP/1.1\r\nX: ")
        let answer = try client.receive(to: "POST")
        expectProblem(answer, status: 413, code: "content_too_large")
        #expect(answer.members(of: "Connection") == ["close"])
        #expect(try client.isClosedByPeer(within: .seconds(5)))
    }

    @Test func `a client that resets while its answer waits frees the upstream's connection at once`() throws {
        let stalled = Gate()
        let origin = try Origin(keepsLog: false) { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(1 << 30)\r\n\r\n")
            let block = [UInt8](repeating: 120, count: 1 << 18)
            while try connection.socket.writeWhileTaken(block, patience: .milliseconds(300)) == block.count {}
            stalled.open()
            try connection.waitForEnd()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect(receiveBuffer: 65_536)
        try client.send(Self.request)
        _ = try client.reader.readHead(by: .after())
        try stalled.wait()
        client.reset()
        try origin.waitUntilIdle(within: .seconds(8))
    }

    @Test(arguments: ["POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"])
    func `a client that finishes writing within the content of a later request is let go at once`(_ last: String) throws {
        let release = Gate()
        let origin = try Origin { connection in
            while let head = try connection.nextHead() {
                if head.method == "GET" { try release.wait() }
                try connection.finish(head)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway("routes: [ { path: /, auth: required }, { path: /open, auth: none } ]", upstream: origin)
        let client = try gateway.connect()
        try client.send("GET /open HTTP/1.1\r\nHost: a\r\n\r\n" + last)
        client.finishWriting()
        try origin.waitForConnections(1)
        release.open()
        #expect(try client.receive().text == "ok")
        do {
            _ = try client.reader.readToEnd(by: .after(.seconds(8)))
        } catch WireError.reset {
        }
        #expect(origin.requests.count == 1)
    }

    @Test func `a head may be as large as the limit allows, beyond what one read takes`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { head: 256KiB }", upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Large: " + String(repeating: "x", count: 70_000))
        #expect(try client.isSilent(for: .milliseconds(300)))
        try client.send(String(repeating: "x", count: 70_000) + "\r\n\r\n")
        #expect(try client.receive(within: .seconds(5)).status == 200)
    }

    @Test func `the limit of connections holds for those that come at once`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { connections: 2 }", upstream: origin)
        try gateway.process.suspend()
        let clients = try (0..<8).map { _ in try gateway.connect() }
        for client in clients { try client.send(Self.request) }
        gateway.process.signal(SIGCONT)
        try gateway.process.waitForLine(containing: "accepting is paused")
        let served = clients.filter { (try? $0.receive(within: .milliseconds(400)))?.status == 200 }
        #expect(served.count == 2)
    }

    @Test func `a listener that a reload adds does not accept while the limit is reached`() throws {
        let origin = try Origin.ok()
        let settings = openToAll + "\nlimits: { connections: 1 }"
        let gateway = try Gateway(settings, upstream: origin)
        let only = try gateway.connect()
        #expect(try only.exchange(Self.request).status == 200)
        try gateway.process.waitForLine(containing: "accepting is paused")
        try gateway.rewrite(settings + "\nlisten: 0.0.0.0:0")
        gateway.process.signal(SIGHUP)
        let line = try gateway.process.waitForLine(containing: "listening on 0.0.0.0:")
        let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0.prefix(while: \.isNumber)) })
        let late = try Client(to: port)
        try late.send(Self.request)
        #expect(try late.isSilent(for: .milliseconds(700)))
        only.close()
        #expect(try late.receive(within: .seconds(10)).status == 200)
    }
}

@Suite("What has gone wrong once: interim answers and tunnels")
struct InterimRegressionTests {
    @Test(arguments: [32, 33])
    func `interim answers have a limit`(_ count: Int) throws {
        let origin = try Origin.answering { _ in
            String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", count: count)
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.get()
        if count <= 32 { #expect(answer.text == "ok") } else { expectProblem(answer, status: 502, code: "upstream_malformed") }
    }

    @Test func `interim answers to an HTTP/1.0 client have the same limit`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            while true { try connection.send("HTTP/1.1 102 Processing\r\n\r\n") }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        expectProblem(try gateway.exchange("GET / HTTP/1.0\r\n\r\n"), status: 502, code: "upstream_malformed")
        try origin.waitUntilIdle()
    }

    @Test func `a client that has finished writing before its tunnel opens has done so in the tunnel too`() throws {
        let release = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try release.wait()
            try connection.send(UpgradeTests.switching)
            #expect(try connection.waitForEnd(within: .seconds(8)) == Array("last words".utf8))
            try connection.send("farewell")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\r\nlast words")
        client.finishWriting()
        _ = try origin.waitForRequests(1)
        release.open()
        #expect(try client.receiveAny().status == 101)
        #expect(try client.reader.readToEnd(by: .after()) == Array("farewell".utf8))
        #expect(origin.failures == [])
    }

    @Test func `a 101 that does not say to which protocol is a 502`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n")
            try connection.waitForEnd()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\r\n")
        expectProblem(try client.receiveAny(), status: 502, code: "upstream_malformed")
    }
}

@Suite("What has gone wrong once: logs")
struct LogRegressionTests {
    @Test func `requests that are refused before they are understood are logged with their reason`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { body: 1KiB }\ntimeouts: { head: 300ms }", upstream: origin)
        #expect(try gateway.exchange("GET / HTTP/1.1\r\nHost : a\r\n\r\n").status == 400)
        #expect(try gateway.exchange("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
        #expect(try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n").status == 413)
        #expect(try gateway.get("/%00").status == 400)
        #expect(try gateway.exchange("GET / HT").status == 408)
        gateway.process.signal(SIGTERM)
        _ = try gateway.process.waitForExit()
        try gateway.process.waitUntilRead()
        let lines = gateway.logs.split(separator: "\n")
        for (status, code) in [
            (400, "whitespace_before_colon"), (501, "method_not_implemented"), (413, "content_too_large"), (408, "request_timeout"),
        ] {
            #expect(lines.filter { $0.contains("status=\(status) code=\(code)") }.count == 1, "\(gateway.logs)")
        }
        #expect(lines.filter { $0.contains("status=400 code=path_") }.count == 1, "\(gateway.logs)")
    }

    @Test func `an answer that is cut short is counted as a failure`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        #expect(throws: (any Error).self) { try gateway.get() }
        gateway.process.signal(SIGTERM)
        _ = try gateway.process.waitForExit()
        try gateway.process.waitUntilRead()
        #expect(gateway.logs.contains(" failures=1 "), "\(gateway.logs)")
    }

    @Test func `a log that nobody reads does not keep the program from ending`() throws {
        let origin = try Origin.ok()
        let folder = try Folder()
        try folder.write(Token.secret, to: "jwt.secret")
        let file = """
            listen: 127.0.0.1:0
            upstream: 127.0.0.1:\(origin.port)
            key: { algorithm: HS256, secret_file: jwt.secret }
            sliding: { buffer: 10m }
            workers: 1
            """
        try folder.write(Array(file.utf8), to: "slidegate.yaml")
        // Its standard error is a pipe whose reader takes one line and then no more.
        let script = "mkfifo \"$1\"; { grep -m 1 listening; sleep 30; } <\"$1\" & exec \"$2\" serve \"$3\" 2>\"$1\""
        let process = try ChildProcess(
            ["/bin/sh", "-c", script, "sh", folder.path("log"), Gateway.binary(), folder.path("slidegate.yaml")])
        let line = try process.waitForLine(containing: "slidegate: listening on 127.0.0.1:", on: .output)
        let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0.prefix(while: \.isNumber)) })
        let client = try Client(to: port, keepsLog: false)
        for _ in 0..<2000 { #expect(try client.exchange(ConnectionRegressionTests.request).status == 401) }
        client.close()
        process.signal(SIGTERM)
        #expect(try process.waitForExit(within: .seconds(15)) == .exited(0))
    }

    @Test func `serve says what is doubtful about key files`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        #expect(!gateway.logs.contains("can read"))
        let open = try Folder()
        try open.write(Token.secret, to: "open.secret")
        chmod(open.path("open.secret"), 0o644)
        let key = "key: { algorithm: HS256, secret_file: \(open.path("open.secret")) }"
        let warned = try Gateway(key, upstream: origin)
        #expect(warned.logs.contains("every user of this machine can read"), "\(warned.logs)")
        try gateway.rewrite(key)
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        #expect(gateway.logs.contains("every user of this machine can read"), "\(gateway.logs)")
    }
}
