import Bytes

/// Bounds on what chunked coding may carry besides content.
package struct ContentLimits: Equatable, Sendable {
    /// Extensions of one chunk, from behind its size. No known client sends any.
    package var chunkExtensionBytesMax = 1024
    /// What chunk headers may take beyond a fair share of the content (16 bytes a chunk and twice the content): without it a
    /// peer makes the gateway read a kilobyte of extensions for each byte it passes on.
    package var chunkOverheadBytesMax = 16 * 1024
    /// The trailer section with its blank line.
    package var trailerBytesMax = 8 * 1024
    /// Field lines in the trailer section.
    package var trailerCountMax = 64

    package init() {}
}

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

    private enum State {
        /// So many bytes are to come, more than zero.
        case length(Int)
        case untilClose
        case chunked(ChunkedCoding)
        case complete
    }

    private var state: State
    private var trailers = TrailerSection()
    private let limits: ContentLimits

    package init(_ framing: ContentFraming, limits: ContentLimits = ContentLimits()) {
        self.limits = limits
        state =
            switch framing {
            case .none, .length(0): .complete
            case .length(let count): .length(count)
            case .chunked: .chunked(ChunkedCoding())
            case .untilClose: .untilClose
            }
    }

    /// The next event. Call in a loop with the same span and the offset left by the call before, until `.end` or `.needsMore`.
    ///
    /// - Throws: what is wrong with the chunked coding or a trailer. The decoder must not be used afterwards.
    package mutating func next(_ bytes: Span<UInt8>, from offset: inout Int) throws(MessageError) -> Event {
        switch state {
        case .complete:
            return .end(at: offset)
        case .untilClose:
            return take(bytes.count &- offset, from: &offset)
        case .length(let remaining):
            let count = min(remaining, bytes.count &- offset)
            state = count == remaining ? .complete : .length(remaining &- count)
            return take(count, from: &offset)
        case .chunked(var coding):
            let step = try coding.next(bytes, from: &offset, trailers: &trailers, limits: limits)
            switch step {
            case .content(let count):
                state = .chunked(coding)
                return take(count, from: &offset)
            case .needsMore:
                state = .chunked(coding)
                return .needsMore
            case .end:
                state = .complete
                return .end(at: offset)
            }
        }
    }

    private func take(_ count: Int, from offset: inout Int) -> Event {
        guard count > 0 else { return .needsMore }
        defer { offset &+= count }
        return .content(offset..<offset &+ count)
    }

    /// Tells that no bytes follow.
    ///
    /// - Throws: `.contentTruncated` unless the content is complete or ends where the connection does.
    package mutating func endOfStream() throws(MessageError) {
        switch state {
        case .complete: break
        case .untilClose: state = .complete
        case .length, .chunked: throw .contentTruncated
        }
    }

    /// Whether the content is complete.
    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// Whether there are trailers to pass on. False before `.end`.
    package var hasTrailers: Bool { isComplete && !trailers.lines.isEmpty }

    /// Lends the trailer lines to pass on, each with its CRLF, without the blank line. Empty before `.end`.
    ///
    /// They are sound, and those that must not be trailers are gone. `FieldSection.parse(trailers:)` reads them again.
    package borrowing func withTrailers<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard hasTrailers else { return try body(Span()) }
        return try trailers.lines.withSpan(body)
    }
}
