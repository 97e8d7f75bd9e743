import Testing

@Suite("A client's certificate")
struct ClientCertificateTests {
    private func gateway(_ verification: String, upstream: Origin) throws -> Gateway {
        try .secured(
            "\(try Certificates.pair("exact")), client_ca: \(try Certificates.path("authority.pem")), client_verify: \(verification), client_subject: X-Client",
            upstream: upstream)
    }

    private func options(_ name: String?) throws -> (String, String, String, String) {
        guard let name else { return ("--name", "api.example", "--name", "api.example") }
        return ("--certificate", try Certificates.path("\(name).pem"), "--key", try Certificates.path("\(name).key"))
    }

    @Test(arguments: [
        ("required", "client", true), ("required", nil, false), ("required", "outsider", false), ("optional", "client", true),
        ("optional", nil, true), ("optional", "outsider", false),
    ], ["1.2", "1.3"])
    func `is demanded and verified as told`(_ row: (String, String?, Bool), _ version: String) throws {
        let (verification, name, isTaken) = row
        let origin = try Origin.ok()
        let gateway = try gateway(verification, upstream: origin)
        let pair = try options(name)
        let client = try TLSClient(to: gateway, options: "--version", version, pair.0, pair.1, pair.2, pair.3)
        #expect((client.answer?.status == 200) == isTaken, "\(client)")
        #expect(origin.requests.count == (isTaken ? 1 : 0))
    }

    @Test(arguments: [("client", #"CN=zoe,O=Acme\, Inc."#), (nil, nil)] as [(String?, String?)])
    func `has its subject passed on, and nothing a client says in its place`(_ name: String?, _ subject: String?) throws {
        let origin = try Origin.ok()
        let gateway = try gateway("optional", upstream: origin)
        let pair = try options(name)
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-client: CN=root\r\nX_Client: CN=root\r\n\r\n"
        let client = try TLSClient(to: gateway, options: "--request", request, pair.0, pair.1, pair.2, pair.3)
        #expect(client.answer?.status == 200, "\(client)")
        let upstream = try #require(origin.requests.first)
        #expect(upstream.values(of: "X-Client") == [subject].compactMap { $0 })
        #expect(!upstream.has("X_Client"))
    }
}
