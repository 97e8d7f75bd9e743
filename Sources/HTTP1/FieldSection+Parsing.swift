import Bytes

/// Reading field lines (RFC 9112 §5): `field-name ":" OWS field-value OWS CRLF`.
///
/// The recipient's liberties of RFC 9112 (a bare LF as line end, replacing `obs-fold`, dropping whitespace before the
/// colon) are not taken: each is a place where two parsers can disagree about where something ends.
extension FieldSection {
    /// Reads lines from `start` up to and including the blank line.
    ///
    /// `bytes` ends where the section must have ended at the latest; the caller knows what it means when it has not.
    /// - Parameters:
    ///   - dropping: names whose lines are marked as dropped.
    ///   - dropsAliases: whether lines are whose names are known only once `_` counts as `-`.
    /// - Returns: The offset behind the blank line; nil when more bytes are needed.
    @inline(__always)
    mutating func parse(
        _ bytes: Span<UInt8>, from start: Int, dropping: FieldNameSet, dropsAliases: Bool, limits: HeadLimits
    ) throws(MessageError) -> Int? {
        removeAll()
        var offset = start
        while offset < bytes.count {
            if bytes[offset] == .carriageReturn {
                guard offset &+ 1 < bytes.count else { return nil }
                guard bytes[offset &+ 1] == .lineFeed else { throw .lineEndMalformed }
                return offset &+ 2
            }
            guard lines.count < limits.fieldCountMax else { throw .tooManyFields(limit: limits.fieldCountMax) }
            guard
                let line = try names.parseLine(
                    bytes, from: offset, dropping: dropping, dropsAliases: dropsAliases, limits: limits)
            else { return nil }
            append(line)
            offset = Int(line.line.end)
        }
        return nil
    }

    /// Reads trailers that a `ContentDecoder` lends.
    ///
    /// - Parameter trailers: whole field lines, no blank line behind.
    package mutating func parse(trailers: Span<UInt8>, limits: HeadLimits = HeadLimits()) throws(MessageError) {
        removeAll()
        var offset = 0
        while offset < trailers.count {
            guard
                let line = try names.parseLine(
                    trailers, from: offset, dropping: [], dropsAliases: true, limits: limits)
            else { throw .lineEndMalformed }
            append(line)
            offset = Int(line.line.end)
        }
    }
}

extension FieldNameTable {
    /// Reads one line, which is known not to be the blank one.
    ///
    /// - Returns: nil when more bytes are needed.
    @inline(__always)
    func parseLine(
        _ bytes: Span<UInt8>, from start: Int, dropping: FieldNameSet, dropsAliases: Bool, limits: HeadLimits
    ) throws(MessageError) -> FieldLine? {
        guard let name = try parseName(bytes, from: start, bytesMax: limits.fieldNameBytesMax) else { return nil }
        var value = ByteRange.empty
        guard let lineEnd = try parseValue(bytes, from: name.end &+ 1, into: &value) else { return nil }

        var id = canonicalMatch(bytes, start, name.end, hash: name.hash, first: name.firstWord, last: name.lastWord)
        var isDropped = dropping.contains(id)
        if name.hasUnderscore && id != .other {
            guard id != .contentLength && id != .transferEncoding else { throw .fieldNameAmbiguous }
            id = .other
            isDropped = dropsAliases
        }
        return FieldLine(
            name: ByteRange(start, name.end), value: value, line: ByteRange(start, lineEnd),
            canonicalHash: name.hash, id: id, isDropped: isDropped)
    }
}

private struct ParsedName {
    /// Where the colon is.
    var end: Int
    var hash: UInt32
    /// The first and the last of the words that are hashed; the same one in names of up to eight bytes.
    var firstWord: UInt64
    var lastWord: UInt64
    var hasUnderscore: Bool
}

/// - Returns: nil when the bytes end before the colon.
@inline(__always)
private func parseName(
    _ bytes: Span<UInt8>, from start: Int, bytesMax: Int
) throws(MessageError) -> ParsedName? {
    // Eight bytes at a time while they are letters, digits and hyphens, as nearly all names are.
    var hash = CanonicalHash()
    var firstWord: UInt64 = 0
    var lastWord: UInt64 = 0
    var offset = start
    while offset &+ 8 <= bytes.count {
        let word = bytes.word(at: offset)
        let lowerCase = word | 0x2020_2020_2020_2020
        let others = notLetterDigitHyphen(word)
        if others == 0 {
            hash.combine(lowerCase)
            lastWord = lowerCase
            if offset == start { firstWord = lowerCase }
            offset &+= 8
            continue
        }
        let length = others.trailingZeroBitCount &>> 3
        let end = offset &+ length
        guard bytes[end] == .colon, end &- start <= bytesMax, end > start else { break }
        if length > 0 {
            lastWord = lowerCase & ((1 &<< UInt64(8 &* length)) &- 1)
            hash.combine(lastWord)
            if offset == start { firstWord = lastWord }
        }
        return ParsedName(
            end: end, hash: hash.value, firstWord: firstWord, lastWord: lastWord, hasUnderscore: false)
    }
    return try parseUncommonName(bytes, from: start, bytesMax: bytesMax)
}

