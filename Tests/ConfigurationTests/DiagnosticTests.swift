import Testing

@testable import Configuration

@Suite("Diagnostics")
struct DiagnosticTests {
    @Test func `every error comes at once, in the order of the file, with file, line and column`() {
        let yaml = """
            listen: 127.0.0.1
            upstreem: 127.0.0.1:9000
            key: { algorithm: HS257, secret_file: jwt.secret }
            sliding:
              bufer: 10m
              grace: soon
            limits: { head: 10MB }
            """
        #expect(
            diagnostics(yaml) == [
                "f.yaml: upstream is missing; expected the address of the API, such as upstream: 127.0.0.1:9000",
                "f.yaml:1:9: listen: \"127.0.0.1\" lacks a port; expected an address and a port such as 127.0.0.1:8080, \"[::1]:8080\", api.internal:8080 or unix:/run/app.sock",
                "f.yaml:2:1: upstreem: unknown key \"upstreem\"; did you mean \"upstream\"?",
                "f.yaml:3:19: key.algorithm: \"HS257\" is not allowed here; expected HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA; did you mean \"HS256\"?",
                "f.yaml:5:3: sliding.bufer: unknown key \"bufer\"; did you mean \"buffer\"?",
                "f.yaml:5:3: sliding: buffer is missing; expected how long before its end a token is renewed, such as buffer: 10m",
                "f.yaml:6:10: sliding.grace: \"soon\" is not a duration; expected a duration such as 250ms, 30s, 10m, 12h or 7d",
                "f.yaml:7:17: limits.head: \"10MB\" is not a size; expected a size such as 512B, 16KiB, 10MiB or 1GiB; did you mean \"10MiB\"?",
            ])
    }

    @Test(arguments: [
        ("sliding: { buffer: 10m, sesion_cap: 1h }", "session_cap"),
        ("sliding: { buffer: 10m, sessionCap: 1h }", "session_cap"),
        ("sliding: { buffer: 10m, session-cap: 1h }", "session_cap"),
        ("limits: { haed: 16KiB }", "head"),
        ("timeout: { head: 1s }", "timeouts"),
        ("buffer: 10m", "sliding.buffer"),
        ("secret_file: a", "keys[].secret_file"),
        ("tokens: { cors: {} }", "cors, at the left margin"),
    ])
    func `an unknown key is answered with the one that was meant`(_ line: String, _ meant: String) {
        let found = errors(Sample.yaml(line))
        #expect(found.first?.suggestion == meant)
        #expect(found.first?.message.hasPrefix("unknown key") == true)
    }

    @Test func `a key that resembles none gets the list of those there are`() {
        let found = errors(Sample.yaml("paths: { zzz: 1 }"))
        #expect(found.first?.suggestion == nil)
        #expect(found.first?.expected == "encoded_slashes")
    }

    @Test func `a key written twice is refused`() {
        let found = errors("listen: 127.0.0.1:1\n'listen': 127.0.0.1:2\n" + Sample.upstream + Sample.key)
        #expect(found.count == 1)
        #expect(found.first?.message == "\"listen\" is there twice")
        #expect(found.first?.place.line == 1)
    }

    @Test(arguments: ["a: [", "\ta: b", "a: b: c", "a: \"x", "a: *nothing", "- a\nb: c", "a: !!python/object x", "%YAML 9.9\n---\na: b"])
    func `what is no YAML is refused with its place`(_ yaml: String) {
        #expect(errors(yaml).count >= 1)
    }

    @Test func `a second document is refused`() {
        #expect(errors(Sample.yaml() + "---\nlisten: 127.0.0.1:1\n").count == 1)
    }

    @Test(arguments: ["workers: !!int 3", "workers: !mine 3", "tokens: !!set {}"])
    func `tags are refused`(_ line: String) {
        #expect(errors(Sample.yaml(line)).first?.message.hasPrefix("YAML tags are not read") == true)
    }

    @Test func `an alias is read where it stands`() throws {
        let yaml = Sample.yaml("upstreams: { a: &a { servers: [ 127.0.0.1:9000 ], keepalive: 3 }, b: *a }", "upstream: x")
            .replacingUpstream()
        let configuration = try Configuration(yaml: yaml, file: "f.yaml")
        #expect(configuration.upstreams.map(\.keepaliveMax) == [3, 3])
    }

    @Test func `merge keys are refused`() {
        let found = errors(Sample.yaml("tokens: &t { leeway: 1s }", "limits: { <<: *t }"))
        #expect(found.map(\.message) == ["merge keys are not read"])
    }

    @Test func `control characters of the file do not reach the terminal`() {
        let found = diagnostics(Sample.yaml("logs: { decisions: \"\\e[31m\\u202e\" }"))
        #expect(found.count == 1)
        #expect(found.allSatisfy { line in line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E } })
    }

    @Test func `a long value is shortened in the message`() {
        let found = diagnostics(Sample.yaml("logs: { decisions: \(String(repeating: "x", count: 5000)) }"))
        #expect(found.count == 1)
        #expect(found.allSatisfy { $0.utf8.count < 300 })
    }

    @Test func `a flood of errors is answered with a bounded number`() {
        var yaml = Sample.yaml()
        for index in 0..<5000 { yaml += "zz\(index): 1\n" }
        #expect(errors(yaml).count == 1000)
    }
}

extension String {
    /// Drops the short form of the upstream, which `Sample.yaml` needs to be told of.
    fileprivate func replacingUpstream() -> String {
        split(separator: "\n").filter { $0 != "upstream: x" }.joined(separator: "\n") + "\nroutes: [ { path: /, upstream: a }, { path: /b, upstream: b } ]\n"
    }
}
