import Bytes

/// `uri-host [ ":" port ]`, as `Host` and request-targets have it (RFC 9110 §4.2.1, §7.2; RFC 3986 §3.2).
///
/// Narrower than RFC 3986: the host is not empty, a registered name holds only unreserved characters, an IP literal is an
/// IPv6 address without a zone, a port fits 16 bits. User information is never allowed (RFC 9110 §4.2.4).
struct Authority {
    /// Without the colon of an empty port.
    var range: ByteRange
    var host: ByteRange
    var port: Int?

    /// The longest name that DNS can hold, with its root dot.
    static let hostBytesMax = 254

    /// nil when the range does not hold exactly an authority.
    init?(_ bytes: Span<UInt8>, _ bounds: Range<Int>) {
        guard !bounds.isEmpty else { return nil }
        var offset = bounds.lowerBound
        if bytes[offset] == UInt8(ascii: "[") {
            while offset < bounds.upperBound, bytes[offset] != UInt8(ascii: "]") { offset &+= 1 }
            guard offset < bounds.upperBound, isIPv6Address(bytes.extracting(bounds.lowerBound &+ 1..<offset)) else {
                return nil
            }
            offset &+= 1
        } else {
            while offset < bounds.upperBound, CharacterClass.registeredName.contains(bytes[offset]) { offset &+= 1 }
        }
        host = ByteRange(bounds.lowerBound, offset)
        range = host
        guard !host.isEmpty, host.count <= Self.hostBytesMax else { return nil }
        guard offset < bounds.upperBound else { return }

        guard bytes[offset] == .colon else { return nil }
        let digits = bytes.extracting(offset &+ 1..<bounds.upperBound)
        guard !digits.isEmpty else { return }
        guard digits.count <= 5, let number = digits.decimal(), number <= 65_535 else { return nil }
        port = number
        range = ByteRange(bounds.lowerBound, bounds.upperBound)
    }
}

/// `IPv6address` (RFC 3986 §3.2.2): eight groups of one to four digits, the last two possibly as IPv4, and once `::` for
/// one group or more of zeros.
func isIPv6Address(_ text: Span<UInt8>) -> Bool {
    var groups = 0
    var isCompressed = false
    var offset = 0
    if text.count >= 2, text[0] == .colon, text[1] == .colon {
        isCompressed = true
        offset = 2
    }
    while offset < text.count {
        let groupStart = offset
        while offset < text.count, offset &- groupStart < 4, text[offset].hexadecimalValue != nil { offset &+= 1 }
        guard offset > groupStart else { return false }
        if offset < text.count, text[offset] == UInt8(ascii: ".") {
            guard isIPv4Address(text.extracting(groupStart..<text.count)) else { return false }
            groups &+= 2
            break
        }
        groups &+= 1
        guard groups <= 8 else { return false }
        guard offset < text.count else { break }
        guard text[offset] == .colon, offset &+ 1 < text.count else { return false }
        offset &+= 1
        if text[offset] == .colon {
            guard !isCompressed else { return false }
            isCompressed = true
            offset &+= 1
        }
    }
    return isCompressed ? groups <= 7 : groups == 8
}

/// `IPv4address` (RFC 3986 §3.2.2): four decimal octets without leading zeros.
func isIPv4Address(_ text: Span<UInt8>) -> Bool {
    var octets = 0
    var offset = 0
    while true {
        let start = offset
        var value = 0
        while offset < text.count, offset &- start < 3, text[offset].isASCIIDigit {
            value = value &* 10 &+ Int(text[offset] &- 0x30)
            offset &+= 1
        }
        let length = offset &- start
        guard length > 0, value <= 255, length == 1 || text[start] != 0x30 else { return false }
        octets &+= 1
        guard octets < 4 else { return offset == text.count }
        guard offset < text.count, text[offset] == UInt8(ascii: ".") else { return false }
        offset &+= 1
    }
}
