import Testing

@testable import Configuration

@Suite("admin")
struct AdminTests {
    private func diagnostics(_ line: String, listen: String = "127.0.0.1:1") -> String {
        do {
            _ = try Configuration(yaml: minimal(listen: listen) + line + "\n", file: "f")
            return ""
        } catch {
            return error.diagnostics.map { "\($0)" }.joined(separator: "\n")
        }
    }

    private func minimal(listen: String = "127.0.0.1:1") -> String {
        "listen: \"\(listen)\"\nupstream: a:1\nroutes: [ { path: /, auth: none } ]\n"
    }

    @Test(arguments: [
        "127.0.0.1:0", "127.8.9.10:8081", "[::1]:8081", "[0:0::0:1]:8081", "[::ffff:127.0.0.1]:8081", "localhost:8081",
        "unix:/run/slidegate/admin.sock",
    ])
    func `loopback and a Unix socket need no secret`(_ address: String) throws {
        let configuration = try Configuration(yaml: minimal() + "admin: { address: \"\(address)\" }\n", file: "f")
        #expect(configuration.admin?.address.value.description == address)
        #expect(configuration.admin?.secret == nil)
    }

    @Test func `a port alone is answered with an address that needs none`() {
        #expect(diagnostics("admin: { address: \":8081\" }").contains("\"127.0.0.1:8081\""))
        #expect(diagnostics("", listen: ":8081").contains("\"0.0.0.0:8081\""))
    }

    @Test(arguments: [
        "0.0.0.0:8081", "[::]:8081", "[::ffff:0.0.0.0]:8081", "[::ffff:10.0.0.1]:8081", "[fe80::1]:8081", "10.0.0.1:8081",
        "128.0.0.1:8081", "admin.internal:8081", "localhost.internal:8081",
    ])
    func `any other address needs one`(_ address: String) throws {
        #expect(diagnostics("admin: { address: \"\(address)\" }").contains("there is no secret"))
        let configuration = try Configuration(
            yaml: minimal() + "admin: { address: \"\(address)\", secret_env: ADMIN }\n", file: "f")
        #expect(configuration.admin?.secret?.value == .environment("ADMIN"))
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1:8080"), ("0.0.0.0:8080", "127.0.0.1:8080"), ("127.0.0.1:8080", "0.0.0.0:8080"),
        ("[::]:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("[::1]:8080", "[::]:8080"), ("[::]:8080", "0.0.0.0:8080"),
        ("[::1]:8080", "[0::1]:8080"), ("[::ffff:127.0.0.1]:8080", "127.0.0.1:8080"), ("localhost:8080", "127.0.0.1:8080"),
        ("localhost:8080", "[::1]:8080"), ("127.0.0.1:8080", "localhost:8080"), ("a.internal:8080", "a.internal:8080"),
        ("0.0.0.0:8080", "a.internal:8080"), ("a.internal:8080", "[::]:8080"), ("unix:/run/a.sock", "unix:/run/a.sock"),
    ])
    func `where clients come to it cannot be, with a secret neither`(_ listen: String, _ address: String) {
        let said = diagnostics("admin: { address: \"\(address)\", secret_env: ADMIN }", listen: listen)
        #expect(said.contains("is where clients connect"), "\(said)")
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1:8081"), ("127.0.0.1:8080", "127.0.0.2:8080"), ("[::1]:8080", "127.0.0.1:8080"),
        ("0.0.0.0:8080", "[::1]:8080"), ("127.0.0.1:0", "127.0.0.1:0"), ("unix:/run/a.sock", "unix:/run/b.sock"),
        ("0.0.0.0:8080", "unix:/run/a.sock"), ("localhost:8080", "127.0.0.2:8080"), ("a.internal:8080", "b.internal:8080"),
    ])
    func `beside them it can`(_ listen: String, _ address: String) {
        #expect(diagnostics("admin: { address: \"\(address)\", secret_env: ADMIN }", listen: listen).isEmpty)
    }

    @Test func `any of several listeners counts`() {
        let file = "listen: [ \"127.0.0.1:8\", \"127.0.0.1:9\" ]\nupstream: a:1\nroutes: [ { path: /, auth: none } ]\n"
        #expect(throws: ConfigurationRefusal.self) { try Configuration(yaml: file + "admin: { address: \"127.0.0.1:9\" }", file: "f") }
        #expect(throws: Never.self) { try Configuration(yaml: file + "admin: { address: \"127.0.0.1:10\" }", file: "f") }
    }

    @Test(arguments: [
        "admin: 127.0.0.1:2", "admin: {}", "admin: { address: 8081 }",
        "admin: { address: \"127.0.0.1:2\", secret_env: A, secret_file: b }",
        "admin: { address: \"127.0.0.1:2\", secret_env: \"not a name\" }", "admin: { address: \"127.0.0.1:2\", secret: x }",
    ])
    func `anything else is refused`(_ line: String) { #expect(!diagnostics(line).isEmpty) }
}
