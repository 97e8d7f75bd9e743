import Bytes
import JOSE
import Sessions

/// An instant that the seeds' dates are around.
private let now = NumericDate(seconds: 2_000_000_000)

extension FuzzTarget {
    /// A refresh token from anyone. Codes are the same for every message here, so that what is behind the code is reached.
    static let refreshToken = FuzzTarget(name: "refresh-token", seeds: { SessionSeeds.refreshTokens }) { (input) throws(Violation) in
        let codec = RefreshTokenCodec(key: ConstantKey(7))
        func read(_ codec: RefreshTokenCodec) -> Result<RefreshToken, RefreshTokenError> {
            Result { () throws(RefreshTokenError) in try codec.read(input.span) }
        }
        let result = read(codec)
        try promise("read otherwise the second time", read(codec) == result)
        let changing = read(RefreshTokenCodec(key: ConstantKey(8), previousKey: ConstantKey(7)))
        try promise("refused while the secret changes", changing == result || changing == read(RefreshTokenCodec(key: ConstantKey(8))))
        switch result {
        case .success(let token):
            try promise("a token has another text", codec.text(of: token) == input)
            try promise("believed with another secret", read(RefreshTokenCodec(key: ConstantKey(8))) == .failure(.badMAC))
        case .failure(.badMAC), .failure(.unknownVersion):
            try promise("of the wrong length", input.count == RefreshTokenCodec.textBytes)
            guard Base64URL.decode(input.span.extracting(4...)) != nil else { throw Violation("no base64url") }
        case .failure(.malformed): break
        }
        if let id = SessionID(text: input.span) { try promise("a name has another text", Array(id.text.utf8) == input) }
    }

    /// A session as a shared store holds it, written by whoever can write there; then whatever may happen to it.
    static let sessionText = FuzzTarget(name: "session-text", seeds: { SessionSeeds.texts }) { (input) throws(Violation) in
        guard let session = try? Session(text: input) else { return }
        try promise("a session beyond the bound", input.count <= Session.textBytesMax && session.text.count <= Session.textBytesMax)
        try checkLimits(session)
        try promise("written and read again it is another", (try? Session(text: session.text)) == session)

        var random = Draw(input)
        var current = session
        for _ in 0..<8 {
            let rules = SessionRules(
                refreshSeconds: [1, 1000, .max].randomElement(using: &random) ?? 1,
                expiry: [.fixed, .sliding, .slidingWithCap(capSeconds: .max)].randomElement(using: &random) ?? .fixed,
                rotates: Bool.random(using: &random), graceSeconds: [0, 10, .max].randomElement(using: &random) ?? 0,
                perSubjectMax: 1, accessReachSeconds: [0, .max].randomElement(using: &random) ?? 0)
            let before = current
            let presented = [0, before.counter &- 1, before.counter, before.counter &+ 1, .max].randomElement(using: &random) ?? 0
            let instant = [now, before.rotatedAt, before.expiresAt, NumericDate(seconds: 0)].randomElement(using: &random) ?? now
            let refreshment = current.refresh(presented, from: "192.0.2.1", rules: rules, now: instant)
            switch refreshment {
            case .rotated:
                try promise("rotated without being alive", before.isAlive(at: instant) && presented >= before.counter)
                try promise("a used-up token is current again", current.counter >= before.counter)
            case .replayed:
                try promise("a replay changed it", current == before && presented &+ 1 == before.counter)
            case .reuseDetected:
                try promise("the thief's session lives", current.end?.reason == .reuse && before.end == nil)
            case .expired, .ended:
                try promise("refused, and changed", current == before)
            }
            if let endsAt = current.endsAt { try promise("lives past its end", current.expiresAt <= endsAt) }
            try checkLimits(current)
            try promise("what became of it is not read again", (try? Session(text: current.text)) == current)
            _ = current.keptUntil(rules)
            _ = rules.givingWay(to: session, among: [current], now: instant)
        }
    }

    private static func checkLimits(_ session: Session) throws(Violation) {
        try promise("no subject", !session.subject.isEmpty && session.subject.utf8.count <= SessionLimits.subjectBytesMax)
        try promise("too many claims", session.claims.count <= SessionLimits.claimsBytesMax)
        guard (try? JSONObject(parsing: session.claims)) != nil else { throw Violation("the claims are no object") }
        let labels = [session.device.id, session.device.name, session.device.application, session.address]
        try promise("a label is too long", labels.allSatisfy { ($0 ?? "").utf8.count <= SessionLimits.labelBytesMax })
        let dates = [session.createdAt, session.lastUsedAt, session.rotatedAt, session.expiresAt, session.endsAt, session.end?.date]
        try promise("a date is out of range", dates.allSatisfy { $0.map { NumericDate.range.contains($0.seconds) } ?? true })
    }
}

private final class ConstantKey: RefreshTokenKey {
    private let byte: UInt8

    init(_ byte: UInt8) { self.byte = byte }

    func code(_ message: Span<UInt8>) -> InlineArray<32, UInt8> { InlineArray(repeating: byte) }
}

private enum SessionSeeds {
    static let refreshTokens: [[UInt8]] = {
        let codec = RefreshTokenCodec(key: ConstantKey(7))
        let sessions = [SessionID(high: 0, low: 0), SessionID(high: .max, low: .max), SessionID(high: 1, low: 2)]
        let good = sessions.flatMap { id in [0, 1, .max].map { codec.text(of: RefreshToken(session: id, counter: $0)) } }
        let other = RefreshTokenCodec(key: ConstantKey(8)).text(of: RefreshToken(session: sessions[2], counter: 1))
        let version = Array("sgr_".utf8) + Base64URL.encode(([2] + [UInt8](repeating: 7, count: 36)).span)
        return good + [other, version, Array("ABEiM0RVZneImaq7zN3u_w".utf8), Array("sgr_".utf8)]
    }()

    static let texts: [[UInt8]] = {
        let rules = SessionRules(refreshSeconds: 1000, expiry: .slidingWithCap(capSeconds: 5000))
        let claims = [#"{"sub":"u"}"#, "{ \"a\\u0062\" : [1.50E+01,{\"x\":null}] }"]
        let devices = [Session.Device(), Session.Device(id: "d", name: "\"\u{1}é😀", application: "a")]
        var sessions = claims.flatMap { claims in
            devices.compactMap { device in
                try? Session.begin(
                    SessionID(high: 1, low: 2), subject: "u\0é", claims: Array(claims.utf8), device: device, address: "::1", rules: rules, now: now)
            }
        }
        for index in sessions.indices.dropFirst() { _ = sessions[index].refresh(0, from: "", rules: rules, now: now) }
        if var last = sessions.last {
            last.end(.reuse, now: now)
            sessions.append(last)
            last.counter = .max
            sessions.append(last)
        }
        return sessions.map(\.text)
    }()
}
