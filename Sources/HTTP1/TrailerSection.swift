import Bytes

/// The trailer section (RFC 9112 §7.1.2) of one message, collected line by line and checked like fields of a head.
///
/// Kept are fields that the gateway knows nothing about, and `ETag`. Fields of framing, routing and the connection end the
/// message (`.trailerNotAllowed`); other known ones, as credentials, cookies, cache and content fields, are left out.
struct TrailerSection: ~Copyable {
    /// The lines kept, and behind them, from `lineStart`, the one that is arriving.
    private(set) var lines = ByteBuffer()
    private var lineStart = 0
    private var receivedBytes = 0
    private var receivedLines = 0

    /// - Returns: Whether the blank line was reached; `offset` is then behind it, else at the end of `bytes`.
    mutating func receive(
        _ bytes: Span<UInt8>, from offset: inout Int, limits: ContentLimits
    ) throws(MessageError) -> Bool {
        while offset < bytes.count {
            let room = limits.trailerBytesMax &- receivedBytes
            guard room > 0 else { throw .trailersTooLarge(limit: limits.trailerBytesMax) }
            let lineEnd = bytes.firstIndex(of: .lineFeed, from: offset).map { $0 &+ 1 } ?? bytes.count
            let piece = offset..<min(lineEnd, offset &+ room)
            lines.append(bytes.extracting(piece))
            receivedBytes &+= piece.count
            offset = piece.upperBound
            if try endLine(limits: limits) { return true }
        }
        return false
    }

    private enum Line { case unfinished, blank, kept, leftOut }

    /// Looks at the arriving line; if it is complete, keeps it or leaves it out.
    ///
    /// - Returns: Whether it was the blank line.
    private mutating func endLine(limits: ContentLimits) throws(MessageError) -> Bool {
        let start = lineStart
        let isFull = receivedLines >= limits.trailerCountMax
        let line = try lines.withSpan { (bytes) throws(MessageError) in
            try Self.readLine(bytes, from: start, isFull: isFull, limits: limits)
        }
        switch line {
        case .unfinished:
            return false
        case .blank:
            lines.truncate(to: lineStart)
            return true
        case .leftOut:
            lines.truncate(to: lineStart)
        case .kept:
            lineStart = lines.count
        }
        receivedLines &+= 1
        return false
    }

    private static func readLine(
        _ bytes: Span<UInt8>, from start: Int, isFull: Bool, limits: ContentLimits
    ) throws(MessageError) -> Line {
        if bytes[start] == .carriageReturn {
            return try parseLineEnd(bytes, from: start, otherwise: .lineEndMalformed) == nil ? .unfinished : .blank
        }
        guard !isFull else { throw .tooManyFields(limit: limits.trailerCountMax) }
        let names = FieldNameTable.shared
        guard
            let line = try names.parseLine(bytes, from: start, dropping: [], dropsAliases: true, limits: HeadLimits())
        else { return .unfinished }
        guard !FieldNameSet.refusedAsTrailers.contains(line.id) else { throw .trailerNotAllowed }
        return FieldNameSet.passedAsTrailers.contains(line.id) && !line.isDropped ? .kept : .leftOut
    }
}
