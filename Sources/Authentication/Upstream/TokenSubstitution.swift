internal import Bytes
internal import HTTP1

extension Authenticator {
    /// Takes the line that carries the token out, and returns the line that stands for it: with `token` in the token's place,
    /// or without any when `token` is empty. Nothing is returned when then nothing is left to say.
    func replaceToken(
        at location: TokenLocation, with token: [UInt8], _ head: inout RequestHead, _ bytes: Span<UInt8>
    ) -> [UInt8] {
        head.fields.drop(at: location.line)
        let line = head.fields.lines[location.line]
        let before = Array(copying: bytes.extracting(Int(line.line.start)..<Int(location.token.start)))
        let after = Array(copying: bytes.extracting(Int(location.token.end)..<Int(line.line.end)))
        if !token.isEmpty { return before + token + after }

        switch sources[location.source] {
        case .authorization, .header:
            return []
        case .cookie:
            return Self.removing(location, from: line, separator: 0x3B, precededByMarker: false, bytes)
        case .webSocketProtocol:
            return Self.removing(location, from: line, separator: 0x2C, precededByMarker: true, bytes)
        }
    }

    /// The line without the list element that holds the token, and without the one before it if that is its marker.
    private static func removing(
        _ location: TokenLocation, from line: FieldLine, separator: UInt8, precededByMarker: Bool, _ bytes: Span<UInt8>
    ) -> [UInt8] {
        var kept: [[UInt8]] = []
        var start = Int(line.value.start)
        let valueEnd = Int(line.value.end)
        while start <= valueEnd {
            var end = start
            while end < valueEnd, bytes[end] != separator { end &+= 1 }
            if start <= location.token.start, location.token.end <= end {
                if precededByMarker { _ = kept.popLast() }
            } else {
                var first = start
                var last = end
                while first < last, bytes[first].isWhitespace { first &+= 1 }
                while last > first, bytes[last &- 1].isWhitespace { last &-= 1 }
                if first < last { kept.append(Array(copying: bytes.extracting(first..<last))) }
            }
            start = end &+ 1
        }
        guard !kept.isEmpty else { return [] }
        var result = Array(copying: bytes.extracting(line.name.bounds)) + [0x3A, 0x20]
        result += kept.joined(separator: [separator, 0x20])
        return result + [0x0D, 0x0A]
    }
}
