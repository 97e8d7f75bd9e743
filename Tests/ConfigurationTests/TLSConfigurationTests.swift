import Testing

@testable import Configuration

@Suite("TLS in the file")
struct TLSConfigurationTests {
    static func read(listener: String = "address: 127.0.0.1:8443", upstream: String = "servers: [ 127.0.0.1:9000 ]")
        throws(ConfigurationRefusal) -> Configuration
    {
        try Configuration(
            yaml: """
                listeners: [ { \(listener) } ]
                upstreams: { api: { \(upstream) } }
                key: { algorithm: HS256, secret_file: jwt.secret }
                """, file: "f.yaml")
    }

    static func errors(listener: String = "address: 127.0.0.1:8443", upstream: String = "servers: [ 127.0.0.1:9000 ]") -> [String] {
        do throws(ConfigurationRefusal) {
            _ = try read(listener: listener, upstream: upstream)
            return []
        } catch {
            return error.diagnostics.map { "\($0.place.path): \($0.message)" }
        }
    }

    @Test func `one certificate, with all defaults`() throws {
        let listener = try Self.read(listener: "address: 127.0.0.1:8443, tls: { certificate: a.pem, key: a.key }").listeners[0]
        let tls = try #require(listener.tls)
        #expect(tls.certificates.map(\.chain.value) == ["a.pem"])
        #expect(tls.certificates.map(\.key.value) == ["a.key"])
        #expect(tls.protocols == ["http/1.1"])
        #expect(tls.minimumVersion == .tls12)
        #expect(tls.clients == nil)
        #expect(tls.hasTickets)
        #expect(listener.strictTransport == nil)
    }

    @Test func `several certificates, and everything set`() throws {
        let listener = try Self.read(
            listener: """
                address: 127.0.0.1:8443, hsts: { max_age: 1d, include_subdomains: true, preload: true }, tls: {
                certificates: [ { certificate: a.pem, key: a.key }, { certificate: b.pem, key: b.key, ocsp: b.der } ],
                min_version: "1.3", alpn: [ http/1.1 ], client_ca: ca.pem, client_verify: optional, client_depth: 3,
                client_subject: X-Client, tickets: false }
                """
        ).listeners[0]
        let tls = try #require(listener.tls)
        #expect(tls.certificates.map(\.staple?.value) == [nil, "b.der"])
        #expect(tls.minimumVersion == .tls13)
        #expect(tls.clients?.verification == .optional)
        #expect(tls.clients?.depth == 3)
        #expect(tls.clients?.subjectHeader == "X-Client")
        #expect(!tls.hasTickets)
        #expect(listener.strictTransport?.includesSubdomains == true)
    }

    @Test(arguments: [
        ("tls: {}", "listeners[0].tls: certificate is missing"),
        ("tls: { certificate: a.pem }", "listeners[0].tls: key is missing"),
        ("tls: { key: a.key }", "listeners[0].tls: certificate is missing"),
        ("tls: { certificates: [] }", "listeners[0].tls.certificates: no certificate"),
        (
            "tls: { certificate: a.pem, key: a.key, certificates: [ { certificate: a.pem, key: a.key } ] }",
            "listeners[0].tls.certificates: certificate and certificates say the same thing"
        ),
        (
            "tls: { certificate: a.pem, key: a.key, client_verify: required }",
            "listeners[0].tls.client_verify: has no effect without client_ca"
        ),
        (
            "tls: { certificate: a.pem, key: a.key, alpn: [ h2 ] }",
            "listeners[0].tls.alpn: HTTP/2 is not available in this version of slidegate"
        ),
        (
            "tls: { certificate: a.pem, key: a.key }, redirect_to_https: true",
            "listeners[0].redirect_to_https: this listener takes HTTPS itself"
        ),
        ("hsts: 1d", "listeners[0].hsts: browsers heed it over HTTPS alone (RFC 6797 §8.1)"),
    ])
    func `what cannot be meant in front is refused`(_ keys: String, _ expected: String) {
        #expect(Self.errors(listener: "address: 127.0.0.1:8443, \(keys)") == [expected])
    }

    @Test(arguments: [("true", 443), ("8443", 8443), ("false", nil)])
    func `a redirect goes to a port`(_ value: String, _ port: Int?) throws {
        let listener = try Self.read(listener: "address: 127.0.0.1:8080, redirect_to_https: \(value)").listeners[0]
        #expect(listener.redirectPort == port)
    }

    @Test func `behind, true verifies and false is no TLS`() throws {
        #expect(try Self.read(upstream: "servers: [ 127.0.0.1:9000 ], tls: true").upstreams[0].tls?.verifies == true)
        #expect(try Self.read(upstream: "servers: [ 127.0.0.1:9000 ], tls: false").upstreams[0].tls == nil)
    }

    @Test func `not to verify is warned of`() throws {
        let configuration = try Self.read(upstream: "servers: [ 127.0.0.1:9000 ], tls: { verify: false }")
        #expect(configuration.warnings.map(\.place.path) == ["upstreams.api.tls.verify"])
    }

    @Test func `what cannot be meant behind is refused`() {
        #expect(
            Self.errors(upstream: "servers: [ 127.0.0.1:9000 ], tls: { verify: false, ca: ca.pem }")
                .contains("upstreams.api.tls.ca: has no effect with verify: false"))
        #expect(
            Self.errors(upstream: "servers: [ 127.0.0.1:9000 ], tls: { server_name: \"a b\" }")
                == ["upstreams.api.tls.server_name: \"a b\" is no host name"])
        #expect(
            Self.errors(upstream: "servers: [ \"unix:/run/x.sock\" ], tls: true")
                == ["upstreams.api.tls: server_name is missing: a Unix socket says nothing of whom to expect"])
    }

    /// Each of these would let one thing pass for another.
    @Test(arguments: [
        ("X-User", "routes: [ { path: /, forward: { claims: { X-User: sub } } } ]", "a claim"),
        ("x_user", "routes: [ { path: /, forward: { claims: { X-User: sub } } } ]", "a claim"),
        ("x-token", "tokens: { from: [ { header: X-Token } ] }", "tokens"),
        ("X-Renewed", "sliding: { buffer: 10m, deliver: { header: X-Renewed } }", "tokens"),
    ])
    func `the subject of a client has a header of its own`(_ name: String, _ settings: String, _ use: String) {
        do throws(ConfigurationRefusal) {
            _ = try Configuration(
                yaml: """
                    listeners:
                      - { address: 127.0.0.1:8443, tls: { certificate: a.pem, key: a.key, client_ca: ca.pem, client_subject: \(name) } }
                    upstream: 127.0.0.1:9000
                    key: { algorithm: HS256, secret_file: jwt.secret }
                    \(settings)
                    """, file: "f.yaml")
            Issue.record("\(name) is used twice")
        } catch {
            let messages = error.diagnostics.map { "\($0.place.path): \($0.message)" }
            #expect(messages == ["listeners[0].tls: client_subject: \(name) is used for \(use) already"])
        }
    }
}
