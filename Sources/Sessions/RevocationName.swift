import Bytes

/// What an entry of a `RevocationSet` is found by: a hash of the kind and the name of what is revoked, under a key that
/// each process draws anew (SipHash, as the standard library's `Hasher`). Nobody outside can choose names that meet.
struct RevocationName: Hashable, Sendable {
    /// Not 0.
    let bits: UInt64

    enum Kind: UInt64 { case token = 1, session, subject }

    init(bits: UInt64) { self.bits = bits }

    init(_ kind: Kind, _ name: Span<UInt8>) {
        var hasher = Hasher()
        hasher.combine(kind.rawValue << 56 | UInt64(name.count))
        var offset = 0
        while offset &+ 8 <= name.count {
            hasher.combine(name.word(at: offset))
            offset &+= 8
        }
        var rest: UInt64 = 0
        while offset < name.count {
            rest = rest << 8 | UInt64(name[offset])
            offset &+= 1
        }
        hasher.combine(rest)
        bits = max(1, UInt64(bitPattern: Int64(hasher.finalize())))
    }

    init(_ target: Revocation.Target) {
        switch target {
        case .token(let tokenID): self.init(.token, Array(tokenID.utf8).span)
        case .session(let sessionID): self.init(.session, Array(sessionID.utf8).span)
        case .subject(let subject, _): self.init(.subject, Array(subject.utf8).span)
        }
    }
}

/// Everything that a token can be revoked by. Worked out once for a token, looked up as often as need be.
package struct RevocationNames: Sendable {
    private(set) var token: RevocationName?
    private(set) var session: RevocationName?
    /// Further names of the session.
    private(set) var aliases: [RevocationName] = []
    private(set) var subject: RevocationName?
    /// `orig_iat`, else `auth_time`, else `iat`.
    private(set) var beginning: Int64?

    /// - Parameter beginning: of the session, in seconds since 1970. Nil: the token does not say; it is then revoked with its
    ///   subject, whatever the instant.
    package init(beginning: Int64?) { self.beginning = beginning }

    package mutating func set(token name: Span<UInt8>) { token = RevocationName(.token, name) }
    package mutating func set(session name: Span<UInt8>) { session = RevocationName(.session, name) }
    package mutating func add(sessionAlias name: Span<UInt8>) { aliases.append(RevocationName(.session, name)) }
    package mutating func set(subject name: Span<UInt8>) { subject = RevocationName(.subject, name) }
}
