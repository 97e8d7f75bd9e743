import Bytes

/// One JSON object, checked, with an index of its members; the text stays as it was written.
///
/// Lookups compare unescaped names and take time in the number of members, which `TokenLimits.membersMax` bounds.
package struct JSONObject: Sendable {
    /// Holds the object from its first byte; others may own bytes behind `length`.
    let text: [UInt8]
    /// Of the JSON text in `text`, white space around the object counted.
    let length: Int
    /// The offset of the closing brace.
    let end: Int
    /// In the order of the text.
    package let members: [JSONMember]

    /// - Throws: when `text` is anything but one object that keeps `limits`.
    package init(parsing text: [UInt8], limits: TokenLimits = TokenLimits()) throws(JSONError) {
        try self.init(parsing: text, length: text.count, limits: limits)
    }

    /// Reads the first `length` bytes of `text`.
    init(parsing text: [UInt8], length: Int, limits: TokenLimits) throws(JSONError) {
        var reader = JSONReader(limits: limits)
        end = try reader.readDocument(text.span.extracting(0..<length))
        members = reader.members
        self.text = text
        self.length = length
    }

    /// Lends the text as it was written.
    package func withText<Result: ~Copyable>(_ body: (Span<UInt8>) -> Result) -> Result {
        body(text.span.extracting(0..<length))
    }

    /// Lends a value as it was written, a string with its quotes and escapes.
    package func withValue<Result: ~Copyable>(of member: JSONMember, _ body: (Span<UInt8>) -> Result) -> Result {
        body(text.span.extracting(member.value))
    }
}

// MARK: - Finding members

extension JSONObject {
    package func member(named name: Span<UInt8>) -> JSONMember? { index(named: name).map { members[$0] } }

    package func member(named name: String) -> JSONMember? {
        var name = name
        name.makeContiguousUTF8()
        return member(named: name.utf8.span)
    }

    package func member(_ name: TokenMember) -> JSONMember? { index(of: name).map { members[$0] } }

    package func contains(_ name: String) -> Bool { member(named: name) != nil }

    func index(named name: Span<UInt8>) -> Int? {
        let (prefix, length) = JSONReader.nameKey(name)
        let members = members.span
        for index in 0..<members.count where members[index].namePrefix == prefix && members[index].nameLength == length {
            if length <= 8 || hasName(name, members[index]) { return index }
        }
        return nil
    }

    /// As `index(named:)`, with the key known to the compiler.
    func index(of name: TokenMember) -> Int? {
        let (prefix, length) = (name.prefix, name.length)
        let members = members.span
        for index in 0..<members.count where members[index].namePrefix == prefix && members[index].nameLength == length {
            if length <= 8 || hasName(name.rawValue.utf8.span, members[index]) { return index }
        }
        return nil
    }

    private func hasName(_ name: Span<UInt8>, _ member: JSONMember) -> Bool {
        let written = text.span.extracting(member.name)
        guard member.isNameEscaped else { return written.elementsEqual(name) }
        return JSONString.unescaped(written).span.elementsEqual(name)
    }

    /// The unescaped name.
    package func name(of member: JSONMember) -> String {
        let written = text.span.extracting(member.name)
        return member.isNameEscaped ? String(copying: JSONString.unescaped(written).span) : String(copying: written)
    }
}

// MARK: - Reading values

extension JSONObject {
    /// Lends the unescaped text of a string; nil when the value is no string.
    package func withString<Result: ~Copyable>(of member: JSONMember, _ body: (Span<UInt8>) -> Result) -> Result? {
        guard member.kind == .string else { return nil }
        let content = text.span.extracting(Int(member.valueStart) &+ 1..<Int(member.valueEnd) &- 1)
        return member.isValueEscaped ? body(JSONString.unescaped(content).span) : body(content)
    }

    /// The unescaped text of a string; nil when there is none by that name or the value is no string.
    package func string(named name: String) -> String? { member(named: name).flatMap(string(of:)) }

    package func string(_ name: TokenMember) -> String? { member(name).flatMap(string(of:)) }

    package func string(of member: JSONMember) -> String? { withString(of: member) { String(copying: $0) } }

    /// A string as one, an array of strings as all of them; nil for anything else.
    package func strings(named name: String) -> [String]? { member(named: name).flatMap(strings(of:)) }

    package func strings(of member: JSONMember) -> [String]? {
        if let string = string(of: member) { return [string] }
        var strings: [String] = []
        guard forEachString(of: member, { strings.append(String(copying: $0)) }) else { return nil }
        return strings
    }

    /// An integer written without fraction and exponent.
    package func integer(named name: String) -> Int64? { member(named: name).flatMap(integer(of:)) }

    package func integer(of member: JSONMember) -> Int64? {
        guard member.kind == .number else { return nil }
        let written = text.span.extracting(member.value)
        guard written[0] == UInt8(ascii: "-") else { return written.decimal().map(Int64.init) }
        return written.extracting(1..<written.count).decimal().map { -Int64($0) }
    }

    /// True or false; nil for anything else.
    package func boolean(of member: JSONMember) -> Bool? {
        member.kind == .boolean ? text[Int(member.valueStart)] == UInt8(ascii: "t") : nil
    }

