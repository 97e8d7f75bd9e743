package import Bytes
package import HTTP1

/// Why nobody can tell which request a decision is asked about.
package struct DecisionFault: Error, Equatable, Sendable {
    package enum Kind: Sendable { case missing, repeated, malformed, unknown }

    package var kind: Kind
    /// Of the field.
    package var name: String

    /// What `DecisionPoint.Question.unknown` is answered with.
    package static let nothingAsked = DecisionFault(kind: .unknown, name: "")

    package init(kind: Kind, name: String) {
        self.kind = kind
        self.name = name
    }

    /// One sentence for the operator of the proxy in front.
    package var description: String {
        switch kind {
        case .missing: "\(name) is missing."
        case .repeated: "\(name) is there more than once."
        case .malformed: "\(name) is malformed."
        case .unknown: "Nothing can be asked at this path."
        }
    }
}

extension DecisionPoint {
    /// Appends the head of the request that is asked about, for the parser of all requests: its request line, its `Host`, and the
    /// fields of the decision request that a client has sent or could have.
    ///
    /// It has no content, even where the original has: no decision depends on it.
    ///
    /// - Parameters:
    ///   - head: of the decision request. What has been said for it and not for the original is dropped from its fields.
    ///   - bytes: what `head` was parsed from.
    /// - Throws: what is wrong with the decision request; `buffer` is of no use then.
    package func appendOriginalHead(
        _ head: inout RequestHead, _ bytes: Span<UInt8>, to buffer: inout ByteBuffer
    ) throws(DecisionFault) {
        let method: ByteRange
        let target: ByteRange
        let host: ByteRange
        switch frontProxy {
        case .originalFields:
            method = try Self.take("X-Original-Method", from: &head.fields, bytes)
            target = try Self.take("X-Original-URI", from: &head.fields, bytes)
            host = try Self.take("X-Original-Host", from: &head.fields, bytes)
        case .forwardedFields:
            method = try Self.take("X-Forwarded-Method", from: &head.fields, bytes)
            target = try Self.take("X-Forwarded-Uri", from: &head.fields, bytes)
            host = try Self.take("X-Forwarded-Host", from: &head.fields, bytes)
        case .pathBehindPrefix:
            method = head.methodName
            let targetEnd = head.hasQuery ? head.query.end : head.path.end
            target = ByteRange(Int(head.path.start) + path.count, Int(targetEnd))
            host = head.authority
            guard !host.isEmpty else { throw DecisionFault(kind: .missing, name: "Host") }
        }
        guard Self.isMethod(bytes.extracting(method.bounds)) else { throw fault(ofMethod: true) }
        guard Self.isTarget(bytes.extracting(target.bounds)) else { throw fault(ofMethod: false) }

        buffer.append(bytes.extracting(method.bounds))
        buffer.append(0x20)
        buffer.append(bytes.extracting(target.bounds))
        buffer.append(" HTTP/1.1\r\nHost: ")
        buffer.append(bytes.extracting(host.bounds))
        buffer.append("\r\n")
        head.fields.dropForwardedFields()
        head.fields.drop(.expect)
        if Self.isHandshake(head, bytes) { buffer.append("Connection: upgrade\r\nUpgrade: websocket\r\n") }
        head.fields.appendKept(from: bytes, to: &buffer)
        buffer.append("\r\n")
    }

    /// The value of the only field of that name, which is dropped, and so are its aliases: `X_Original_URI` is nobody's.
    private static func take(
        _ name: String, from fields: inout FieldSection, _ bytes: Span<UInt8>
    ) throws(DecisionFault) -> ByteRange {
        let spelling = Array(name.lowercased().utf8)
        var value: ByteRange?
        for line in fields.lines where bytes.extracting(line.name.bounds).equalsIgnoringCase(spelling.span) {
            guard value == nil else { throw DecisionFault(kind: .repeated, name: name) }
            // Named in `Connection`, a field is none that was meant for here.
            value = line.isDropped ? .empty : line.value
        }
        guard let value, !value.isEmpty else { throw DecisionFault(kind: .missing, name: name) }
        fields.drop(spelling.span, hash: canonicalHash(spelling.span), from: bytes)
        return value
    }

    private func fault(ofMethod isMethod: Bool) -> DecisionFault {
        let name =
            switch frontProxy {
            case .originalFields: isMethod ? "X-Original-Method" : "X-Original-URI"
            case .forwardedFields: isMethod ? "X-Forwarded-Method" : "X-Forwarded-Uri"
            case .pathBehindPrefix: isMethod ? "The method" : "The path"
            }
        return DecisionFault(kind: .malformed, name: name)
    }

    /// RFC 9110 §9.1: a token.
    private static func isMethod(_ text: Span<UInt8>) -> Bool {
        for index in 0..<text.count where !text[index].isTokenCharacter { return false }
        return !text.isEmpty
    }

    /// Whether the text is in origin or asterisk form, as far as its beginning and end show; the rest is the parser's business. A
    /// proxy that passes on an absolute form would leave it open which of two hosts it means.
    private static func isTarget(_ text: Span<UInt8>) -> Bool {
        guard !text.isEmpty, text[0] == 0x2F || text.elementsEqual("*") else { return false }
        for index in 0..<text.count where text[index].isWhitespace { return false }
        return true
    }

    /// Whether the original is a WebSocket handshake (RFC 6455 §4.1). Proxies drop what belongs to one connection, `Upgrade`
    /// among it, from what they ask; the rest of the handshake stays, and no page can leave it out. Pages of other sites may
    /// open WebSockets with the user's cookies, so a handshake must not pass for an ordinary GET.
    private static func isHandshake(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
        if head.wantsUpgrade || head.fields.firstIndex(of: .upgrade) != nil { return true }
        let prefix = Array("sec-websocket-".utf8)
        for line in head.fields.lines where line.name.count > prefix.count {
            let start = Int(line.name.start)
            if bytes.extracting(start..<start + prefix.count).equalsIgnoringCase(prefix.span) { return true }
        }
        return false
    }
}

extension PathNormalizer {
    /// Whether a path goes the way it seems to go: no dot segments, escaped or not, and no empty ones but at the end.
    ///
    /// What the gateway forwards it forwards in normal form. A proxy in front forwards what its client has sent, and what the
    /// API makes of `//public/admin` or `/admin/../public` need not be what the policy makes of it.
    package static func isDirect(_ path: Span<UInt8>) -> Bool {
        var start = 1
        while start <= path.count {
            let end = path.firstIndex(of: 0x2F, from: start) ?? path.count
            if start == end, end < path.count { return false }
            if isDotSegment(path.extracting(start..<end)) { return false }
            start = end + 1
        }
        return true
    }

    /// The path with its escapes as routes have them: their digits have no case (RFC 3986 §6.2.2.1), whoever reads them.
    static func withUpperCaseEscapes(_ path: Span<UInt8>) -> [UInt8] {
        var result = Array(copying: path)
        var index = 0
        while index < result.count {
            guard result[index] == 0x25 else {
                index += 1
                continue
            }
            for digit in (index + 1)..<min(index + 3, result.count) where result[digit].isASCIILetter { result[digit] &= 0xDF }
            index += 3
        }
        return result
    }

    private static func isDotSegment(_ segment: Span<UInt8>) -> Bool {
        var dots = 0
        var index = 0
        while index < segment.count {
            if segment[index] == 0x2E {
                index += 1
            } else if segment.count - index >= 3, segment.extracting(index..<index + 3).equalsIgnoringCase("%2e") {
                index += 3
            } else {
                return false
            }
            dots += 1
        }
        return dots == 1 || dots == 2
    }
}
