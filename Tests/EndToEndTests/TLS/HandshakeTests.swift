import Foundation
import Testing

@Suite("A handshake")
struct HandshakeTests {
    private func gateway(_ tls: String = "", _ settings: String = openToAll) throws -> Gateway {
        try .secured("\(try Certificates.pair("exact"))\(tls)", settings)
    }

    @Test(arguments: [
        ("", "1.1", false), ("", "1.2", true), ("", "1.3", true), (", min_version: \"1.3\"", "1.2", false),
        (", min_version: \"1.3\"", "1.3", true),
    ])
    func `is for the versions that are allowed alone`(_ tls: String, _ version: String, _ isTaken: Bool) throws {
        let client = try TLSClient(to: gateway(tls), options: "--version", version)
        #expect(client.handshake?.version == (isTaken ? "TLSv\(version)" : nil), "\(client)")
        #expect(client.refusals.isEmpty == isTaken, "\(client)")
    }

    @Test(arguments: [("h2", false), ("h2,http/1.1", true), ("http/1.1", true)])
    func `is refused where all protocols offered are others`(_ protocols: String, _ isTaken: Bool) throws {
        let client = try TLSClient(to: gateway(), options: "--alpn", protocols)
        #expect((client.answer?.status == 200) == isTaken, "\(client)")
        if !isTaken { #expect(client.refusals.first?.contains("no application protocol") == true, "\(client)") }
    }

    @Test(arguments: ["1.2", "1.3"])
    func `may come byte by byte`(_ version: String) throws {
        let client = try TLSClient(to: gateway(), options: "--pieces", "--version", version)
        #expect(client.answer?.status == 200, "\(client)")
    }

    @Test func `that is plain HTTP gets 400`() throws {
        let gateway = try gateway()
        #expect(try gateway.get().status == 400)
        #expect(try TLSClient(to: gateway).answer?.status == 200)
    }

    @Test(arguments: [
        "\u{16}\u{03}\u{01}\u{00}\u{05}\u{01}\u{00}\u{00}\u{01}\u{00}", "\u{16}\u{03}\u{01}\u{FF}\u{FF}", "\u{80}\u{2E}\u{01}\u{00}\u{02}",
        "\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}", "SSH-2.0-OpenSSH\r\n",
    ])
    func `that is none ends the connection, and this one alone`(_ garbage: String) throws {
        let gateway = try gateway()
        let client = try gateway.connect()
        try client.send(garbage)
        client.finishWriting()
        do {
            _ = try client.reader.readToEnd(by: .after())
        } catch WireError.reset {}
        #expect(try TLSClient(to: gateway).answer?.status == 200)
    }

    @Test func `that does not go on is ended in the head timeout`() throws {
        let gateway = try gateway("", "timeouts: { head: 200ms }\n" + openToAll)
        let client = try gateway.connect()
        try client.send("\u{16}\u{03}\u{01}")
        #expect(try client.isClosedByPeer())
    }

    @Test(arguments: [false, true])
    func `whose client goes behind its first message leaves nothing behind`(_ resets: Bool) throws {
        let gateway = try gateway("", Gateway.admin + openToAll)
        let hello = [UInt8](try #require(Data(base64Encoded: Self.clientHello, options: .ignoreUnknownCharacters)))
        for _ in 0..<40 {
            let client = try gateway.connect()
            try client.send(hello)
            resets ? client.reset() : client.close()
        }
        try eventually { try gateway.metric("slidegate_tls_handshake_failures_total") == 40 }
        try eventually { try gateway.metric("slidegate_connections") == 0 }
    }

    /// The first message of an OpenSSL client, which names no server.
    private static let clientHello = """
        FgMBAgABAAH8AwNjHNx2fZv/Wp32Id3XIfyvW7Vp8cQCfi5gazdFBdF6TyAG0XmAm6Hk7AK98bscXweBlympI7F0LK2MxNgBw3WIXAAkEwIT \
        AxMBwCzAMMArwC/MqcyowCTAKMAjwCcAnwCeAGsAZwD/AQABjwALAAQDAAECAAoAFgAUAB0AFwAeABkAGAEAAQEBAgEDAQQAIwAAABYAAAAX \
        AAAADQAqACgEAwUDBgMIBwgICAkICggLCAQIBQgGBAEFAQYBAwMDAQMCBAIFAgYCACsABQQDBAMDAC0AAgEBADMAJgAkAB0AIHDDZQqDJEoJ \
        ItgTTJXVHSYARFDiv+P0ag/r9h/GblIvABUA9gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==
        """
}
