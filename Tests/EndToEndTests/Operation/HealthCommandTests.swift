import Foundation
import Testing

/// Goal: containers and scripts can tell whether a gateway is ready with nothing but the program itself. Method: `slidegate health`
/// beside gateways that are ready, drain, are gone or say nothing.
@Suite("slidegate health")
struct HealthCommandTests {
    private static let secret = "an-admin-secret-of-some-length"
    private static let socket = "admin: { address: \"unix:$FOLDER/admin.sock\" }\n"

    /// Runs it to its end on a file of the gateway's folder.
    private func ask(
        _ gateway: Gateway, _ options: String..., file: String = "slidegate.yaml"
    ) throws -> (ending: ChildProcess.Ending, output: String, errors: String) {
        let process = try ChildProcess([Gateway.binary(), "health"] + options + [gateway.path(file)])
        let ending = try process.waitForExit()
        try process.waitUntilRead()
        return (ending, process.text(of: .output), process.text(of: .error))
    }

    /// A file that names only another administration listener than the gateway's own.
    private func write(_ name: String, admin: String, to gateway: Gateway) throws {
        try gateway.write(
            "listen: 127.0.0.1:0\nupstream: 127.0.0.1:9\nroutes: [ { path: /, auth: none } ]\nadmin: \(admin)\n", to: name)
    }

    @Test func `yes over a Unix socket, and over TCP`() throws {
        let gateway = try Gateway(Self.socket, upstream: Origin.ok())
        let answer = try ask(gateway)
        #expect(answer.ending == .exited(0) && answer.output == "ok\n" && answer.errors.isEmpty)

        let other = try Gateway(Gateway.admin, upstream: Origin.ok())
        for host in ["127.0.0.1", "localhost"] {
            try write("tcp.yaml", admin: "{ address: \"\(host):\(other.adminPort())\" }", to: other)
            #expect(try ask(other, file: "tcp.yaml").ending == .exited(0))
        }
    }

    @Test func `the secret is brought along, and never shown`() throws {
        let gateway = try Gateway(
            "admin: { address: \"0.0.0.0:0\", secret_file: admin.secret }", upstream: Origin.ok(),
            files: ["admin.secret": Self.secret + "\n", "other.secret": "another-secret-of-some-length"])
        let address = "0.0.0.0:\(try gateway.adminPort())"
        try write("right.yaml", admin: "{ address: \"\(address)\", secret_file: admin.secret }", to: gateway)
        try write("wrong.yaml", admin: "{ address: \"\(address)\", secret_file: other.secret }", to: gateway)
        #expect(try ask(gateway, file: "right.yaml").ending == .exited(0))
        let refused = try ask(gateway, file: "wrong.yaml")
        #expect(refused.ending == .exited(1) && refused.errors.contains("it answers with 401"))
        #expect(!refused.errors.contains("another-secret"))
    }

    @Test func `a gateway that drains is alive, and not ready`() throws {
        let (requested, go) = (Gate(), Gate())
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                requested.open()
                try go.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(Self.socket + openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(AdminListenerTests.request)
        try requested.wait()
        gateway.process.signal(SIGTERM)
        try gateway.process.waitForLine(containing: "slidegate: draining")
        let answer = try ask(gateway)
        #expect(answer.ending == .exited(1) && answer.errors == "slidegate: it answers with 503: draining\n")
        #expect(try ask(gateway, "--live").ending == .exited(0))
        go.open()
        #expect(try client.receive().status == 200)
        #expect(try gateway.process.waitForExit() == .exited(0))
        let gone = try ask(gateway)
        #expect(gone.ending == .exited(1) && gone.errors.contains("the gateway does not answer"))
    }

    @Test func `one that says nothing is not ready either`() throws {
        let gateway = try Gateway(upstream: Origin.ok())
        let (asked, go) = (Gate(), Gate())
        let silent = try Origin { connection in
            _ = try connection.nextRequest()
            asked.open()
            try go.wait()
        }
        try write("silent.yaml", admin: "{ address: 127.0.0.1:\(silent.port) }", to: gateway)
        let answer = try ask(gateway, "--timeout", "1s", file: "silent.yaml")
        #expect(answer.ending == .exited(1) && answer.errors.contains("no answer in time"))
        try asked.wait()
        go.open()
    }

    @Test(arguments: [
        ("", "has no administration listener to ask"), ("{ address: 127.0.0.1:0 }", "nobody knows which port"),
    ])
    func `a file by which nobody can be asked is an error of the file`(_ admin: String, _ words: String) throws {
        let gateway = try Gateway(upstream: Origin.ok())
        if !admin.isEmpty { try write("other.yaml", admin: admin, to: gateway) }
        let answer = try ask(gateway, file: admin.isEmpty ? "slidegate.yaml" : "other.yaml")
        #expect(answer.ending == .exited(78) && answer.errors.contains(words))
    }
}
