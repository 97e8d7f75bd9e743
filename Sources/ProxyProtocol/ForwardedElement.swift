package import Bytes

/// One element of a Forwarded field: what one proxy says (RFC 7239 §4). Offsets are into the element's own text.
package struct ForwardedElement {
    /// Whom the proxy got the request from; hidden where it does not say.
    private(set) var node = Node.hidden
    /// The value of `proto`; nil where it is missing or no plain token.
    package private(set) var proto: Range<Int>?
    /// The value of `host`, inside its quotes; nil where it is missing or has escapes, which no host needs.
    package private(set) var host: Range<Int>?

    /// Nil when the text is not `[ pair ] *( ";" [ pair ] )`, or has a parameter twice.
    package init?(_ text: Span<UInt8>) {
        var index = 0
        var (hasFor, hasProto, hasHost) = (false, false, false)
        var others = 0
        while index < text.count {
            if text[index] == 0x3B {
                index += 1
                continue
            }
            guard let equals = text.firstIndex(of: 0x3D, from: index), Self.isToken(text.extracting(index..<equals)) else {
                return nil
            }
            let name = text.extracting(index..<equals)
            var unescaped = ByteBuffer()
            guard let (value, end) = Self.value(in: text, from: equals + 1, unescapedInto: &unescaped),
                end == text.count || text[end] == 0x3B
            else { return nil }
            let isPlain = unescaped.count == value.count
            if name.equalsIgnoringCase("for") {
                guard !hasFor else { return nil }
                hasFor = true
                node = unescaped.withSpan { Node($0) }
            } else if name.equalsIgnoringCase("proto") {
                guard !hasProto else { return nil }
                hasProto = true
                if isPlain { proto = value }
            } else if name.equalsIgnoringCase("host") {
                guard !hasHost else { return nil }
                hasHost = true
                if isPlain { host = value }
            } else {
                others += 1
                guard others <= 16 else { return nil }
            }
            index = end
        }
    }

    /// A token or a quoted-string (RFC 9110 §5.6.4): where its content stands, and where the value ends.
    private static func value(
        in text: Span<UInt8>, from start: Int, unescapedInto buffer: inout ByteBuffer
    ) -> (value: Range<Int>, end: Int)? {
        guard start < text.count else { return nil }
        guard text[start] == 0x22 else {
            let end = text.firstIndex(of: 0x3B, from: start) ?? text.count
            guard isToken(text.extracting(start..<end)) else { return nil }
            buffer.append(text.extracting(start..<end))
            return (start..<end, end)
        }
        var index = start + 1
        while index < text.count {
            switch text[index] {
            case 0x22: return (start + 1..<index, index + 1)
            case 0x5C:
                index += 1
                guard index < text.count else { return nil }
                buffer.append(text[index])
            case let byte: buffer.append(byte)
            }
            index += 1
        }
        return nil
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ text: Span<UInt8>) -> Bool {
        guard !text.isEmpty else { return false }
        for index in 0..<text.count {
            switch text[index] {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: continue
            case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: continue
            default: return false
            }
        }
        return true
    }

    /// The last comma before `end` that is not inside a quoted string. Found from the end, which a trusted proxy has written:
    /// a quote that a client has left open further left must not swallow what follows.
    static func separator(in value: Span<UInt8>, before end: Int) -> Int? {
        var isQuoted = false
        var index = end
        while index > 0 {
            index &-= 1
            switch value[index] {
            case 0x22 where !isQuoted: isQuoted = true
            case 0x22 where !isEscaped(value, at: index): isQuoted = false
            case 0x2C where !isQuoted: return index
            default: break
            }
        }
        return nil
    }

    /// Whether an odd number of backslashes stands before `index`.
    private static func isEscaped(_ value: Span<UInt8>, at index: Int) -> Bool {
        var first = index
        while first > 0, value[first - 1] == 0x5C { first &-= 1 }
        return (index - first) & 1 == 1
    }
}

// MARK: - Writing

extension ForwardedElement {
    /// Appends an element without `;` or `,` around it: `for=192.0.2.1;host="a.example";proto=https`.
    ///
    /// - Parameters:
    ///   - address: nil: the peer has none.
    ///   - host: may be empty.
    package static func append(for address: IPAddress?, host: Span<UInt8>, isSecure: Bool, to buffer: inout ByteBuffer) {
        buffer.append("for=")
        switch address {
        case .ipv4?: address?.append(to: &buffer)
        case .ipv6?:  // RFC 7239 §6: in brackets, and thus quoted
            buffer.append("\"[")
            address?.append(to: &buffer)
            buffer.append("]\"")
        case nil: buffer.append("unknown")
        }
        if !host.isEmpty {
            buffer.append(";host=\"")
            for index in 0..<host.count {
                if host[index] == 0x22 || host[index] == 0x5C { buffer.append(0x5C) }
                buffer.append(host[index])
            }
            buffer.append(0x22)
        }
        if isSecure { buffer.append(";proto=https") } else { buffer.append(";proto=http") }
    }
}
