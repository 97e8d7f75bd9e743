import Foundation
import Testing

/// Goal: whoever verifies the tokens that the gateway signs finds its public keys, and nothing that is secret.
@Suite("Published keys", .timeLimit(.minutes(2)))
struct PublishedKeyTests {
    @Test func `the own public keys are served, to be cached and asked for again`() throws {
        let key = try IssuerKey(id: "2026")
        let gateway = try Gateway(
            """
            keys:
              - { jwk_file: $FOLDER/own.jwk, use: sign }
              - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, id: old, use: verify }
            publish_keys: { path: /.well-known/jwks.json, max_age: 60s }
            """, upstream: Origin.ok(), files: ["own.jwk": try key.privateJWK])
        let answer = try gateway.get("/.well-known/jwks.json")
        #expect(answer.status == 200)
        #expect(answer["Content-Type"] == "application/jwk-set+json")
        #expect(answer["Cache-Control"] == "public, max-age=60")
        #expect(answer.text.contains(#""kid":"2026""#))
        #expect(!answer.text.contains(#""d":"#) && !answer.text.contains("oct"))
        let tag = try #require(answer["ETag"])
        let again = try gateway.get("/.well-known/jwks.json", "If-None-Match: \"x\", \(tag)")
        #expect(again.status == 304)
        #expect(again["ETag"] == tag)
        let head = try gateway.exchange("HEAD /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.status == 200 && head.body.isEmpty && head["Content-Length"] == answer["Content-Length"])
        #expect(try gateway.exchange("POST /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 401)
        // Requests go on behind it on the same connection.
        let client = try gateway.connect()
        for _ in 0..<2 {
            #expect(try client.exchange("GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n").status == 200)
        }
        // A token of the old secret slides into the key pair, and its successor verifies by what is published.
        let renewed = try gateway.get("/", "Authorization: Bearer \(Token.ending)")
        let successor = try #require(renewed["X-Refresh-Token"])
        let issuer = try Issuer(answer.text)
        let other = try Gateway(
            "keys:\n  - { jwks_url: \"\(issuer.url)\" }\n  - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: sign }",
            upstream: Origin.ok(), also: [issuer.origin])
        #expect(try other.get("/", "Authorization: Bearer \(successor)").status == 200)
    }

    @Test func `without the setting the path is like any other`() throws {
        let gateway = try Gateway(upstream: Origin.ok())
        #expect(try gateway.get("/.well-known/jwks.json").status == 401)
    }
}
