import Bytes

extension RequestHead {
    /// Reads a head from the start of `bytes`.
    ///
    /// A wrong byte is refused when it is seen, a limit when it is passed; neither waits for the end of the head.
    /// - Parameter unchanged: how many of the first bytes an earlier call has answered false for. A peer that sends its head
    ///   in crumbs then costs a look at each crumb, and a pass over the head only for each line.
    /// - Returns: false when more bytes are needed; the properties then mean nothing.
    package mutating func parse(_ bytes: Span<UInt8>, unchanged: Int = 0) throws(MessageError) -> Bool {
        if isHeadStillUnfinished(bytes, unchanged: unchanged, bytesMax: limits.headBytesMax) { return false }
        // What lies beyond the limit is not looked at, so that a head is refused for the same reason however it arrives.
        let head = bytes.extracting(0..<min(bytes.count, limits.headBytesMax))
        guard
            let fieldsStart = try parseRequestLine(head),
            let end = try fields.parse(
                head, from: fieldsStart, dropping: .droppedFromRequests, dropsAliases: true, limits: limits)
        else {
            guard bytes.count < limits.headBytesMax else { throw .headTooLarge(limit: limits.headBytesMax) }
            return false
        }
        length = end
        try readFields(head)
        return true
    }

    /// - Returns: The offset of the first field line; nil when more bytes are needed.
    @inline(__always)
    private mutating func parseRequestLine(_ bytes: Span<UInt8>) throws(MessageError) -> Int? {
        guard
            let start = try skipEmptyLines(bytes),
            let methodEnd = try parseMethod(bytes, from: start),
            let targetEnd = try parseTarget(bytes, from: methodEnd &+ 1),
            let versionEnd = try parseVersion(bytes, from: targetEnd &+ 1, into: &version),
            let lineEnd = try parseLineEnd(bytes, from: versionEnd, otherwise: .versionMalformed)
        else { return nil }
        return lineEnd
    }

    @inline(__always)
    private func skipEmptyLines(_ bytes: Span<UInt8>) throws(MessageError) -> Int? {
        var offset = 0
        while offset < bytes.count {
            guard bytes[offset] == .carriageReturn else { return offset }
            guard offset < 2 &* limits.leadingEmptyLinesMax else { throw .methodMalformed }
            guard offset &+ 1 < bytes.count else { return nil }
            guard bytes[offset &+ 1] == .lineFeed else { throw .lineEndMalformed }
            offset &+= 2
        }
        return nil
    }

    @inline(__always)
    private mutating func parseMethod(_ bytes: Span<UInt8>, from start: Int) throws(MessageError) -> Int? {
        var name: UInt64 = 0
        var offset = start
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == .space {
                guard offset > start else { throw .methodMalformed }
                methodName = ByteRange(start, offset)
                method = Method(firstBytes: name, count: offset &- start)
                return offset
            }
            guard CharacterClass.token.contains(byte) else {
                throw byte == .lineFeed ? .lineEndMalformed : .methodMalformed
            }
            guard offset &- start < limits.methodBytesMax else { throw .methodTooLong(limit: limits.methodBytesMax) }
            name |= UInt64(byte) << UInt64(8 &* (offset &- start))  // a smart shift: nothing is left of the ninth byte
            offset &+= 1
        }
        return nil
    }
}

// MARK: - What request and response heads share

/// Whether nothing has come since the last attempt but a piece of a line, within the limit and free of control characters.
@inline(__always)
func isHeadStillUnfinished(_ bytes: Span<UInt8>, unchanged: Int, bytesMax: Int) -> Bool {
    guard unchanged > 0, unchanged <= bytes.count, bytes.count < bytesMax else { return false }
    return endOfText(bytes, from: unchanged &- 1) == bytes.count
}

/// Reads `HTTP-version` (RFC 9112 §2.3); its name is case-sensitive.
///
/// - Returns: The offset behind it; nil when more bytes are needed.
@inline(__always)
func parseVersion(_ bytes: Span<UInt8>, from start: Int, into version: inout Version) throws(MessageError) -> Int? {
    if start &+ 8 <= bytes.count {
        let word = bytes.word(at: start)
        if word == 0x312E_312F_5054_5448 {  // "HTTP/1.1"
            version = .http11
            return start &+ 8
        }
        if word == 0x302E_312F_5054_5448 {  // "HTTP/1.0"
            version = .http10
            return start &+ 8
        }
    }
    return try parseUncommonVersion(bytes, from: start, into: &version)
}

@inline(never)
private func parseUncommonVersion(
    _ bytes: Span<UInt8>, from start: Int, into version: inout Version
) throws(MessageError) -> Int? {
    let name: InlineArray<5, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2F]  // "HTTP/"
    var index = 0
    while index < 8, start &+ index < bytes.count {
        let byte = bytes[start &+ index]
        let isExpected =
            switch index {
            case 0..<5: byte == name[index]
            case 6: byte == UInt8(ascii: ".")
            default: byte.isASCIIDigit
            }
        guard isExpected else {
            if index == 0 && byte == .carriageReturn { throw .versionMissing }
            throw byte == .lineFeed ? .lineEndMalformed : .versionMalformed
        }
        if index == 5 && byte != UInt8(ascii: "1") { throw .versionUnsupported }
        index &+= 1
    }
    guard index == 8 else { return nil }
    version = bytes[start &+ 7] == UInt8(ascii: "0") ? .http10 : .http11
    return start &+ 8
}

/// Reads exactly CRLF.
///
/// - Throws: `.lineEndMalformed` for half of it, `error` for anything else.
/// - Returns: The offset behind it; nil when more bytes are needed.
@inline(__always)
func parseLineEnd(
    _ bytes: Span<UInt8>, from start: Int, otherwise error: MessageError
) throws(MessageError) -> Int? {
    guard start < bytes.count else { return nil }
    guard bytes[start] == .carriageReturn else { throw bytes[start] == .lineFeed ? .lineEndMalformed : error }
    guard start &+ 1 < bytes.count else { return nil }
    guard bytes[start &+ 1] == .lineFeed else { throw .lineEndMalformed }
    return start &+ 2
}
