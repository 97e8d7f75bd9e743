import Foundation
import Glibc
import Testing

/// Goal: keys that an issuer publishes are used while they may be believed, and never a moment longer or more openly.
@Suite("Keys fetched from a URL", .timeLimit(.minutes(3)))
struct FetchedKeyTests {
    private func gateway(_ issuer: Issuer, _ more: String = "", also keys: String = "", upstream: Origin? = nil) throws -> Gateway {
        try Gateway(
            """
            keys:
              - { jwks_url: "\(issuer.url)"\(more.isEmpty ? "" : ", " + more) }
              - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, id: own, use: sign }
            \(keys)
            """, upstream: upstream ?? Origin.ok(), also: [issuer.origin])
    }

    private func get(_ gateway: Gateway, _ token: String) throws -> Message {
        try gateway.get("/", "Authorization: Bearer \(token)")
    }

    /// Asks until the answer has that status.
    private func wait(for status: Int, from gateway: Gateway, _ token: String, within duration: Duration = Deadline.usual) throws {
        let deadline = Deadline.after(duration)
        var last = 0
        while !deadline.hasPassed {
            last = try get(gateway, token).status
            if last == status { return }
            usleep(20_000)
        }
        Issue.record("the status stays \(last)")
    }

    @Test(arguments: ["EdDSA", "RS256", "ES256"])
    func `tokens of the issuer pass from the first request on, and slide into the own key`(_ algorithm: String) throws {
        let key = try IssuerKey(algorithm, id: "k1")
        let gateway = try gateway(Issuer(IssuerKey.set(key)))
        #expect(try get(gateway, key.token()).status == 200)
        let renewed = try get(gateway, key.token(left: 300))
        #expect(renewed.status == 200)
        let successor = try #require(renewed["X-Refresh-Token"])
        #expect(Token(verifying: successor)?.header.contains(#""kid":"own""#) == true)
        #expect(try get(gateway, successor).status == 200)
        #expect(try get(gateway, IssuerKey(algorithm, id: "k1").token()).status == 401)
    }

