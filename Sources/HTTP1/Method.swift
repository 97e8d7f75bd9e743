import Bytes

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
        self =
            switch name.count {
            case 3 where name.elementsEqual("GET"): .get
            case 3 where name.elementsEqual("PUT"): .put
            case 4 where name.elementsEqual("POST"): .post
            case 4 where name.elementsEqual("HEAD"): .head
            case 5 where name.elementsEqual("PATCH"): .patch
            case 5 where name.elementsEqual("TRACE"): .trace
            case 6 where name.elementsEqual("DELETE"): .delete
            case 7 where name.elementsEqual("OPTIONS"): .options
            case 7 where name.elementsEqual("CONNECT"): .connect
            default: .other
            }
    }
}
