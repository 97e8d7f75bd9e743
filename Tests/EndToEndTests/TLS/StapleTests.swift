import Testing

@Suite("A stapled OCSP response")
struct StapleTests {
    @Test func `is delivered to clients that ask`() throws {
        let gateway = try Gateway.secured("\(try Certificates.pair("exact")), ocsp: \(try Certificates.path("fresh.der"))")
        let client = try ChildProcess([
            "/bin/sh", "-c",
            "exec openssl s_client -connect 127.0.0.1:\(gateway.port) -servername api.example -status -tls1_3 </dev/null 2>&1",
        ])
        try client.waitForLine(containing: "OCSP Response Status: successful", on: .output)
        try client.waitForLine(containing: "Cert Status: good", on: .output)
    }

    @Test func `about another certificate is an error that says so`() throws {
        let gateway = try Gateway.secured(try Certificates.pair("exact"))
        try gateway.rewrite(
            Gateway.securedFile("\(try Certificates.pair("exact")), ocsp: \(try Certificates.path("other.der"))"))
        let check = try ChildProcess([try Gateway.binary(), "check", gateway.path("slidegate.yaml")])
        #expect(try check.waitForExit() != .exited(0))
        try check.waitUntilRead()
        let text = check.text(of: .error) + check.text(of: .output)
        #expect(text.contains("listeners[0].tls.ocsp"), "\(text)")
    }
}
