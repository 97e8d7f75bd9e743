/// Where in `chunk-ext` (RFC 9112 §7.1.1) a chunk header stands. What extensions say is of no interest; that every parser
/// sees their end in the same place is.
///
/// Whitespace is allowed where the grammar has `BWS`, so only where an extension or a value follows it.
enum ChunkExtensions: UInt8 {
    case afterSize, blankBeforeSemicolon
    case nameStart, name, blankBehindName
    case valueStart, token, quoted, escaped, quotedEnd

    /// Whether CRLF may follow.
    var canEnd: Bool {
        switch self {
        case .afterSize, .name, .token, .quotedEnd: true
        case .blankBeforeSemicolon, .nameStart, .blankBehindName, .valueStart, .quoted, .escaped: false
        }
    }

    /// The place behind `byte`; nil when it does not belong here.
    func after(_ byte: UInt8) -> ChunkExtensions? {
        let isBlank = byte == .space || byte == .tab
        switch self {
        case .afterSize, .quotedEnd, .blankBeforeSemicolon:
            return byte == UInt8(ascii: ";") ? .nameStart : isBlank ? .blankBeforeSemicolon : nil
        case .nameStart:
            return isBlank ? .nameStart : CharacterClass.token.contains(byte) ? .name : nil
        case .name where CharacterClass.token.contains(byte):
            return .name
        case .name, .blankBehindName:
            switch byte {
            case UInt8(ascii: "="): return .valueStart
            case UInt8(ascii: ";"): return .nameStart
            default: return isBlank ? .blankBehindName : nil
            }
        case .valueStart:
            if byte == UInt8(ascii: "\"") { return .quoted }
            return isBlank ? .valueStart : CharacterClass.token.contains(byte) ? .token : nil
        case .token:
            if CharacterClass.token.contains(byte) { return .token }
            return byte == UInt8(ascii: ";") ? .nameStart : isBlank ? .blankBeforeSemicolon : nil
        case .quoted:
            if byte == UInt8(ascii: "\"") { return .quotedEnd }
            if byte == UInt8(ascii: "\\") { return .escaped }
            return Self.isText(byte) ? .quoted : nil
        case .escaped:
            return Self.isText(byte) ? .quoted : nil
        }
    }

    /// `HTAB / SP / VCHAR / obs-text`.
    private static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == .tab }
}
