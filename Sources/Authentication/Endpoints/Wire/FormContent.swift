internal import Bytes

/// Why content is not what it says it is.
enum ContentError: Error, Equatable {
    case malformed
    /// A member occurs twice (RFC 6749 §3.2 forbids it).
    case duplicateMember
    case tooManyMembers
}

/// The members of `application/x-www-form-urlencoded` content (URL standard §5), read strictly: what two readers might take for
/// different things is refused.
struct FormContent {
    static let membersMax = 64

    private var members: [(name: String, value: [UInt8])] = []

    init(_ content: Span<UInt8>) throws(ContentError) {
        var start = 0
        while start < content.count {
            let end = content.firstIndex(of: UInt8(ascii: "&"), from: start) ?? content.count
            if end > start { try append(content.extracting(start..<end)) }
            start = end &+ 1
        }
    }

    /// Nil: absent, or without a value, which counts as absent (RFC 6749 §3.1).
    func value(_ name: String) -> [UInt8]? {
        guard let member = members.first(where: { $0.name == name }), !member.value.isEmpty else { return nil }
        return member.value
    }

    private mutating func append(_ pair: Span<UInt8>) throws(ContentError) {
        guard members.count < Self.membersMax else { throw .tooManyMembers }
        let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.count
        let value = equals < pair.count ? try Self.decoded(pair.extracting((equals &+ 1)...)) : []
        guard let name = String(validating: try Self.decoded(pair.extracting(0..<equals)), as: UTF8.self),
            String(validating: value, as: UTF8.self) != nil
        else { throw .malformed }
        guard !members.contains(where: { $0.name == name }) else { throw .duplicateMember }
        members.append((name, value))
    }

    private static func decoded(_ text: Span<UInt8>) throws(ContentError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var offset = 0
        while offset < text.count {
            switch text[offset] {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard offset &+ 2 < text.count, let high = text[offset &+ 1].hexadecimalValue,
                    let low = text[offset &+ 2].hexadecimalValue
                else { throw .malformed }
                let byte = high << 4 | low
                guard byte != 0 else { throw .malformed }
                bytes.append(byte)
                offset &+= 2
            case 0x21...0x7E: bytes.append(text[offset])
            // Encoders escape everything else.
            default: throw .malformed
            }
            offset &+= 1
        }
        return bytes
    }
}
