internal import Bytes
internal import JOSE

/// The request fields that a route makes of claims.
///
/// A string stands as it is, a number or boolean as the token writes it, an array of strings as its elements with commas
/// between. Null, objects and other arrays make no field. Octets other than printable ASCII, `%` itself, spaces at
/// either end, and commas inside the elements of an array are percent-encoded (RFC 3986 §2.1) as UTF-8: no claim can
/// end a line or add an element, and decoding gives back what the claim said.
struct ClaimHeaderSet: IndexedSet, Sendable {
    private let headers: [RoutePolicy.ClaimHeader]

    init(_ headers: [RoutePolicy.ClaimHeader]) { self.headers = headers }

    var isEmpty: Bool { headers.isEmpty }

    /// The lines for a token, each with its CRLF.
    func lines(for token: VerifiedToken) -> [UInt8] {
        var lines: [UInt8] = []
        for header in headers {
            guard let member = token.claims.member(named: header.claim),
                let value = Self.value(of: member, in: token.claims)
            else { continue }
            lines += header.header.utf8
            lines += [0x3A, 0x20]
            lines += value
            lines += [0x0D, 0x0A]
        }
        return lines
    }

    private static func value(of member: JSONMember, in claims: ClaimsSet) -> [UInt8]? {
        switch member.kind {
        case .string:
            return claims.withString(of: member) { encoded($0, asElement: false) }
        case .array:
            guard let elements = claims.strings(of: member) else { return nil }
            return Array(elements.map { encoded($0.utf8.span, asElement: true) }.joined(separator: [0x2C]))
        case .number, .boolean:
            return claims.withValue(of: member) { Array(copying: $0) }
        case .object, .null:
            return nil
        }
    }

    private static func encoded(_ text: Span<UInt8>, asElement: Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for index in 0..<text.count {
            let byte = text[index]
            let isInner = index > 0 && index < text.count - 1
            let isPlain =
                byte > 0x20 && byte < 0x7F && byte != 0x25 && !(asElement && byte == 0x2C) || byte == 0x20 && isInner
            if isPlain {
                result.append(byte)
            } else {
                result += [0x25, upperCaseDigit(byte >> 4), upperCaseDigit(byte & 0xF)]
            }
        }
        return result
    }

    private static func upperCaseDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x37 &+ value }
}
