import Testing

@testable import Configuration

@Suite("admin")
struct AdminTests {
    private func diagnostics(_ line: String) -> String {
        do {
            _ = try Configuration(yaml: minimal + line + "\n", file: "f")
            return ""
        } catch {
            return error.diagnostics.map { "\($0)" }.joined(separator: "\n")
        }
    }

    private let minimal = "listen: 127.0.0.1:1\nupstream: a:1\nroutes: [ { path: /, auth: none } ]\n"

    @Test(arguments: ["127.0.0.1:0", "127.8.9.10:8081", "[::1]:8081", "localhost:8081"])
    func `loopback needs no secret`(_ address: String) throws {
        let configuration = try Configuration(yaml: minimal + "admin: { address: \"\(address)\" }\n", file: "f")
        #expect(configuration.admin?.address.value.description == address)
        #expect(configuration.admin?.secret == nil)
    }

    @Test(arguments: ["0.0.0.0:8081", "[::]:8081", "10.0.0.1:8081", "admin.internal:8081"])
    func `any other address needs one`(_ address: String) throws {
        #expect(diagnostics("admin: { address: \"\(address)\" }").contains("there is no secret"))
        let configuration = try Configuration(
            yaml: minimal + "admin: { address: \"\(address)\", secret_env: ADMIN }\n", file: "f")
        #expect(configuration.admin?.secret?.value == .environment("ADMIN"))
    }

    @Test(arguments: [
        "admin: 127.0.0.1:1", "admin: {}", "admin: { address: 8081 }",
        "admin: { address: \"127.0.0.1:1\", secret_env: A, secret_file: b }",
        "admin: { address: \"127.0.0.1:1\", secret_env: \"not a name\" }", "admin: { address: \"127.0.0.1:1\", secret: x }",
    ])
    func `anything else is refused`(_ line: String) { #expect(!diagnostics(line).isEmpty) }
}
