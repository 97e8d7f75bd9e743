import Foundation
import Glibc
import Testing

/// Goal: a program that cannot serve says why and ends with an exit code that scripts can use (issue 2, items 5 and 6).
@Suite("Starting")
struct StartTests {
    /// Runs `serve` on those bytes and returns how it ended and what it said on standard error.
    private func failure(_ file: String, files: [String: String] = [:]) throws -> (ChildProcess.Ending, String) {
        let folder = try Folder()
        for (name, text) in files { try folder.write(Array(text.utf8), to: name) }
        try folder.write(Array(file.replacingOccurrences(of: "$FOLDER", with: folder.path).utf8), to: "slidegate.yaml")
        let process = try ChildProcess([try Gateway.binary(), "serve", folder.path("slidegate.yaml")])
        let ending = try process.waitForExit(within: .seconds(10))
        try process.waitUntilRead()
        #expect(process.text(of: .output).isEmpty, "errors go to standard error")
        return (ending, process.text(of: .error))
    }

    private func expectFailure(
        _ file: String, files: [String: String] = [:], says parts: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (ending, text) = try failure(file, files: files)
        if case .exited(let code) = ending {
            #expect(code != 0, sourceLocation: sourceLocation)
        } else {
            Issue.record("\(ending): \(text)", sourceLocation: sourceLocation)
        }
        for part in parts { #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation) }
    }

    static let good = "listen: 127.0.0.1:0\nupstream: 127.0.0.1:9\nkey: { algorithm: HS256, secret_file: $FOLDER/s }\n"
    static let secret = ["s": String(decoding: Token.secret, as: UTF8.self)]

    @Test func `an unknown key is named with its place and the key that was meant`() throws {
        try expectFailure(
            Self.good + "sliding: { bufer: 10m }\n", files: Self.secret, says: "slidegate.yaml:4:", "bufer", "buffer")
    }

    @Test func `all errors come at once`() throws {
        try expectFailure("listen: here\nupstream: there\nworkers: many\n", says: "slidegate.yaml:1:", "slidegate.yaml:2:", "slidegate.yaml:3:")
    }

    @Test func `a secret shorter than the hash is refused, and not repeated`() throws {
        let file = Self.good + "sliding: { buffer: 10m }\n"
        try expectFailure(file, files: ["s": "too-short-to-be-safe"], says: "32")
        let (_, text) = try failure(file, files: ["s": "too-short-to-be-safe"])
        #expect(!text.contains("too-short-to-be-safe"))
    }

    @Test func `a secret in the file is refused, and not repeated`() throws {
        let file = "listen: 127.0.0.1:0\nupstream: 127.0.0.1:9\nkey: { algorithm: HS256, secret: this-is-a-secret-in-the-file-itself }\nsliding: { buffer: 10m }\n"
        let (ending, text) = try failure(file)
        #expect(ending != .exited(0))
        #expect(!text.contains("this-is-a-secret"))
    }

    @Test func `a buffer that is not less than the lifetime is refused`() throws {
        try expectFailure(Self.good + "sliding: { buffer: 1h, lifetime: 1h }\n", files: Self.secret, says: "buffer")
    }

    @Test func `a missing file, key file or variable is named`() throws {
        let process = try ChildProcess([try Gateway.binary(), "serve", "/nowhere/slidegate.yaml"])
        let ending = try process.waitForExit(within: .seconds(10))
        try process.waitUntilRead()
        #expect(ending != .exited(0))
        #expect(process.text(of: .error).contains("/nowhere/slidegate.yaml"))
        try expectFailure(
            "listen: 127.0.0.1:0\nupstream: 127.0.0.1:9\nkey: { algorithm: HS256, secret_file: /nowhere/key }\nsliding: { buffer: 10m }\n",
            says: "/nowhere/key")
        try expectFailure(
            "listen: 127.0.0.1:0\nupstream: 127.0.0.1:9\nkey: { algorithm: HS256, secret_env: NOT_SET_ANYWHERE }\nsliding: { buffer: 10m }\n",
            says: "NOT_SET_ANYWHERE")
    }

    @Test func `an address that is taken is named`() throws {
        let taken = try ListeningSocket()
        try expectFailure(
            "listen: 127.0.0.1:\(taken.port)\nupstream: 127.0.0.1:9\nkey: { algorithm: HS256, secret_file: $FOLDER/s }\nsliding: { buffer: 10m }\n",
            files: Self.secret, says: "127.0.0.1:\(taken.port)")
    }

    @Test func `a secret is taken from the environment`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            "key: { algorithm: HS256, secret_env: JWT_SECRET }", upstream: origin,
            environment: ["JWT_SECRET": String(decoding: Token.secret, as: UTF8.self)])
        #expect(try gateway.get("/", "Authorization: Bearer \(Token.fresh)").status == 200)
    }

    @Test func `a key file's name is relative to the configuration, and a line break at its end is no part of the secret`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            "key: { algorithm: HS256, secret_file: relative.secret }", upstream: origin,
            files: ["relative.secret": String(decoding: Token.secret, as: UTF8.self) + "\n"])
        #expect(try gateway.get("/", "Authorization: Bearer \(Token.fresh)").status == 200)
    }

    @Test func `several addresses are listened on`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlisten: [ 127.0.0.1:0, \"[::1]:0\" ]", upstream: origin)
        try gateway.process.waitForLine(containing: "slidegate: listening on [::1]:")
        #expect(try gateway.get().status == 200)
    }
}

