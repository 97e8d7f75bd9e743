import Bytes

/// Finds the content of one message in the bytes that follow its head (RFC 9112 §6–7), as they stream.
///
/// Keeps no input but trailers, and storage only when there are any. What it decodes stays where it is: content is
/// returned as ranges of the span given. Chunk extensions are checked, bounded and left out.
package struct ContentDecoder: ~Copyable {
    package enum Event: Equatable, Sendable {
        /// A non-empty range of the span given, to pass on.
        case content(Range<Int>)
        /// The content is complete; bytes from there on belong to the next message.
        case end(at: Int)
        /// The span is used up.
        case needsMore
    }

    package init(_ framing: ContentFraming, limits: ContentLimits = ContentLimits()) {}

    /// The next event. Call in a loop with the same span and the offset left by the call before, until `.end` or `.needsMore`.
    package mutating func next(_ bytes: Span<UInt8>, from offset: inout Int) throws(MessageError) -> Event { .needsMore }

    /// Tells that no bytes follow.
    ///
    /// - Throws: `.contentTruncated` unless the content is complete or ends where the connection does.
    package mutating func endOfStream() throws(MessageError) {}

    /// Whether the content is complete.
    package var isComplete: Bool { false }

    package var hasTrailers: Bool { false }

    /// Lends the trailer lines to pass on, each with its CRLF, without the blank line. Empty before `.end`.
    package borrowing func withTrailers<Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Void) throws(Failure) {}
}

/// Bounds on what chunked coding may carry besides content.
package struct ContentLimits: Equatable, Sendable {
    /// The trailer section with its blank line.
    package var trailerBytesMax = 8 * 1024
    package init() {}
}
