/// How the end of a message's content is known (RFC 9112 §6.3).
package enum ContentFraming: Equatable, Sendable {
    /// There is no content: a request without framing fields; an answer to HEAD, 1xx, 204 or 304.
    case none
    /// Exactly so many bytes follow. Zero when the sender said `Content-Length: 0`.
    case length(Int)
    case chunked
    /// Responses only: the content ends where the connection does.
    case untilClose

    @inlinable package var isChunked: Bool { if case .chunked = self { true } else { false } }
    @inlinable package var isAbsent: Bool { if case .none = self { true } else { false } }

    /// Whether at least one byte of content, or of chunked coding, follows the head.
    package var hasContent: Bool { self != .none && self != .length(0) }
}