    /// A date of a token: an integer within `NumericDate.range`, not written as minus zero.
    func date(of member: JSONMember) -> NumericDate? {
        guard member.kind == .number, let seconds = text.span.extracting(member.value).decimal(),
            NumericDate.range.contains(Int64(seconds))
        else { return nil }
        return NumericDate(seconds: Int64(seconds))
    }

    /// Whether the value is the string `expected`, compared without its escapes.
    package func isString(_ member: JSONMember, equalTo expected: Span<UInt8>) -> Bool {
        guard member.kind == .string else { return false }
        // A closure could not capture the span, so this is not `withString`.
        let content = text.span.extracting(Int(member.valueStart) &+ 1..<Int(member.valueEnd) &- 1)
        guard member.isValueEscaped else { return content.elementsEqual(expected) }
        return JSONString.unescaped(content).span.elementsEqual(expected)
    }

    /// Whether the value is the string `expected`, or an array of strings with `expected` among them.
    package func value(of member: JSONMember, isOrContains expected: Span<UInt8>) -> Bool {
        guard member.kind == .array else { return isString(member, equalTo: expected) }
        let wanted = Array(copying: expected)
        var isFound = false
        guard forEachString(of: member, { if $0.elementsEqual(wanted.span) { isFound = true } }) else { return false }
        return isFound
    }

    /// Calls `body` with the unescaped elements of an array of strings.
    ///
    /// - Returns: false, perhaps after some calls, when the value is anything but an array of strings.
    func forEachString(of member: JSONMember, _ body: (Span<UInt8>) -> Void) -> Bool {
        guard member.kind == .array else { return false }
        let array = text.span.extracting(member.value)
        // The reader has checked the syntax: outside of strings only separators are left to skip.
        var offset = 1
        while offset < array.count {
            switch array[offset] {
            case UInt8(ascii: "\""):
                let start = offset &+ 1
                var isEscaped = false
                offset = start
                while offset < array.count, array[offset] != UInt8(ascii: "\"") {
                    if array[offset] == UInt8(ascii: "\\") {
                        isEscaped = true
                        offset &+= 1
                    }
                    offset &+= 1
                }
                guard offset < array.count else { return false }
                let content = array.extracting(start..<offset)
                if isEscaped { body(JSONString.unescaped(content).span) } else { body(content) }
            case UInt8(ascii: ","), UInt8(ascii: "]"), 0x20, 0x09, 0x0A, 0x0D: break
            default: return false
            }
            offset &+= 1
        }
        return true
    }
}

// MARK: - Objects inside

extension JSONObject {
    /// The elements of an array of objects; nil when the value is anything else.
    package func objects(of member: JSONMember, limits: TokenLimits = TokenLimits()) throws(JSONError) -> [JSONObject]? {
        guard member.kind == .array else { return nil }
        var objects: [JSONObject] = []
        // The reader has checked the syntax, so brackets outside of strings are all that is to be counted.
        var (depth, start) = (0, 0)
        var offset = Int(member.valueStart) + 1
        while offset < Int(member.valueEnd) - 1 {
            switch text[offset] {
            case UInt8(ascii: "\""):
                guard depth > 0 else { return nil }
                offset += 1
                while text[offset] != UInt8(ascii: "\"") { offset += text[offset] == UInt8(ascii: "\\") ? 2 : 1 }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == 0 {
                    guard text[offset] == UInt8(ascii: "{") else { return nil }
                    start = offset
                }
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { objects.append(try JSONObject(parsing: Array(text[start...offset]), limits: limits)) }
            case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D: break
            default: guard depth > 0 else { return nil }
            }
            offset += 1
        }
        return objects
    }
}

extension TokenMember {
    /// The name as `JSONMember.namePrefix`: the first eight bytes, the first one lowest.
    var prefix: UInt64 {
        switch self {
        case .algorithm: 0x67_6C61
        case .keyID: 0x64_696B
        case .type: 0x70_7974
        case .contentType: 0x79_7463
        case .critical: 0x7469_7263
        case .base64: 0x34_3662
        case .encryption: 0x63_6E65
        case .compression: 0x70_697A
        case .issuer: 0x73_7369
        case .subject: 0x62_7573
        case .audience: 0x64_7561
        case .expiration: 0x70_7865
        case .notBefore: 0x66_626E
        case .issuedAt: 0x74_6169
        case .tokenID: 0x69_746A
        case .sessionID: 0x64_6973
        case .originallyIssuedAt: 0x7461_695F_6769_726F
        case .authenticatedAt: 0x6D69_745F_6874_7561
        }
    }

    /// The number of bytes of the name.
    var length: UInt32 {
        switch self {
        case .algorithm, .keyID, .type, .contentType, .base64, .encryption, .compression, .issuer, .subject, .audience,
            .expiration, .notBefore, .issuedAt, .tokenID, .sessionID:
            3
        case .critical: 4
        case .originallyIssuedAt: 8
        case .authenticatedAt: 9
        }
    }
}

extension JSONObject: CustomStringConvertible, CustomReflectable {
    /// Claims are personal, and a JWK may be secret: neither is shown by chance.
    package var description: String { "a JSON object of \(members.count) members" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
