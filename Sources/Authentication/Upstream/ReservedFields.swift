internal import Bytes
internal import HTTP1

/// Request fields that mean something between gateway and upstream, or gateway and client, and that a client must not
/// smuggle past: identity headers, the headers that carry successors, the opt-out header, and look-alikes of the headers
/// that tokens are read from. Names count in any case and with `_` for `-`, as CGI and its heirs read them.
struct ReservedFields: Sendable {
    enum Role: Equatable, Sendable {
        /// Never goes upstream.
        case dropped
        /// Asks not to renew; never goes upstream.
        case optOut
        /// Carries a token; the index is into the policy's sources. Look-alikes never go upstream.
        case token(source: Int)
    }

    private struct Field {
        var hash: UInt32
        var name: [UInt8]
        var role: Role
    }

    /// Bit `hash & 63` of every name: most lines are passed over for a shift and a test.
    private let filter: UInt64
    private let fields: [Field]

    /// Earlier entries win where names are the same.
    init(_ names: [(name: String, role: Role)]) {
        var fields: [Field] = []
        var filter: UInt64 = 0
        for (name, role) in names {
            let bytes = Array(name.lowercased().utf8)
            let hash = canonicalHash(bytes.span)
            if fields.contains(where: { $0.hash == hash && isCanonicallyEqual($0.name.span, bytes.span) }) { continue }
            fields.append(Field(hash: hash, name: bytes, role: role))
            filter |= 1 << UInt64(hash & 63)
        }
        self.fields = fields
        self.filter = filter
    }

    /// Whether a name of that canonical hash may be among them; false is certain.
    @inline(__always)
    func mayContain(hash: UInt32) -> Bool { filter &>> UInt64(hash & 63) & 1 != 0 }

    /// What a field is, or nil for one that is of no concern. `.token` only by its exact name in any case; its look-alikes
    /// are `.dropped`.
    func role(hash: UInt32, name: Span<UInt8>) -> Role? {
        for field in fields where field.hash == hash && isCanonicallyEqual(field.name.span, name) {
            if case .token = field.role, !name.equalsIgnoringCase(field.name.span) { return .dropped }
            return field.role
        }
        return nil
    }

    /// Those that no client may set, in lower case; of the opt-out header, which it may, nobody behind the gateway is to know.
    var ownNames: [[UInt8]] {
        fields.compactMap { field in
            if case .token = field.role { nil } else { field.name }
        }
    }

    /// Whether a field of that name must not come from a client; for trailers, which have no hash.
    func isReserved(_ name: Span<UInt8>) -> Bool { role(hash: canonicalHash(name), name: name) != nil }
}
