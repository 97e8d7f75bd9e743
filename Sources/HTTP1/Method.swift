/// A request method (RFC 9110 §9.3, RFC 5789). Names are case-sensitive: `get` is `.other`.
package enum Method: UInt8, Sendable {
    case get, head, post, put, delete, connect, options, trace, patch, other

    /// Whether the method is essentially read-only (RFC 9110 §9.2.1).
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .connect, .patch, .other: false
        }
    }

    /// Whether sending the request twice means the same as sending it once (RFC 9110 §9.2.2).
    package var isIdempotent: Bool { isSafe || self == .put || self == .delete }

    package init(_ name: Span<UInt8>) {
        var firstBytes: UInt64 = 0
        for index in 0..<min(name.count, 8) { firstBytes |= UInt64(name[index]) << UInt64(8 * index) }
        self.init(firstBytes: firstBytes, count: name.count)
    }

    /// - Parameters:
    ///   - firstBytes: the first eight bytes of the name as a little-endian word, padded with zeros.
    ///   - count: the length of the name.
    @inline(__always)
    init(firstBytes: UInt64, count: Int) {
        self =
            switch firstBytes {
            case _ where count > 7: .other
            case 0x0000_0000_0054_4547: .get
            case 0x0000_0000_0054_5550: .put
            case 0x0000_0000_5453_4F50: .post
            case 0x0000_0000_4441_4548: .head
            case 0x0000_0048_4354_4150: .patch
            case 0x0000_0045_4341_5254: .trace
            case 0x0000_4554_454C_4544: .delete
            case 0x0053_4E4F_4954_504F: .options
            case 0x0054_4345_4E4E_4F43: .connect
            default: .other
            }
    }
}
