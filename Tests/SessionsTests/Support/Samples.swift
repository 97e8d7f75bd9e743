import JOSE
import Sessions
import Testing

/// An instant that everything else is told from.
let start = NumericDate(seconds: 2_000_000_000)

extension NumericDate {
    static func + (date: NumericDate, seconds: Int64) -> NumericDate { date.advanced(bySeconds: seconds) }
}

extension SessionID {
    static let sample = SessionID(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
}

extension Session {
    static func sample(
        _ id: SessionID = .sample, subject: String = "alice", claims: String = #"{"sub":"alice"}"#, device: Device = Device(),
        address: String = "192.0.2.1", rules: SessionRules = SessionRules(), at now: NumericDate = start
    ) throws -> Session {
        try Session.begin(
            id, subject: subject, claims: Array(claims.utf8), device: device, address: address, rules: rules, now: now)
    }

    /// As the store would find it, with the present refresh token `counter`.
    func at(counter: UInt32, rotatedAt: NumericDate = start) -> Session {
        var session = self
        session.counter = counter
        session.rotatedAt = rotatedAt
        return session
    }

    mutating func refresh(_ counter: UInt32, at now: NumericDate, rules: SessionRules = SessionRules()) -> Refreshment {
        refresh(counter, from: "192.0.2.2", rules: rules, now: now)
    }
}

/// SplitMix64: the same numbers for the same seed, so that a failure can be had again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// As `#expect`, whose argument cannot change anything.
func expect<Value: Equatable>(_ expected: Value, _ actual: Value, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(actual == expected, sourceLocation: sourceLocation)
}
