import Testing

@Suite("TLS to an upstream")
struct UpstreamSecurityTests {
    private func authority() throws -> String { "ca: \(try Certificates.path("authority.pem"))" }

    @Test(arguments: ["1.2", "1.3"])
    func `shows our certificate to a server that demands one`(_ version: String) throws {
        let upstream = try TLSUpstream("--version", version, "--client-ca", try Certificates.path("authority.pem"))
        let gateway = try upstream.gateway("\(authority()), \(try Certificates.pair("client"))")
        #expect(try gateway.get().status == 200)
        #expect(try upstream.connections(1) == ["full zoe"])
    }

    /// In TLS 1.3 the refusal comes when the handshake is over on our side.
    @Test(arguments: ["1.2", "1.3"])
    func `that the server refuses for want of one is a 502 that says so`(_ version: String) throws {
        let upstream = try TLSUpstream("--version", version, "--client-ca", try Certificates.path("authority.pem"))
        let gateway = try upstream.gateway(authority())
        expectProblem(try gateway.get(), status: 502, code: "upstream_tls_failed")
    }

    @Test(arguments: ["1.2", "1.3"])
    func `resumes the session before`(_ version: String) throws {
        let upstream = try TLSUpstream("--version", version, "--close")
        let gateway = try upstream.gateway(authority())
        for _ in 0..<3 { #expect(try gateway.get().status == 200) }
        #expect(try upstream.connections(3) == ["full -", "resumed -", "resumed -"])
    }

    @Test func `that verifies nobody warns of it`() throws {
        let upstream = try TLSUpstream(certificate: "outsider")
        let gateway = try upstream.gateway("verify: false")
        #expect(try gateway.get().status == 200)
        #expect(gateway.logs.contains("whoever answers at the upstream's address is taken for it"))
    }

    @Test func `whose handshake stalls is a 504 in the connect timeout`() throws {
        let upstream = try TLSUpstream("--stall")
        let gateway = try upstream.gateway(authority(), timeouts: "{ connect: 200ms }")
        expectProblem(try gateway.get(), status: 504, code: "upstream_connect_timeout")
    }
}
