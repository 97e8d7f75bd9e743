internal import Bytes

/// A list of field names under construction. Names count without case.
struct FieldNameList: ~Copyable {
    private var bytes: [UInt8] = []

    var isEmpty: Bool { bytes.isEmpty }

    /// Adds a single name, unless the list has it.
    mutating func append(_ name: Span<UInt8>) {
        if !Self.list(bytes.span, contains: name) { append(list: name) }
    }

    /// Adds a list as it is.
    mutating func append(list: Span<UInt8>) {
        guard !list.isEmpty else { return }
        if !bytes.isEmpty { bytes.append(contentsOf: [0x2C, 0x20]) }
        for index in 0..<list.count { bytes.append(list[index]) }
    }

    borrowing func append(to buffer: inout ByteBuffer) { buffer.append(bytes) }

    /// Whether the comma-separated `list` has `name` as an element.
    static func list(_ list: Span<UInt8>, contains name: Span<UInt8>) -> Bool {
        var start = 0
        while start < list.count {
            let end = list.firstIndex(of: 0x2C, from: start) ?? list.count
            var first = start
            var last = end
            while first < last, list[first].isWhitespace { first &+= 1 }
            while last > first, list[last &- 1].isWhitespace { last &-= 1 }
            if last &- first == name.count {
                var index = 0
                while index < name.count, list[first &+ index].asciiLowercased == name[index].asciiLowercased { index &+= 1 }
                if index == name.count { return true }
            }
            start = end &+ 1
        }
        return false
    }

    /// Whether `list` is `#field-name` (RFC 9110 §5.6.1), and no longer than such lists are.
    static func isWellFormed(_ list: Span<UInt8>) -> Bool {
        guard !list.isEmpty, list.count <= 4_096 else { return false }
        for index in 0..<list.count {
            let byte = list[index]
            guard byte == 0x2C || byte.isWhitespace || byte.isTokenCharacter else { return false }
        }
        return true
    }
}
