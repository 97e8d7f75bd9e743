import Authentication
import Configuration
import Testing

@testable import slidegate

@Suite("Instants, secrets and idle times")
struct TextTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (951_868_799, "2000-02-29T23:59:59Z"),
        (951_868_800, "2000-03-01T00:00:00Z"), (1_700_000_000, "2023-11-14T22:13:20Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"), (-1, "1969-12-31T23:59:59Z"), (-62_167_219_200, "0000-01-01T00:00:00Z"),
        (253_402_300_800, "253402300800 s since 1970"), (.max, "9223372036854775807 s since 1970"),
        (.min, "-9223372036854775808 s since 1970"),
    ] as [(Int64, String)])
    func `an instant is a date of the calendar`(_ seconds: Int64, _ text: String) {
        #expect(InstantText.calendar(seconds) == text)
    }

    @Test(arguments: [
        (100, 100, "now"), (160, 100, "in 1m"), (100, 160, "1m ago"), (100, 3861, "1h2m ago"), (200_000, 0, "in 2d7h"),
        (.max, .min, "far away"), (.max, 0, "far away"),
    ] as [(Int64, Int64, String)])
    func `an instant is so far away`(_ seconds: Int64, _ now: Int64, _ text: String) {
        #expect(InstantText.relative(seconds, now: now) == text)
    }

    @Test(arguments: [
        ("abc", Configuration.Key.SecretEncoding.text, "abc"), ("abc\n", .text, "abc"), ("abc\r\n", .text, "abc"),
        ("abc\n\n", .text, "abc\n"), (" abc ", .text, " abc "), ("\n", .text, ""), ("", .text, ""),
        ("YWJj\n", .base64, "abc"), ("YWI=", .base64, "ab"), ("YWI", .base64, "ab"), ("YQ==", .base64, "a"),
        ("Pz8/Pj4+", .base64, "???>>>"), ("Pz8_Pj4-", .base64url, "???>>>"), ("YQ", .base64url, "a"), ("YQ==", .base64url, "a"),
        ("616263", .hex, "abc"), ("4A4b\n", .hex, "JK"),
    ])
    func `a secret is read in its encoding, without one line break at the end`(
        _ text: String, _ encoding: Configuration.Key.SecretEncoding, _ secret: String
    ) {
        #expect(SecretText.decode(Array(text.utf8), as: encoding) == Array(secret.utf8))
    }

    @Test(arguments: [
        ("YWJj YWJj", Configuration.Key.SecretEncoding.base64), ("Pz8_", .base64), ("Pz8/", .base64url), ("YW=", .base64),
        ("Y===", .base64), ("YR==", .base64), ("=", .base64), ("6", .hex), ("0x61", .hex), ("61 62", .hex),
    ])
    func `a secret in another encoding is refused`(_ text: String, _ encoding: Configuration.Key.SecretEncoding) {
        #expect(SecretText.decode(Array(text.utf8), as: encoding) == nil)
    }

    @Test(arguments: [
        ("a.pem", "/etc/s/c.yaml", "/etc/s/a.pem"), ("keys/a.pem", "c.yaml", "keys/a.pem"), ("/a.pem", "/etc/c.yaml", "/a.pem"),
        ("../a", "x/c.yaml", "x/../a"),
    ])
    func `a file name is seen from the configuration's directory`(_ name: String, _ file: String, _ path: String) {
        #expect(name.relative(toDirectoryOf: file) == path)
    }

    /// The promise of `check`, held to the renewal arithmetic: pauses of up to min(B, L − q) never lose the session.
    @Test func `a client that pauses no longer than the idle time stays logged in`() throws {
        var generator = SeededGenerator(state: 42)
        for _ in 0..<300 {
            let lifetime = Int64.random(in: 4...5000, using: &generator)
            let buffer = Int64.random(in: 1..<lifetime, using: &generator)
            let quantum = Int64.random(in: 1...buffer, using: &generator)
            let yaml = """
                listen: a:1
                upstream: a:1
                key: { algorithm: HS256, secret_env: A }
                sliding: { lifetime: \(lifetime)s, buffer: \(buffer)s, quantum: \(quantum)s, session_cap: none }
                """
            let sliding = try #require(try Configuration(yaml: yaml, file: "f").sliding)
            let idle = IdleTime(sliding).duration(lifetime: .seconds(lifetime)).components.seconds
            guard idle > 0 else { continue }
            let policy = RenewalPolicy(sliding)
            var (issuedAt, expiration, now) = (Int64(1_000_000), 1_000_000 + lifetime, Int64(1_000_000))
            for _ in 0..<50 {
                now += Int64.random(in: 1...4, using: &generator) == 1 ? Int64.random(in: 1...idle, using: &generator) : idle
                #expect(now < expiration, "L \(lifetime), B \(buffer), q \(quantum)")
                if case .renew(let renewal) = policy.decide(expiration: expiration, issuedAt: issuedAt, anchor: 1_000_000, now: now) {
                    (issuedAt, expiration) = (renewal.issuedAt, renewal.expiration)
                }
            }
        }
    }
}

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
