import Testing

/// Goal: the same token gets the same successor, byte for byte, from whoever answers (semantics 1.3). Method: many
/// connections at once, several worker threads, and two processes that share nothing but the file.
@Suite("One token has one successor")
struct EqualSuccessorTests {
    @Test func `over parallel connections, worker threads and processes`() throws {
        let origin = try Origin.ok()
        let one = try Gateway("workers: 3", upstream: origin)
        let other = try Gateway("workers: 2", upstream: origin)
        let token = Token.ending
        let successors = try inParallel(24) { number in
            try (0..<4).map { _ in
                try (number % 2 == 0 ? one : other).exchange(SlidingTests.request(token))["X-Refresh-Token"]
            }
        }.flatMap { $0 }
        #expect(successors.count == 96)
        #expect(Set(successors).count == 1)
        #expect(Token(verifying: successors[0] ?? "") != nil)
    }

    @Test func `after a restart`() throws {
        let origin = try Origin.ok()
        let token = Token.ending
        var successors: Set<String?> = []
        for _ in 0..<2 {
            let gateway = try Gateway(upstream: origin)
            successors.insert(try gateway.exchange(SlidingTests.request(token))["X-Refresh-Token"])
        }
        #expect(successors.count == 1 && !successors.contains(nil))
    }

    @Test func `over generations: what one process mints another renews alike`() throws {
        let origin = try Origin.ok()
        let settings = "sliding: { buffer: 90%, least_gain: 0% }"
        let gateways = try (0..<2).map { _ in try Gateway(settings, upstream: origin) }
        let end = Token.now() + 100
        let token = Token.signed(claims: #"{"iat":\#(end - 10_000),"exp":\#(end)}"#)
        let child = try #require(try gateways[0].exchange(SlidingTests.request(token))["X-Refresh-Token"])
        let grandchildren = try gateways.map { try $0.exchange(SlidingTests.request(child))["X-Refresh-Token"] }
        #expect(grandchildren[0] == grandchildren[1])
        let grandchild = try #require(Token(verifying: grandchildren[0] ?? ""))
        #expect(grandchild.string("sid") == Token(verifying: child)?.string("sid"))
    }

    @Test func `in one process, even where signatures are random`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            workers: 3
            keys:
              - { id: e, algorithm: ES256, private_key_file: $FOLDER/ec.pem, use: sign }
              - { id: h, algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: verify }
            """, upstream: origin, files: ["ec.pem": Self.examplePrivateKey])
        let token = Token.ending
        let successors = try inParallel(
            12) { _ in try gateway.exchange(SlidingTests.request(token))["X-Refresh-Token"] }
        #expect(Set(successors).count == 1)
        #expect(successors[0] != nil)
    }

    /// A P-256 key made for this test: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
    static let examplePrivateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVd4V2xF3cO+xcDej
        UlKmt7OT4R8MMyegdVmjGelFA9mhRANCAAQdLo8ohnsmNKBomoxlI6uq63EbzwDa
        3K0yAdKqSvr+7XFgJj4Bm4LxY8uiMDJWgmMJ2RcMZQpgUxCMa0bxrCKV
        -----END PRIVATE KEY-----
        """
}
