import Testing

@Suite("The certificate that a client gets")
struct CertificateChoiceTests {
    private func gateway() throws -> Gateway {
        let pairs = try ["default", "exact", "rsa", "wildcard"].map { "{ \(try Certificates.pair($0)) }" }
        return try .secured("certificates: [ \(pairs.joined(separator: ", ")) ]")
    }

    @Test func `is for the exact name, else a wildcard one label above, else the first`() throws {
        let gateway = try gateway()
        let rows = [
            ("api.example", "exact"), ("API.Example", "exact"), ("other.example", "wildcard"), ("a.b.example", "default"),
            ("example", "default"), ("nobody.test", "default"), ("", "default"),
        ]
        for (name, certificate) in rows {
            let client = try TLSClient(to: gateway, options: "--name", name)
            #expect(client.handshake?.certificate == certificate, "for “\(name)”: \(client)")
            #expect(client.answer?.status == 200)
        }
    }

    @Test(arguments: [("ECDHE-ECDSA-AES128-GCM-SHA256", "exact"), ("ECDHE-RSA-AES128-GCM-SHA256", "rsa")])
    func `has a key that the client can verify with`(_ cipher: String, _ certificate: String) throws {
        let gateway = try gateway()
        let client = try TLSClient(to: gateway, options: "--version", "1.2", "--ciphers", cipher)
        #expect(client.handshake?.certificate == certificate, "\(client)")
    }
}
