import Foundation
import Testing

/// Goal: tokens of an old key slide into the new one, and an operator sees how many are left.
@Suite("Migration to another key", .timeLimit(.minutes(2)))
struct KeyMigrationTests {
    private func metrics(_ gateway: Gateway) throws -> String {
        let line = try gateway.process.waitForLine(containing: "administration on 127.0.0.1:")
        let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0.prefix(while: \.isNumber)) })
        let client = try Client(to: port)
        defer { client.close() }
        return try client.exchange("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").text
    }

    @Test func `HS256 tokens become EdDSA tokens, and each key's requests are counted`() throws {
        let key = try IssuerKey(id: "new")
        let gateway = try Gateway(
            """
            keys:
              - { jwk_file: $FOLDER/own.jwk, use: sign }
              - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, id: old, use: verify }
            admin: { address: 127.0.0.1:0 }
            """, upstream: Origin.ok(), files: ["own.jwk": try key.privateJWK])
        let old = Token.ending
        let successor = try #require(try gateway.get("/", "Authorization: Bearer \(old)")["X-Refresh-Token"])
        #expect(try gateway.get("/", "Authorization: Bearer \(old)")["X-Refresh-Token"] == successor)
        #expect(Token(verifying: successor) == nil)
        for _ in 0..<3 { #expect(try gateway.get("/", "Authorization: Bearer \(successor)").status == 200) }
        let page = try metrics(gateway)
        #expect(page.contains(#"slidegate_key_verified_requests_total{kid="old",algorithm="HS256",signs="false"} 2"#), "\(page)")
        #expect(page.contains(#"slidegate_key_verified_requests_total{kid="new",algorithm="EdDSA",signs="true"} 3"#))
        #expect(page.contains(#"slidegate_key_migrated_successors_total{kid="old",algorithm="HS256",signs="false"} "#))
    }

    @Test func `RS256 tokens of an issuer become the gateway's own`() throws {
        let (theirs, own) = (try IssuerKey("RS256", id: "theirs"), try IssuerKey(id: "own"))
        let issuer = try Issuer(IssuerKey.set(theirs))
        let gateway = try Gateway(
            """
            keys:
              - { jwks_url: "\(issuer.url)", algorithms: [ RS256 ] }
              - { jwk_file: $FOLDER/own.jwk, use: sign }
            admin: { address: 127.0.0.1:0 }
            """, upstream: Origin.ok(), also: [issuer.origin], files: ["own.jwk": try own.privateJWK])
        let renewed = try gateway.get("/", "Authorization: Bearer \(try theirs.token(left: 300))")
        let successor = try #require(renewed["X-Refresh-Token"])
        let header = String(decoding: try #require(decodeBase64url(String(successor.prefix { $0 != "." }))), as: UTF8.self)
        #expect(header.contains(#""alg":"EdDSA""#) && header.contains(#""kid":"own""#))
        #expect(try gateway.get("/", "Authorization: Bearer \(successor)").status == 200)
        let page = try metrics(gateway)
        #expect(page.contains(#"{kid="theirs",algorithm="RS256",signs="false"} 1"#), "\(page)")
        #expect(page.contains("slidegate_jwks_fetches_total 1"))
    }
}
