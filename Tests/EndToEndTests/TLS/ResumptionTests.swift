import Testing

@Suite("A TLS session")
struct ResumptionTests {
    @Test(arguments: ["1.2", "1.3"], [true, false])
    func `is resumed with tickets`(_ version: String, _ hasTickets: Bool) throws {
        let gateway = try Gateway.secured("\(try Certificates.pair("exact")), tickets: \(hasTickets)")
        let client = try TLSClient(to: gateway, ports: [gateway.port, gateway.port, gateway.port], options: "--version", version)
        #expect(client.handshakes.map(\.isResumed) == [false, hasTickets, hasTickets], "\(client)")
        #expect(client.answers.map(\.status) == [200, 200, 200])
    }

    /// Else a session of the listener that lets everyone in would open the one that does not.
    @Test(arguments: ["1.2", "1.3"])
    func `of one listener opens none that verifies clients otherwise`(_ version: String) throws {
        let pair = try Certificates.pair("exact")
        let authority = try Certificates.path("authority.pem")
        let guarded = try ListeningSocket().port
        let gateway = try Gateway(
            """
            listeners:
              - { address: "127.0.0.1:0", tls: { \(pair) } }
              - { address: "127.0.0.1:\(guarded)", tls: { \(pair), client_ca: \(authority) } }
            \(openToAll)
            """, upstream: .ok())
        let client = try TLSClient(to: gateway, ports: [gateway.port, guarded, gateway.port], options: "--version", version)
        #expect(client.answers.map(\.status) == [200, 200], "\(client)")
        #expect(client.refusals.count == 1, "\(client)")
    }
}
