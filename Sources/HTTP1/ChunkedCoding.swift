import Bytes

/// Decodes chunked transfer coding (RFC 9112 §7.1), resumable between any two bytes:
///
///     chunked-body = *( chunk-size [ chunk-ext ] CRLF chunk-data CRLF ) 1*"0" [ chunk-ext ] CRLF trailer-section CRLF
///     chunk-ext    = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
///
/// Nothing beyond the grammar is taken: no bare LF, no spaces around the size but before an extension, no sign, no `0x`.
struct ChunkedCoding {
    enum Step: Equatable {
        /// So many bytes at the offset are content; the caller moves the offset behind them.
        case content(Int)
        case end
        case needsMore
    }

    private enum State: UInt8 {
        case size, extensions, headerLineFeed
        case data, dataReturn, dataLineFeed
        case trailers
    }

    private var state = State.size
    private var extensions = ChunkExtensions.afterSize
    private var sizeDigits = 0
    /// Bytes between the size and its CRLF.
    private var extensionBytes = 0
    /// What chunk headers took beyond their fair share so far; ≥ 0.
    private var overhead = 0
    /// While reading a size: its value so far. While reading data: what is left of it.
    private var remaining = 0

    /// 15 hexadecimal digits stay below 2⁶⁰.
    private static let sizeDigitsMax = 15

    mutating func next(
        _ bytes: Span<UInt8>, from offset: inout Int, trailers: inout TrailerSection, limits: ContentLimits
    ) throws(MessageError) -> Step {
        while offset < bytes.count {
            switch state {
            case .data:
                let count = min(remaining, bytes.count &- offset)
                remaining &-= count
                if remaining == 0 { state = .dataReturn }
                return .content(count)
            case .trailers:
                return try trailers.receive(bytes, from: &offset, limits: limits) ? .end : .needsMore
            case .size:
                try readSize(bytes[offset], limits: limits)
            case .dataReturn:
                guard bytes[offset] == .carriageReturn else { throw lineEndFault(bytes[offset]) }
                state = .dataLineFeed
            case .dataLineFeed:
                guard bytes[offset] == .lineFeed else { throw .lineEndMalformed }
                startHeader()
            case .headerLineFeed:
                guard bytes[offset] == .lineFeed else { throw .lineEndMalformed }
                try endHeader(limits: limits)
            case .extensions:
                try readExtensions(bytes[offset], limits: limits)
            }
            offset &+= 1
        }
        return .needsMore
    }

    private mutating func startHeader() {
        state = .size
        extensions = .afterSize
        sizeDigits = 0
        extensionBytes = 0
        remaining = 0
    }

    @inline(__always)
    private mutating func readSize(_ byte: UInt8, limits: ContentLimits) throws(MessageError) {
        guard let digit = byte.hexadecimalValue else {
            guard sizeDigits > 0 else { throw lineEndFault(byte) }
            state = .extensions
            return try readExtensions(byte, limits: limits)
        }
        guard sizeDigits < Self.sizeDigitsMax else { throw .chunkTooLarge }
        sizeDigits &+= 1
        remaining = remaining &<< 4 | Int(digit)
    }

    private mutating func readExtensions(_ byte: UInt8, limits: ContentLimits) throws(MessageError) {
        guard byte != .carriageReturn else {
            guard extensions.canEnd else { throw .chunkMalformed }
            state = .headerLineFeed
            return
        }
        guard extensionBytes < limits.chunkExtensionBytesMax else {
            throw .chunkExtensionsTooLong(limit: limits.chunkExtensionBytesMax)
        }
        guard let next = extensions.after(byte) else { throw lineEndFault(byte) }
        extensions = next
        extensionBytes &+= 1
    }

    /// Ends the chunk header: data or trailers follow.
    private mutating func endHeader(limits: ContentLimits) throws(MessageError) {
        let fairShare = 16 &+ 2 &* min(remaining, limits.chunkOverheadBytesMax)
        overhead = max(0, overhead &+ sizeDigits &+ extensionBytes &+ 2 &- fairShare)
        guard overhead <= limits.chunkOverheadBytesMax else {
            throw .chunkExtensionsTooLong(limit: limits.chunkOverheadBytesMax)
        }
        state = remaining > 0 ? .data : .trailers
    }

    /// What is wrong about a byte where CR or something else was due.
    private func lineEndFault(_ byte: UInt8) -> MessageError {
        byte == .lineFeed ? .lineEndMalformed : .chunkMalformed
    }
}
