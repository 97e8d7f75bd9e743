package import Bytes
package import JOSE
internal import Sessions

/// A verified token with what a worker has worked out for it. Shared by the cache and the exchanges under way.
package final class TokenEntry {
    package let token: VerifiedToken
    /// The token as presented.
    let compact: [UInt8]
    private let hasher: any TokenHasher
    /// SHA-256 of `compact`; made when something is to be named by it.
    private(set) lazy var digest: Digest = {
        let compact = compact
        return Digest(hasher.sha256(compact.span))
    }()
    /// The dates as the renewal decision takes them.
    let expiration: Int64
    let issuedAt: Int64?
    /// `orig_iat`, else `auth_time`, else `iat`.
    let anchor: Int64?
    /// When the signature was verified; the dates were valid then, and are until `expiration`.
    let verifiedAt: Int64

    /// The successor that a log has told of last, so that it need not tell of each answer that carries it.
    package var announcedRenewal: Renewal?

    /// What the lines of an access log say of the token, and by which log it was composed.
    package var logged: (by: Int, text: [UInt8])?

    /// What other threads were told last of the session: how far its tokens reach, and who was there to hear it.
    package var announcedReach: (end: Int64, audience: UInt64)?
    /// Names the token's session once that has been asked for.
    var sessionKey: SessionKey?

    /// `RevocationSet.changes` when the token was looked up there last, and not found.
    var unrevokedAsOf: UInt64 = 0
    /// What it is looked up by.
    var revocationNames: RevocationNames?

    /// The successor minted last.
    var successor: (renewal: Renewal, bytes: [UInt8])?
    /// Identity lines rendered last, and for which set of claim headers.
    var identity: (set: Int32, lines: [UInt8])?
    /// By index of a set of requirements below 64: whether it has been checked, and how that went.
    var requirementsChecked: UInt64 = 0
    var requirementsMet: UInt64 = 0

    init(_ token: VerifiedToken, compact: [UInt8], hasher: any TokenHasher, now: NumericDate) {
        self.token = token
        self.compact = compact
        self.hasher = hasher
        expiration = token.expiration.seconds
        issuedAt = token.issuedAt?.seconds
        anchor = token.anchor?.seconds
        verifiedAt = now.seconds
    }

    /// What logs call the token.
    package var fingerprint: Fingerprint { Fingerprint(bits: digest.first) }

    /// Whether `token` is the one verified. Takes the same time wherever the two differ.
    func isFor(_ token: Span<UInt8>) -> Bool {
        let compact = compact
        return compact.span.isEqualInConstantTime(to: token)
    }

    /// Whether what was verified then holds now: until the token's end, and unless the clock was set back.
    func isCurrent(at now: NumericDate) -> Bool { now.seconds < expiration && now.seconds >= verifiedAt }

    /// An estimate from above of what it holds: the token as it came and decoded, a successor, identity lines, and the
    /// objects themselves.
    var byteCount: Int { 1_024 + 5 * compact.count }
}

/// What logs call a token or a session: the first 48 bits of its SHA-256 in hexadecimal.
package struct Fingerprint: Sendable {
    /// Shown are the lowest 48, lowest byte first.
    package let bits: UInt64

    package func append(to buffer: inout ByteBuffer) {
        for index in 0..<6 {
            let byte = Int(bits >> UInt64(8 * index) & 0xFF)
            if byte < 16 { buffer.append(0x30) }
            buffer.append(hexadecimal: byte)
        }
    }

    package var text: String {
        var buffer = ByteBuffer(capacity: 12)
        append(to: &buffer)
        return String(decoding: buffer.bytes(), as: UTF8.self)
    }
}
