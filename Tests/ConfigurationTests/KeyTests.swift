import Testing

@testable import Configuration

@Suite("Keys")
struct KeyTests {
    @Test(arguments: [
        ("{ algorithm: HS256, secret_file: a }", Configuration.Key.Source.secretFile("a")),
        ("{ algorithm: HS512, secret_env: A_B1 }", .secretEnvironment("A_B1")),
        ("{ algorithm: EdDSA, private_key_file: a.pem }", .privateKeyFile("a.pem")),
        ("{ algorithm: RS256, public_key_file: a.pem, use: verify }", .publicKeyFile("a.pem")),
        ("{ jwk_file: a.json }", .jwkFile("a.json")),
        ("{ jwks_file: a.json, algorithms: [ RS256 ] }", .jwkSetFile("a.json")),
    ])
    func `each source is read, with its place`(_ key: String, _ source: Configuration.Key.Source) throws {
        let yaml = Sample.listen + Sample.upstream + "key: \(key)\n"
        let found = try #require(try Configuration(yaml: yaml, file: "f").keys.first)
        #expect(found.source.value == source)
        #expect(found.source.place.line == 3)
        #expect(found.source.place.path.hasPrefix("key."))
        #expect(found.place.path == "key")
    }

    @Test(arguments: Configuration.Algorithm.allCases)
    func `every algorithm goes with its kind of key, and with no other`(_ algorithm: Configuration.Algorithm) {
        let secret = Sample.yaml("key: { algorithm: \(algorithm.rawValue), secret_file: a }")
        let pair = Sample.yaml("key: { algorithm: \(algorithm.rawValue), private_key_file: a }")
        #expect(errors(secret).isEmpty == algorithm.isSymmetric)
        #expect(errors(pair).isEmpty == !algorithm.isSymmetric)
        #expect(errors(secret).count + errors(pair).count == 1)
    }

    @Test func `a secret in the file is refused, and not repeated in the message`() {
        let found = diagnostics(Sample.yaml("key: { algorithm: HS256, secret: hunter2hunter2 }"))
        #expect(found.contains { $0.contains("a secret does not belong in this file") })
        #expect(found.allSatisfy { !$0.contains("hunter2") })
    }

    @Test func `a secret in place of a variable's name is refused, and not repeated in the message`() {
        let found = diagnostics(Sample.yaml("key: { algorithm: HS256, secret_env: \"c2VjcmV0+/==\" }"))
        #expect(found.count == 1)
        #expect(found.allSatisfy { !$0.contains("c2Vj") })
    }

    @Test(arguments: ["none", "None", "NONE"])
    func `the algorithm none is refused by name`(_ name: String) {
        let found = errors(Sample.yaml("key: { algorithm: \(name), secret_file: a }"))
        #expect(found.first?.message.contains("no signature") == true)
    }

    @Test(arguments: ["hs256", "ES256K", "dir", "A128KW", "[ HS256 ]"])
    func `an algorithm that is not one of ours is refused`(_ name: String) {
        #expect(errors(Sample.yaml("key: { algorithm: \(name), secret_file: a }")).count == 1)
    }

    @Test(arguments: [
        ("{ algorithm: HS256 }", "the key has no source"),
        ("{ secret_file: a }", "algorithm is missing"),
        ("{ algorithm: HS256, secret_file: a, secret_env: A }", "secret_file already says where the key is"),
        ("{ algorithm: HS256, secret_file: \"\" }", "\"\" is not allowed here"),
        ("{ algorithm: HS256, secret_file: }", "nothing is not allowed here"),
        ("{ algorithm: HS256, secret_file: a, algorithms: [ HS256 ] }", "one key has one algorithm"),
        ("{ algorithm: EdDSA, private_key_file: a, encoding: hex }", "encoding tells how a secret is written; this is no secret"),
        ("{ jwk_file: a, encoding: hex }", "encoding tells how a secret is written; this is no secret"),
        ("{ algorithm: HS256, secret_file: a, encoding: base32 }", "\"base32\" is not allowed here"),
        ("{ algorithm: HS256, secret_file: a, jwks_url: b }", "jwks_url already says where the key is"),
        ("{ algorithm: EdDSA, public_key_file: a, use: sign }", "a public key or a key set cannot sign"),
        ("{ algorithm: HS256, secret_file: a, id: \"\" }", "\"\" is not allowed here"),
        ("{ algorithm: HS256, secret_file: a, id: \"a\\tb\" }", "is no key name"),
    ])
    func `what does not fit together is refused`(_ key: String, _ message: String) {
        #expect(errors(Sample.yaml("key: \(key)")).map(\.message).contains(message))
    }

    @Test(arguments: ["{ jwks_file: a, algorithm: RS256 }", "{ jwks_file: a, id: x }", "{ jwks_file: a, algorithms: [] }", "{ jwks_file: a, use: sign }"])
    func `a key set has its own names and algorithms, and does not sign`(_ key: String) {
        #expect(errors(Sample.listen + Sample.upstream + "key: \(key)").count == 1)
    }

    // MARK: Who signs

    static func keys(_ entries: String...) -> String {
        Sample.listen + Sample.upstream + Sample.sliding + "keys:\n" + entries.map { "  - { \($0) }\n" }.joined()
    }