    @Test func `until keys have come, tokens that need them are refused with 503, and others go on`() throws {
        let key = try IssuerKey(id: "k1")
        let issuer = try Issuer("")
        issuer.serve(verbatim: "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        let gateway = try gateway(issuer)
        let refused = try get(gateway, key.token())
        #expect(refused.status == 503)
        #expect(refused["Retry-After"] != nil)
        #expect(refused["WWW-Authenticate"] == nil)
        #expect(refused.text.contains(#""code":"keys_unavailable""#))
        #expect(try get(gateway, Token.fresh).status == 200)
        #expect(try get(gateway, Token.with(left: 3000, secret: Array("another secret that nobody here has given".utf8))).status == 401)
        #expect(gateway.logs.contains("no keys from \(issuer.url): the answer has status 500"))
        issuer.serve(IssuerKey.set(key))
        try wait(for: 200, from: gateway, key.token())
    }

    @Test func `check and explain fetch them when asked to, and say when they are not to be had`() throws {
        let key = try IssuerKey(id: "k1")
        let issuer = try Issuer(IssuerKey.set(key))
        let gateway = try gateway(issuer)
        func run(_ command: String, _ options: String...) throws -> (ending: ChildProcess.Ending, output: String, errors: String) {
            let process = try ChildProcess([try Gateway.binary(), command, gateway.path("slidegate.yaml")] + options)
            let ending = try process.waitForExit()
            try process.waitUntilRead()
            return (ending, process.text(of: .output), process.text(of: .error))
        }
        let asked = issuer.origin.requests.count
        let unfetched = try run("check")
        #expect(unfetched.ending == .exited(0) && unfetched.output.contains("while serving, not by this check"), "\(unfetched)")
        #expect(try run("explain", "--token", key.token()).output.hasPrefix("REFUSED: 503 keys_unavailable."))
        #expect(issuer.origin.requests.count == asked)
        let fetched = try run("check", "--fetch")
        #expect(fetched.ending == .exited(0) && fetched.output.contains("EdDSA, kid \"k1\""), "\(fetched)")
        #expect(try run("explain", "--token", key.token(), "--fetch").output.hasPrefix("PASSES"))
        issuer.serve(verbatim: "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        let absent = try run("check", "--fetch")
        #expect(absent.ending == .exited(78) && absent.errors.hasPrefix("slidegate: warning: no keys from \(issuer.url): the answer has status 500"), "\(absent)")
    }

    @Test func `a key that the issuer begins to use is fetched when its first token comes`() throws {
        let (old, new) = (try IssuerKey(id: "k1"), try IssuerKey(id: "k2"))
        let issuer = try Issuer(IssuerKey.set(old))
        let gateway = try gateway(issuer, "refetch: 1s")
        let (oldToken, newToken) = (try old.token(), try new.token())
        #expect(try get(gateway, oldToken).status == 200)
        issuer.serve(IssuerKey.set(old, new))
        try wait(for: 200, from: gateway, newToken)
        #expect(try get(gateway, oldToken).status == 200)
        issuer.serve(IssuerKey.set(new))
        try wait(for: 503, from: gateway, try IssuerKey(id: "k3").token())
        try wait(for: 401, from: gateway, oldToken)  // and not from the cache of verified tokens
        #expect(try get(gateway, newToken).status == 200)
    }

    @Test func `a flood of unknown key names is a fetch an interval`() throws {
        let key = try IssuerKey(id: "k1")
        let stranger = try IssuerKey(id: "nobody").token()
        let issuer = try Issuer(IssuerKey.set(key))
        let gateway = try gateway(issuer, "refetch: 1s")
        let start = Deadline.after(.milliseconds(2500))
        var statuses: Set<Int> = []
        var count = 0
        while !start.hasPassed {
            statuses.insert(try get(gateway, stranger).status)
            count += 1
        }
        #expect(statuses.isSubset(of: [401, 503]) && statuses.contains(401))
        #expect(count > 20)
        #expect((2...5).contains(issuer.origin.requests.count), "\(issuer.origin.requests.count) fetches")
        #expect(try get(gateway, key.token()).status == 200)
    }

    @Test func `the last good set outlives an outage for max_stale, and then ends`() throws {
        let key = try IssuerKey(id: "k1")
        let issuer = try Issuer(IssuerKey.set(key))
        let gateway = try gateway(issuer, "refresh: 1s, max_stale: 3s")
        let token = try key.token()
        #expect(try get(gateway, token).status == 200)
        issuer.serve(verbatim: "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n")
        _ = try gateway.process.waitForLine(containing: "the ones from before stay meanwhile")
        #expect(try get(gateway, token).status == 200)
        _ = try gateway.process.waitForLine(containing: "are too old and are not used any more")
        try wait(for: 503, from: gateway, token)
        issuer.serve(IssuerKey.set(key))
        try wait(for: 200, from: gateway, token)
    }

    @Test(arguments: [
        "not json", "[]", "{}", #"{"keys":[]}"#, #"{"keys":{}}"#, #"{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256"}]}"#,
        #"{"keys":[\#(Array(repeating: #"{"kty":"none"}"#, count: 101).joined(separator: ","))]}"#,
        String(repeating: " ", count: 300_000) + "{}",
    ])
    func `what is no key set is not believed`(_ content: String) throws {
        let key = try IssuerKey(id: "k1")
        let issuer = try Issuer(content)
        let gateway = try gateway(issuer)
        #expect(try get(gateway, key.token()).status == 503)
        #expect(try get(gateway, Token.fresh).status == 200)
        #expect(gateway.logs.contains("warning: no keys from \(issuer.url)"))
        issuer.serve(IssuerKey.set(key))
        try wait(for: 200, from: gateway, try key.token())
    }

    @Test func `bad keys of a set are left out, and a secret in it is one of them`() throws {
        let key = try IssuerKey(id: "k1")
        let secret = base64url(Token.secret)
        let issuer = try Issuer(
            #"{"keys":[{"kty":"oct","k":"\#(secret)","alg":"HS256","kid":"s"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},\#(key.publicJWK)]}"#)
        let gateway = try Gateway(
            "keys:\n  - { jwks_url: \"\(issuer.url)\" }\n  - { jwk_file: $FOLDER/own.jwk, use: sign }", upstream: Origin.ok(),
            also: [issuer.origin], files: ["own.jwk": try IssuerKey(id: "own").privateJWK])
        #expect(try get(gateway, key.token()).status == 200)
        #expect(try get(gateway, Token.fresh).status == 401)  // signed by the secret
        #expect(gateway.logs.contains("is left out"))
    }

    @Test func `an issuer that stalls holds neither the start nor anyone else up`() throws {
        let key = try IssuerKey(id: "k1")
        let silent = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            try connection.waitForEnd(within: .seconds(60))
        }
        let gateway = try Gateway(
            "keys:\n  - { jwks_url: \"http://127.0.0.1:\(silent.port)/\" }\n  - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: sign }",
            upstream: Origin.ok(), also: [silent])
        #expect(try get(gateway, Token.fresh).status == 200)
        #expect(try get(gateway, key.token()).status == 503)
    }

    @Test func `a set with chunked content and an entity tag is asked for only if it has changed`() throws {
        let key = try IssuerKey(id: "k1")
        let content = IssuerKey.set(key)
        let chunk = String(content.utf8.count, radix: 16) + "\r\n\(content)\r\n0\r\n\r\n"
        let origin = try Origin.answering { request in
            request["If-None-Match"] == "\"v1\""
                ? "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n"
                : "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
        }
        let gateway = try Gateway(
            "keys:\n  - { jwks_url: \"http://127.0.0.1:\(origin.port)/\", refresh: 1s }\n  - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: sign }",
            upstream: Origin.ok(), also: [origin])
        #expect(try get(gateway, key.token()).status == 200)
        #expect(try origin.waitForRequests(3)[2]["If-None-Match"] == "\"v1\"")
        #expect(try get(gateway, key.token()).status == 200)
    }
}