/// Architecture, “Threads”: workers share nothing, and listen each for itself.
@Suite("Workers")
struct WorkerTests {
    @Test(arguments: ["1", "2", "4", "auto"])
    func `all serve`(_ workers: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: \(workers)", upstream: origin)
        let statuses = try inParallel(16) { _ -> [Int] in
            let client = try gateway.connect()
            return try (0..<10).map { _ in try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status }
        }
        #expect(statuses.flatMap { $0 } == [Int](repeating: 200, count: 160))
    }

    @Test func `an idle program uses no processor time`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        let clients = try (0..<20).map { _ in try gateway.connect() }
        for client in clients { #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200) }
        let before = try gateway.process.processorSeconds()
        #expect(try clients[0].isSilent(for: .seconds(1)))
        #expect(try gateway.process.processorSeconds() - before < 0.05)
    }
}

/// Issue 2, item 7: “at the limit it stops accepting and says so”.
@Suite("The limit of file descriptors")
struct DescriptorLimitTests {
    @Test func `is met without failing those who are served, and said`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin, descriptorLimit: 64)
        let first = try gateway.connect()
        #expect(try first.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        let crowd = try (0..<150).map { _ in try gateway.connect() }
        try gateway.process.waitForLine(containing: "limit")
        let before = try gateway.process.processorSeconds()
        for _ in 0..<10 { #expect(try first.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200) }
        #expect(try first.isSilent(for: .milliseconds(500)))
        #expect(try gateway.process.processorSeconds() - before < 0.3, "it does not spin")
        for client in crowd { client.close() }
        #expect(
            try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200, "and goes on when there is room")
        let lines = gateway.process.text(of: .error).split(separator: "\n").filter { $0.contains("limit") }
        // Two lines for each dozen of the crowd, which is the room there is, would be 25; at every turn it would be thousands.
        #expect(lines.count < 60, "it says so now and then, not at every turn")
    }

    @Test func `still leaves room to serve all who are let in, at once`() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try gate.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { idle: 200ms }", upstream: origin, descriptorLimit: 80)
        // Those who are not let in at first are when others have gone.
        let clients = try (0..<60).map { _ in try gateway.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") }
        try origin.waitForConnections(5)
        gate.open()
        let statuses = try clients.map { try $0.receive().status }
        #expect(statuses == [Int](repeating: 200, count: 60))
    }

    @Test func `is not filled by idle upstream connections: they give way to those that are needed`() throws {
        let gates = (0..<4).map { _ in Gate(12) }
        let origins = try gates.map { gate in
            try Origin { connection in
                while try connection.nextRequest() != nil {
                    // All twelve are here at once, each on a connection of its own.
                    try gate.arriveAndWait()
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
        }
        let upstreams = origins.enumerated().map { "u\($0): \"127.0.0.1:\($1.port)\"" }.joined(separator: ", ")
        let routes = origins.indices.map { "{ path: /\($0)/, upstream: u\($0), auth: none }" }.joined(separator: ", ")
        let gateway = try Gateway("upstreams: { \(upstreams) }\nroutes: [ \(routes) ]", upstream: origins[0], also: origins, descriptorLimit: 72)
        let statuses = try inParallel(12) { _ -> [Int] in
            let client = try gateway.connect()
            return try origins.indices.map { try client.exchange("GET /\($0)/ HTTP/1.1\r\nHost: a\r\n\r\n").status }
        }
        #expect(statuses == [[Int]](repeating: [200, 200, 200, 200], count: 12))
    }

    @Test func `is raised from the soft to the hard one`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let limits = try String(contentsOfFile: "/proc/\(gateway.process.identifier)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        #expect(numbers.count == 2 && numbers[0] == numbers[1], "\(line)")
    }

    @Test func `the limit of connections holds`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { connections: 5 }", upstream: origin)
        let clients = try (0..<5).map { _ in try gateway.connect() }
        for client in clients { #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200) }
        let sixth = try gateway.connect()
        try sixth.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let isServed = (try? sixth.receive(within: .milliseconds(500)))?.status == 200
        #expect(!isServed)
        #expect(try clients[0].exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        for client in clients { client.close() }
        #expect(try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", within: .seconds(10)).status == 200)
    }
}

/// Semantics section 8.
@Suite("Logs")
struct LogTests {
    @Test func `never hold a token, a secret, a cookie or a query's token`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            logs: { decisions: all }
            tokens: { from: [ authorization, { cookie: session } ] }
            routes: [ { path: /, forward: { claims: { X-User: sub } } }, { path: /open, auth: none } ]
            """, upstream: origin)
        let token = Token.ending
        let expired = Token.with(left: -100)
        let forged = String(Token.fresh.dropLast(8)) + "AAAAAAAA"
        let answer = try gateway.get("/a", "Authorization: Bearer \(token)", "Cookie: c=hidden-cookie")
        let successor = try #require(answer["X-Refresh-Token"])
        for hidden in [expired, forged] { _ = try gateway.get("/b", "Authorization: Bearer \(hidden)") }
        _ = try gateway.get("/c", "Cookie: session=\(expired); other=hidden-cookie")
        _ = try gateway.get("/open?access_token=\(token)&x=hidden-query", "Referer: https://a/?t=\(token)", "Proxy-Authorization: Basic aGlkZGVu")
        _ = try gateway.exchange("GET /d HTTP/1.1\r\nHost : \(token)\r\n\r\n")
        _ = try gateway.get("/e", "Authorization: Basic aGlkZGVuOnBhc3M=")
        _ = try gateway.get("/reset/\(token)", "Authorization: Bearer \(forged)")
        gateway.process.signal(15)
        _ = try gateway.process.waitForExit()
        try gateway.process.waitUntilRead()
        let logs = gateway.logs
        #expect(logs.contains(
            "token_expired") || logs.contains("expired"), "decisions are logged with their reason: \(logs)")
        let whole = [token, expired, forged, successor]
        let parts = whole.flatMap { $0.split(separator: ".").dropFirst().map(String.init) }
        for secret in whole + parts + ["hidden-cookie", "hidden-query", "aGlkZGVu", String(
            decoding: Token.secret, as: UTF8.self)] {
            #expect(!logs.contains(secret), "\(secret)")
        }
    }

    @Test func `hold one line for each refusal, with its reason and no line break from outside`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("logs: { decisions: refusals }", upstream: origin)
        for _ in 0..<3 { _ = try gateway.get("/private/%0Aslidegate:%20forged") }
        let expired = Token.with(left: -100)
        _ = try gateway.get("/", "Authorization: Bearer \(expired)")
        gateway.process.signal(15)
        _ = try gateway.process.waitForExit()
        try gateway.process.waitUntilRead()
        let lines = gateway.logs.split(separator: "\n")
        #expect(lines.filter { $0.contains("token_missing") }.count == 3, "\(gateway.logs)")
        #expect(lines.filter { $0.contains("token_expired") }.count == 1)
        #expect(!lines.contains { $0.hasPrefix("slidegate: forged") })
    }
}
