import Bytes

/// Reads the one JSON object that a header or a claims set is (RFC 8259), in one pass and without recursion deeper than
/// `nestingMax`, and notes where its members stand. Everything inside is checked, so that later readers may trust it.
///
/// Stricter than many: member names are unique in every object, also when escapes hide that they are equal (RFC 7515
/// §4); text is well-formed UTF-8 without a byte order mark; surrogate escapes come in pairs (RFC 7493 §2.1).
struct JSONReader {
    /// The next byte to read.
    private var offset = 0
    /// Of the objects that are open, outer before inner; in the end of the outermost alone.
    private(set) var members: [JSONMember] = []
    private let nestingMax: Int
    private let membersMax: Int

    init(limits: TokenLimits) {
        nestingMax = limits.nestingMax
        membersMax = limits.membersMax
        members.reserveCapacity(12)
    }

    /// Reads `text`, which must be one object and white space around it.
    ///
    /// - Returns: the offset of its closing brace.
    mutating func readDocument(_ text: Span<UInt8>) throws(JSONError) -> Int {
        guard text.count < Int(Int32.max) else { throw .tooManyMembers }
        skipSpace(text)
        guard peek(text) == UInt8(ascii: "{") else { throw .notAnObject }
        offset &+= 1
        try readObject(text, depth: 1)
        let end = offset &- 1
        skipSpace(text)
        guard offset == text.count else { throw .trailingBytes }
        return end
    }

    /// Reads members and the closing brace.
    private mutating func readObject(_ text: Span<UInt8>, depth: Int) throws(JSONError) {
        guard depth <= nestingMax else { throw .tooDeep }
        let base = members.count
        skipSpace(text)
        if peek(text) == UInt8(ascii: "}") {
            offset &+= 1
            return
        }
        while true {
            guard members.count &- base < membersMax else { throw .tooManyMembers }
            try expect(UInt8(ascii: "\""), text)
            let nameStart = offset
            let isNameEscaped = try readString(text)
            let nameEnd = offset &- 1
            skipSpace(text)
            try expect(UInt8(ascii: ":"), text)
            skipSpace(text)
            let valueStart = offset
            let (kind, isValueEscaped) = try readValue(text, depth: depth)
            let (prefix, length) =
                isNameEscaped
                ? Self.nameKey(JSONString.unescaped(text.extracting(nameStart..<nameEnd)).span)
                : Self.nameKey(text, nameStart..<nameEnd)
            members.append(
                JSONMember(
                    namePrefix: prefix, nameLength: length, nameStart: UInt32(truncatingIfNeeded: nameStart),
                    nameEnd: UInt32(truncatingIfNeeded: nameEnd), valueStart: UInt32(truncatingIfNeeded: valueStart),
                    valueEnd: UInt32(truncatingIfNeeded: offset), kind: kind, isNameEscaped: isNameEscaped,
                    isValueEscaped: isValueEscaped))
            skipSpace(text)
            switch peek(text) {
            case UInt8(ascii: ","):
                offset &+= 1
                skipSpace(text)
            case UInt8(ascii: "}"):
                offset &+= 1
                try checkDuplicates(text, from: base)
                if depth > 1 { members.removeSubrange(base...) }
                return
            case nil: throw .truncated
            default: throw .syntax
            }
        }
    }

    private mutating func readArray(_ text: Span<UInt8>, depth: Int) throws(JSONError) {
        guard depth <= nestingMax else { throw .tooDeep }
        skipSpace(text)
        if peek(text) == UInt8(ascii: "]") {
            offset &+= 1
            return
        }
        while true {
            _ = try readValue(text, depth: depth)
            skipSpace(text)
            switch peek(text) {
            case UInt8(ascii: ","):
                offset &+= 1
                skipSpace(text)
            case UInt8(ascii: "]"):
                offset &+= 1
                return
            case nil: throw .truncated
            default: throw .syntax
            }
        }
    }

    private mutating func readValue(
        _ text: Span<UInt8>, depth: Int
    ) throws(JSONError) -> (JSONMember.Kind, isEscaped: Bool) {
        guard let first = peek(text) else { throw .truncated }
        switch first {
        case UInt8(ascii: "\""):
            offset &+= 1
            return (.string, try readString(text))
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            try readNumber(text)
            return (.number, false)
        case UInt8(ascii: "{"):
            offset &+= 1
            try readObject(text, depth: depth &+ 1)
            return (.object, false)
        case UInt8(ascii: "["):
            offset &+= 1
            try readArray(text, depth: depth &+ 1)
            return (.array, false)
        case UInt8(ascii: "t"):
            try readLiteral("true", text)
            return (.boolean, false)
        case UInt8(ascii: "f"):
            try readLiteral("false", text)
            return (.boolean, false)
        case UInt8(ascii: "n"):
            try readLiteral("null", text)
            return (.null, false)
        default: throw .syntax
        }
    }

    private mutating func readLiteral(_ literal: StaticString, _ text: Span<UInt8>) throws(JSONError) {
        let end = offset &+ literal.utf8CodeUnitCount
        guard end <= text.count else { throw .truncated }
        guard text.extracting(offset..<end).elementsEqual(literal) else { throw .syntax }
        offset = end
    }

    /// RFC 8259 §6: no leading zeros, no plus, digits on both sides of the point.
    private mutating func readNumber(_ text: Span<UInt8>) throws(JSONError) {
        if text[offset] == UInt8(ascii: "-") { offset &+= 1 }
        let start = offset
        try skipDigits(text)
        guard text[start] != UInt8(ascii: "0") || offset == start &+ 1 else { throw .badNumber }
        if peek(text) == UInt8(ascii: ".") {
            offset &+= 1
            try skipDigits(text)
        }
        if let next = peek(text), next | 0x20 == UInt8(ascii: "e") {
            offset &+= 1
            if let sign = peek(text), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset &+= 1 }
            try skipDigits(text)
        }
    }

    /// At least one.
    private mutating func skipDigits(_ text: Span<UInt8>) throws(JSONError) {
        let start = offset
        while offset < text.count, text[offset].isASCIIDigit { offset &+= 1 }
        guard offset > start else { throw .badNumber }
    }
}