    @Test(arguments: ["algorithm: HS256, secret_file: a", "algorithm: ES256, private_key_file: a", "jwk_file: a"])
    func `the only key that could sign does`(_ entry: String) throws {
        let yaml = Self.keys("jwks_file: s", entry, "algorithm: RS256, public_key_file: p")
        #expect(try Configuration(yaml: yaml, file: "f").signingKey == 1)
    }

    @Test func `the key that is said to sign does, and the others do not`() throws {
        let yaml = Self.keys("algorithm: HS256, secret_file: a", "algorithm: HS256, secret_file: b, use: sign", "algorithm: HS256, secret_file: c")
        #expect(try Configuration(yaml: yaml, file: "f").keys.map(\.use) == [.verify, .sign, .verify])
    }

    @Test func `two keys that could sign have to be told apart`() {
        let yaml = Self.keys("algorithm: HS256, secret_file: a", "algorithm: HS256, secret_file: b")
        #expect(errors(yaml).map(\.message) == ["2 keys could sign renewed tokens"])
    }

    @Test func `two keys that are said to sign are refused`() {
        let yaml = Self.keys("algorithm: HS256, secret_file: a, use: sign", "algorithm: HS256, secret_file: b, use: sign")
        #expect(errors(yaml).map(\.message) == ["keys[0] signs already"])
    }

    @Test(arguments: ["algorithm: RS256, public_key_file: p", "jwks_file: s", "algorithm: HS256, secret_file: a, use: verify"])
    func `sliding without a key that can sign is refused`(_ entry: String) {
        #expect(errors(Self.keys(entry)).map(\.message) == ["no key can sign, and sliding needs one that does"])
    }

    @Test func `use sign without sliding is a warning`() throws {
        let yaml = Sample.listen + Sample.upstream + "key: { algorithm: HS256, secret_file: a, use: sign }"
        #expect(try warnings(yaml).count == 1)
    }

    @Test func `the same source or id twice is refused`() {
        #expect(errors(Self.keys("algorithm: HS256, secret_file: a, use: sign", "algorithm: HS384, secret_file: a")).count == 1)
        #expect(errors(Self.keys("id: x, algorithm: HS256, secret_file: a, use: sign", "id: x, algorithm: HS256, secret_file: b")).count == 1)
    }

    @Test(arguments: Configuration.Algorithm.allCases.filter { !$0.isSymmetric })
    func `a signature that is random is warned of`(_ algorithm: Configuration.Algorithm) throws {
        let yaml = Sample.yaml("key: { algorithm: \(algorithm.rawValue), private_key_file: a }")
        #expect(try warnings(yaml).isEmpty == algorithm.isDeterministic)
    }
}

@Suite("Keys that are fetched")
struct FetchedKeyTests {
    private func key(_ text: String) -> String { Sample.yaml("keys: [ { algorithm: HS256, secret_file: a, use: sign }, \(text) ]") }

    private func messages(_ text: String) -> [String] { errors(key(text)).map(\.message) }

    @Test func `a URL alone has defaults for the rest`() throws {
        let configuration = try Configuration(yaml: key("{ jwks_url: \"https://issuer.example/keys?v=1\" }"), file: "f.yaml")
        let entry = configuration.keys[1]
        guard case .jwkSetURL(let address) = entry.source.value else { return #expect(Bool(false)) }
        #expect(address.isSecure && address.target == "/keys?v=1" && address.authority == "issuer.example")
        #expect(address.endpoint == Endpoint(host: .name("issuer.example"), port: 443))
        #expect(entry.fetching?.refresh == Defaults.keyRefresh && entry.use == .verify)
    }

    @Test(arguments: [
        ("{ jwks_url: \"http://issuer.example/\" }", "keys that come in clear may be anyone's"),
        ("{ jwks_url: \"ftp://issuer.example/\" }", "is no https URL"),
        ("{ jwks_url: \"https://me@issuer.example/\" }", "has a user name"),
        ("{ jwks_url: \"https://issuer.example/#a\" }", "has a fragment"),
        ("{ jwks_url: \"https://issuer example/\" }", "has a character that no URL has"),
        ("{ jwks_url: \"https://issuer.example:0/\" }", "has no valid host and port"),
        ("{ jwks_url: \"https://a.example/\", refresh: 1h, max_stale: 1m }", "max_stale is less than refresh"),
        ("{ jwks_url: \"https://a.example/\", insecure: true }", "insecure is for http URLs, and this one is https"),
        ("{ jwks_url: \"http://localhost/\", ca: a.pem }", "ca is for https URLs, and this one is http"),
        ("{ jwks_url: \"https://a.example/\", use: sign }", "a public key or a key set cannot sign"),
        ("{ jwks_url: \"https://a.example/\", algorithms: [ HS256 ] }", "HS256 takes a secret, and what is fetched is none"),
        ("{ jwks_url: \"https://a.example/\", algorithm: RS256 }", "each key of a set has its own alg"),
        ("{ jwks_file: a, refresh: 1m }", "refresh belongs to jwks_url"),
    ])
    func `what is unsafe or senseless is refused`(_ text: String, _ message: String) {
        #expect(messages(text).contains { $0.contains(message) }, "\(messages(text))")
    }

    @Test(arguments: [
        "{ jwks_url: \"http://127.0.0.1:8080/\" }", "{ jwks_url: \"http://[::1]/a\" }", "{ jwks_url: \"http://localhost\" }",
        "{ jwks_url: \"http://issuer.example/\", insecure: true }",
    ])
    func `http is for this machine, or where it is asked for`(_ text: String) { #expect(messages(text) == []) }
}
