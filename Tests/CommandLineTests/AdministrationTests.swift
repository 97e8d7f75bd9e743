import Configuration
import EventLoop
import Testing

@testable import slidegate

/// What names of the administration listener turn out to be, which nobody knows before they are resolved.
@Suite("Administration, names resolved")
struct AdministrationTests {
    private func configuration(listen: String, admin: String, secret: Bool) throws -> Configuration {
        let secret = secret ? ", secret_env: ADMIN" : ""
        return try Configuration(
            yaml: "listen: \"\(listen)\"\nupstream: a:1\nroutes: [ { path: /, auth: none } ]\nadmin: { address: \"\(admin)\"\(secret) }\n", file: "f")
    }

    private static let loopback = SocketAddress.ipv4(address: 0x7F00_0001, port: 8081)
    private static let elsewhere = SocketAddress.ipv4(address: 0x0A00_0001, port: 8081)

    @Test func `a localhost that is elsewhere needs a secret`() throws {
        let bare = try configuration(listen: "127.0.0.1:8080", admin: "localhost:8081", secret: false)
        #expect(throws: Never.self) { try Administration.check(Self.loopback, bare) }
        #expect(throws: ConfigurationRefusal.self) { try Administration.check(Self.elsewhere, bare) }
        let secured = try configuration(listen: "127.0.0.1:8080", admin: "localhost:8081", secret: true)
        #expect(throws: Never.self) { try Administration.check(Self.elsewhere, secured) }
    }

    @Test func `a name that is where clients come to is refused`() throws {
        let configuration = try configuration(listen: "10.0.0.1:8081", admin: "admin.internal:8081", secret: true)
        #expect(throws: ConfigurationRefusal.self) { try Administration.check(Self.elsewhere, configuration) }
        #expect(throws: Never.self) { try Administration.check(Self.loopback, configuration) }
    }
}