// MARK: - Strings

extension JSONReader {
    /// Reads to behind the closing quote, the opening one being read.
    ///
    /// - Returns: whether there was an escape.
    private mutating func readString(_ text: Span<UInt8>) throws(JSONError) -> Bool {
        var isEscaped = false
        var index = offset
        while index < text.count {
            if index &+ 8 <= text.count {
                let special = Self.specialBytes(text.word(at: index))
                guard special != 0 else { index &+= 8; continue }
                index &+= special.trailingZeroBitCount &>> 3
            }
            let byte = text[index]
            if byte == UInt8(ascii: "\"") {
                offset = index &+ 1
                return isEscaped
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                index = try Self.afterEscape(text, index)
            } else if byte < 0x20 {
                throw .badString
            } else if byte < 0x80 {
                index &+= 1
            } else {
                index = try Self.afterScalar(text, index)
            }
        }
        throw .truncated
    }

    /// The high bit of each byte that ends or complicates a string: `"`, `\`, control characters, non-ASCII. Bits above
    /// the lowest one set may be wrong, the lowest is right.
    private static func specialBytes(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let found = (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word | word
        return found & (ones &* 0x80)
    }

    /// Checks the escape at `index` and returns the offset behind it.
    private static func afterEscape(_ text: Span<UInt8>, _ index: Int) throws(JSONError) -> Int {
        guard index &+ 1 < text.count else { throw .truncated }
        switch text[index &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return index &+ 2
        case UInt8(ascii: "u"):
            guard let unit = JSONString.codeUnit(text, at: index &+ 2) else { throw .badString }
            guard unit & 0xF800 == 0xD800 else { return index &+ 6 }
            guard unit < 0xDC00, index &+ 12 <= text.count, text[index &+ 6] == UInt8(ascii: "\\"),
                text[index &+ 7] == UInt8(ascii: "u"), let low = JSONString.codeUnit(text, at: index &+ 8),
                low & 0xFC00 == 0xDC00
            else { throw .notUTF8 }
            return index &+ 12
        default: throw .badString
        }
    }

    /// Checks the multi-byte scalar at `index` against the table of RFC 3629 §4 and returns the offset behind it.
    private static func afterScalar(_ text: Span<UInt8>, _ index: Int) throws(JSONError) -> Int {
        let lead = text[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: length = 3; second = 0xA0...0xBF
        case 0xED: length = 3; second = 0x80...0x9F
        case 0xE1...0xEF: length = 3
        case 0xF0: length = 4; second = 0x90...0xBF
        case 0xF1...0xF3: length = 4
        case 0xF4: length = 4; second = 0x80...0x8F
        default: throw .notUTF8
        }
        guard index &+ length <= text.count, second.contains(text[index &+ 1]) else { throw .notUTF8 }
        for position in 2..<max(2, length) where text[index &+ position] & 0xC0 != 0x80 { throw .notUTF8 }
        return index &+ length
    }
}

// MARK: - Names

extension JSONReader {
    /// `namePrefix` and `nameLength` of an unescaped name.
    static func nameKey(_ name: Span<UInt8>) -> (prefix: UInt64, length: UInt32) { nameKey(name, 0..<name.count) }

    private static func nameKey(_ text: Span<UInt8>, _ name: Range<Int>) -> (prefix: UInt64, length: UInt32) {
        let length = name.upperBound &- name.lowerBound
        let prefix: UInt64
        if name.lowerBound &+ 8 <= text.count {
            let word = text.word(at: name.lowerBound)
            prefix = length >= 8 ? word : word & (1 &<< UInt64(truncatingIfNeeded: 8 &* length) &- 1)
        } else {
            var word: UInt64 = 0
            for index in name { word |= UInt64(text[index]) &<< UInt64(truncatingIfNeeded: 8 &* (index &- name.lowerBound)) }
            prefix = word
        }
        return (prefix, UInt32(truncatingIfNeeded: length))
    }

    private func checkDuplicates(_ text: Span<UInt8>, from base: Int) throws(JSONError) {
        let members = members.span
        for later in base &+ 1..<max(base &+ 1, members.count) {
            let (prefix, length) = (members[later].namePrefix, members[later].nameLength)
            for earlier in base..<later where members[earlier].namePrefix == prefix && members[earlier].nameLength == length {
                if length <= 8 || Self.haveEqualNames(members[earlier], members[later], text) { throw .duplicateMember }
            }
        }
    }

    private static func haveEqualNames(_ left: JSONMember, _ right: JSONMember, _ text: Span<UInt8>) -> Bool {
        if !left.isNameEscaped && !right.isNameEscaped {
            return text.extracting(left.name).elementsEqual(text.extracting(right.name))
        }
        return JSONString.unescaped(text.extracting(left.name)) == JSONString.unescaped(text.extracting(right.name))
    }
}

// MARK: - Bytes

extension JSONReader {
    private func peek(_ text: Span<UInt8>) -> UInt8? { offset < text.count ? text[offset] : nil }

    private mutating func expect(_ byte: UInt8, _ text: Span<UInt8>) throws(JSONError) {
        guard offset < text.count else { throw .truncated }
        guard text[offset] == byte else { throw .syntax }
        offset &+= 1
    }

    private mutating func skipSpace(_ text: Span<UInt8>) {
        while offset < text.count {
            switch text[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset &+= 1
            default: return
            }
        }
    }
}
