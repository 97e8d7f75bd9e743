import Testing

@testable import Configuration

@Suite("The access log in the file")
struct AccessLogTests {
    typealias Access = Configuration.Logs.Access

    private func access(_ value: String) throws -> Access? {
        try Configuration(yaml: Sample.yaml("logs: { access: \(value) }"), file: "f.yaml").logs.access
    }

    @Test func `there is none unless it is asked for`() throws {
        #expect(try Configuration(yaml: Sample.yaml(), file: "f.yaml").logs.access == nil)
        #expect(try Configuration(yaml: Sample.yaml("logs: { to: stdout }"), file: "f.yaml").logs.access == nil)
        #expect(try access("none") == nil)
    }

    @Test(arguments: [("json", Access.Format.json), ("combined", .combined)])
    func `a word is the format, and everything else has its default`(_ word: String, _ format: Access.Format) throws {
        let access = try #require(try access(word))
        #expect(access.format == format)
        #expect(access.destination.value == .stdout)
        #expect(access.subject == .plain && access.subjectSecret == nil)
        #expect(access.trace == .start)
        #expect(access.bufferBytes == 4 << 20)
        #expect(try self.access("{ format: \(word) }")?.format == format)
    }

    @Test(arguments: [
        ("stdout", Access.Destination.stdout), ("stderr", .stderr), ("/var/log/slidegate/access.log", .file("/var/log/slidegate/access.log")),
        ("syslog", .syslogSocket(path: "/dev/log")), ("syslog:/run/other.sock", .syslogSocket(path: "/run/other.sock")),
        ("syslog://127.0.0.1:5514", .syslogServer(Endpoint(host: .ipv4("127.0.0.1"), port: 5514))),
        ("syslog://logs.internal", .syslogServer(Endpoint(host: .name("logs.internal"), port: 514))),
        ("\"syslog://[::1]\"", .syslogServer(Endpoint(host: .ipv6("::1"), port: 514))),
    ])
    func `it goes to a standard stream, a file or a syslog`(_ text: String, _ destination: Access.Destination) throws {
        #expect(try access("{ format: json, to: \(text) }")?.destination.value == destination)
    }

    @Test(arguments: [
        ("stdoud", "is no place for a log"), ("access.log", "is no place for a log"), ("/var/log/", "names a folder"),
        ("unix:/dev/log", "syslog:/dev/log"), ("syslog:dev/log", "has no absolute path"), ("syslog://", "has no host"),
        ("syslog://a:0", "has port 0"), ("syslog://a:99999", "has no port"), ("syslog://unix:/dev/log", "has no valid host"),
        ("[ stdout ]", "is not allowed here"),
    ])
    func `what is no place for a log is refused`(_ text: String, _ part: String) {
        let lines = diagnostics(Sample.yaml("logs: { access: { format: json, to: \(text) } }"))
        #expect(lines.count == 1 && lines.allSatisfy { $0.contains(part) && $0.contains("logs.access.to") }, "\(lines)")
    }

    @Test func `the other keys are read`() throws {
        let access = try #require(
            try access("{ format: combined, subject: hashed, subject_secret_file: s.secret, trace: pass, buffer: 64MiB }"))
        #expect(access.subject == .hashed)
        #expect(access.subjectSecret?.value == .file("s.secret"))
        #expect(access.trace == .pass)
        #expect(access.bufferBytes == 64 << 20)
        #expect(try self.access("{ format: json, subject: hashed, subject_secret_env: S }")?.subjectSecret?.value == .environment("S"))
    }

    @Test(arguments: [
        ("jsonl", "json, combined or none"), ("{ to: stdout }", "format is missing"), ("{ format: none }", "json or combined"),
        ("{ format: json, buffer: 1KiB }", "128KiB to 1GiB"), ("{ format: json, subject: hash }", "plain, hashed or none"),
        ("{ format: json, trace: on }", "start or pass"), ("{ format: json, file: a }", "unknown key"),
        ("{ format: json, subject: hashed, subject_secret_file: a, subject_secret_env: B }", "one of the two"), ("[ json ]", "expected"),
    ])
    func `what is not understood is refused`(_ value: String, _ part: String) {
        let lines = diagnostics(Sample.yaml("logs: { access: \(value) }"))
        #expect(lines.contains { $0.contains(part) && $0.contains("logs.access") }, "\(lines)")
        #expect(!errors(Sample.yaml("logs: { access: \(value) }")).isEmpty)
    }

    @Test func `a secret that nothing is hashed with is warned of`() throws {
        let file = Sample.yaml("logs: { access: { format: json, subject_secret_file: a } }")
        #expect(try warnings(file).map(\.place.path) == ["logs.access.subject_secret_file"])
    }
}
