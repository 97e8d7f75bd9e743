internal import Bytes

/// What one field of a request says about a token. Offsets are into the field's value.
enum Credentials: Equatable {
    case absent
    case token(Range<Int>)
    /// The field means to carry a token, and is not well formed.
    case malformed
    /// More than one token.
    case several
}

extension Credentials {
    /// Reads an `Authorization` value: `"Bearer" 1*SP b64token` (RFC 6750 §2.1), the scheme in any case. Other schemes
    /// carry no token. That the token's characters are right is left to whoever verifies it.
    init(authorization value: Span<UInt8>) {
        guard value.count >= 6, value.extracting(0..<6).equalsIgnoringCase("bearer") else {
            self = .absent
            return
        }
        var start = 6
        while start < value.count, value[start] == 0x20 { start &+= 1 }
        if start == 6 {
            // "Bearer" alone, or the beginning of another scheme's name.
            self = value.count == 6 || !value[6].isTokenCharacter ? .malformed : .absent
        } else {
            self = start < value.count ? .token(start..<value.count) : .malformed
        }
    }

    /// Reads the cookie `name` from a `Cookie` value: `cookie-pair *( ";" SP cookie-pair )` (RFC 6265 §4.2.1). Names are
    /// case-sensitive; space around them is ignored, as servers do. An empty value is what a cleared cookie leaves behind.
    init(cookie name: Span<UInt8>, in value: Span<UInt8>) {
        self = .absent
        var start = 0
        while start < value.count {
            let end = value.firstIndex(of: 0x3B, from: start) ?? value.count
            if let token = Self.value(of: name, inPair: start..<end, of: value) {
                if token.isEmpty {
                    // cleared
                } else if self == .absent {
                    self = .token(token)
                } else {
                    self = .several
                    return
                }
            }
            start = end &+ 1
        }
    }

    /// Reads the token that is offered as a subprotocol right after `bearer` (RFC 6455 §11.3.4).
    init(webSocketProtocol value: Span<UInt8>) {
        self = .absent
        var followsMarker = false
        var start = 0
        while start <= value.count {
            let end = value.firstIndex(of: 0x2C, from: start) ?? value.count
            let element = Self.trimming(start..<end, of: value)
            if followsMarker {
                guard !element.isEmpty else {
                    self = .malformed
                    return
                }
                guard self == .absent else {
                    self = .several
                    return
                }
                self = .token(element)
                followsMarker = false
            } else if !element.isEmpty {
                followsMarker = value.extracting(element).equalsIgnoringCase("bearer")
            }
            start = end &+ 1
        }
        if followsMarker { self = .malformed }
    }

    /// The value of the pair at `pair` if its name is `name`.
    private static func value(of name: Span<UInt8>, inPair pair: Range<Int>, of value: Span<UInt8>) -> Range<Int>? {
        var start = pair.lowerBound
        while start < pair.upperBound, value[start].isWhitespace { start &+= 1 }
        guard pair.upperBound &- start > name.count, value.extracting(start..<start &+ name.count).elementsEqual(name) else {
            return nil
        }
        var equals = start &+ name.count
        while equals < pair.upperBound, value[equals].isWhitespace { equals &+= 1 }
        guard equals < pair.upperBound, value[equals] == 0x3D else { return nil }
        return trimming(equals &+ 1..<pair.upperBound, of: value)
    }

    private static func trimming(_ range: Range<Int>, of value: Span<UInt8>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, value[start].isWhitespace { start &+= 1 }
        while end > start, value[end &- 1].isWhitespace { end &-= 1 }
        return start..<end
    }
}

extension UInt8 {
    /// SP / HTAB.
    var isWhitespace: Bool { self == 0x20 || self == 0x09 }
}