/// Byte by byte: other characters, the last bytes of a span, and everything that is wrong.
@inline(never)
private func parseUncommonName(
    _ bytes: Span<UInt8>, from start: Int, bytesMax: Int
) throws(MessageError) -> ParsedName? {
    var offset = start
    var hasUnderscore = false
    while offset < bytes.count {
        let byte = bytes[offset]
        if byte == .colon {
            guard offset > start else { throw .fieldNameMalformed }
            let lastStart = start &+ (offset &- start &- 1) / 8 &* 8
            return ParsedName(
                end: offset, hash: canonicalHash(bytes.extracting(start..<offset)),
                firstWord: canonicalWord(bytes, at: start, before: offset),
                lastWord: canonicalWord(bytes, at: lastStart, before: offset), hasUnderscore: hasUnderscore)
        }
        guard CharacterClass.token.contains(byte) else {
            throw faultInName(bytes, at: offset, start: start)
        }
        guard offset &- start < bytesMax else { throw .fieldNameTooLong(limit: bytesMax) }
        if byte == UInt8(ascii: "_") { hasUnderscore = true }
        offset &+= 1
    }
    return nil
}

private func faultInName(_ bytes: Span<UInt8>, at offset: Int, start: Int) -> MessageError {
    switch bytes[offset] {
    case .space, .tab: offset == start ? .lineFolded : .whitespaceBeforeColon
    case .lineFeed where offset == start: .lineEndMalformed
    default: .fieldNameMalformed
    }
}

/// - Parameter value: is set to the value without the whitespace around it.
/// - Returns: The offset behind the CRLF; nil when more bytes are needed.
@inline(__always)
private func parseValue(
    _ bytes: Span<UInt8>, from start: Int, into value: inout ByteRange
) throws(MessageError) -> Int? {
    var first = start
    while first < bytes.count, bytes[first] == .space || bytes[first] == .tab { first &+= 1 }
    var end = endOfText(bytes, from: first)
    guard let lineEnd = try parseTextEnd(bytes, from: end) else { return nil }
    while end > first, bytes[end &- 1] == .space || bytes[end &- 1] == .tab { end &-= 1 }
    value = ByteRange(first, end)
    return lineEnd
}

/// Reads the CRLF behind a text.
///
/// - Returns: The offset behind it; nil when more bytes are needed.
@inline(__always)
func parseTextEnd(_ bytes: Span<UInt8>, from end: Int) throws(MessageError) -> Int? {
    if end &+ 1 < bytes.count, bytes[end] == .carriageReturn, bytes[end &+ 1] == .lineFeed { return end &+ 2 }
    return try parseLineEnd(bytes, from: end, otherwise: .fieldValueMalformed)
}

/// The offset of the first control character but tab; the end of the bytes when there is none.
///
/// What stands before it is `HTAB / SP / VCHAR / obs-text`, which a field value (RFC 9110 §5.5) and a reason phrase
/// (RFC 9112 §4) consist of.
@inline(__always)
func endOfText(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var offset = start
    // Tokens are long: two words a turn.
    while offset &+ 16 <= bytes.count,
        controlCharacters(bytes.word(at: offset)) | controlCharacters(bytes.word(at: offset &+ 8)) == 0
    {
        offset &+= 16
    }
    while offset &+ 8 <= bytes.count {
        let controls = controlCharacters(bytes.word(at: offset))
        if controls == 0 {
            offset &+= 8
            continue
        }
        offset &+= controls.trailingZeroBitCount &>> 3
        guard bytes[offset] == .tab else { return offset }
        offset &+= 1
    }
    while offset < bytes.count {
        let byte = bytes[offset]
        if byte < 0x20 && byte != .tab || byte == 0x7F { return offset }
        offset &+= 1
    }
    return offset
}

// MARK: - Eight bytes at a time

/// The top bit of each byte that is no ASCII letter, digit or hyphen.
@inline(__always)
private func notLetterDigitHyphen(_ word: UInt64) -> UInt64 {
    // Adding moves a byte's top bit up when the byte reaches a bound; no sum passes 0xFF, so bytes stay apart.
    let sevenBits = word & 0x7F7F_7F7F_7F7F_7F7F
    let lowerCase = sevenBits | 0x2020_2020_2020_2020
    let letters = (lowerCase &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(lowerCase &+ 0x0505_0505_0505_0505)
    let digits = (sevenBits &+ 0x5050_5050_5050_5050) & ~(sevenBits &+ 0x4646_4646_4646_4646)
    let hyphens = ~((sevenBits ^ 0x2D2D_2D2D_2D2D_2D2D) &+ 0x7F7F_7F7F_7F7F_7F7F)
    return (~(letters | digits | hyphens) | word) & 0x8080_8080_8080_8080
}

/// The top bit of the first byte that is below 0x20 or 0x7F; bytes above the first may be marked wrongly, none below it.
@inline(__always)
private func controlCharacters(_ word: UInt64) -> UInt64 {
    let below = (word &- 0x2020_2020_2020_2020) & ~word
    let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
    let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
    return (below | isDelete) & 0x8080_8080_8080_8080
}

extension UInt8 {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var space: UInt8 { 0x20 }
    static var colon: UInt8 { 0x3A }
}
