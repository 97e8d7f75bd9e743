import Bytes

/// A token in compact form (RFC 7515 §7.1), taken apart. Its header has been read; nothing has been believed.
package struct UnverifiedToken: Sendable {
    package let header: JOSEHeader
    /// The payload and, behind it, the signature: one allocation for both.
    let decoded: [UInt8]
    let payloadLength: Int
    /// The header and payload segments with the dot between them, counted from the token's first byte.
    package let signingInputLength: Int
    let limits: TokenLimits

    package init(_ token: Span<UInt8>, limits: TokenLimits = TokenLimits()) throws(TokenRefusal) {
        try self.init(token, segments: Segments(token, limits: limits), header: nil, limits: limits)
    }

    /// - Parameter header: what the header segment was read as before, if the caller knows.
    init(
        _ token: Span<UInt8>, segments: Segments, header known: JOSEHeader?, limits: TokenLimits
    ) throws(TokenRefusal) {
        guard let payloadLength = Base64URL.decodedCount(segments.payload.count),
            let signatureLength = Base64URL.decodedCount(segments.signature.count)
        else { throw .notBase64URL }
        if let known {
            header = known
        } else {
            guard let text = Base64URL.decode(token.extracting(segments.header)) else { throw .notBase64URL }
            header = try JOSEHeader(parameters: Self.parameters(text, limits: limits))
        }
        var decoded = [UInt8](repeating: 0, count: payloadLength &+ signatureLength)
        var output = decoded.mutableSpan
        guard Base64URL.decode(token.extracting(segments.payload), into: &output, at: 0),
            Base64URL.decode(token.extracting(segments.signature), into: &output, at: payloadLength)
        else { throw .notBase64URL }
        self.decoded = decoded
        self.payloadLength = payloadLength
        signingInputLength = segments.payload.upperBound
        self.limits = limits
    }

    private static func parameters(_ text: [UInt8], limits: TokenLimits) throws(TokenRefusal) -> JSONObject {
        do {
            return try JSONObject(parsing: text, limits: limits)
        } catch {
            throw .notJSON(.header, error)
        }
    }

    /// Lends the decoded signature.
    package func withSignature<Result: ~Copyable>(_ body: (Span<UInt8>) -> Result) -> Result {
        body(decoded.span.extracting(payloadLength..<decoded.count))
    }

    package var signature: [UInt8] { withSignature { Array(copying: $0) } }

    /// Reads the payload as a claims set. The claims of a token that was not verified are hearsay: for inspection only.
    package func claims() throws(TokenRefusal) -> ClaimsSet {
        do {
            return try JSONObject(parsing: decoded, length: payloadLength, limits: limits)
        } catch {
            throw .notJSON(.claims, error)
        }
    }
}

/// Where the three segments of a token stand.
struct Segments {
    let header: Range<Int>
    let payload: Range<Int>
    let signature: Range<Int>

    init(_ token: Span<UInt8>, limits: TokenLimits) throws(TokenRefusal) {
        guard token.count <= limits.tokenBytesMax else { throw .tooLarge(limitBytes: limits.tokenBytesMax) }
        guard let first = Self.dot(token, from: 0), let second = Self.dot(token, from: first &+ 1),
            Self.dot(token, from: second &+ 1) == nil
        else { throw .notThreeSegments(count: Self.segmentCount(token)) }
        header = 0..<first
        payload = first &+ 1..<second
        signature = second &+ 1..<token.count
        guard !header.isEmpty, !payload.isEmpty else { throw .emptySegment }
    }

    /// The offset of the first dot at or behind `start`, eight bytes at a time.
    private static func dot(_ token: Span<UInt8>, from start: Int) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var offset = start
        while offset &+ 8 <= token.count {
            // A byte of `difference` is zero where a dot is, and then the high bit of that byte of `zeros` is set. Higher
            // ones may be set wrongly, the lowest is right.
            let difference = token.word(at: offset) ^ (ones &* UInt64(UInt8(ascii: ".")))
            let zeros = (difference &- ones) & ~difference & (ones &* 0x80)
            if zeros != 0 { return offset &+ zeros.trailingZeroBitCount &>> 3 }
            offset &+= 8
        }
        return token.firstIndex(of: UInt8(ascii: "."), from: offset)
    }

    private static func segmentCount(_ token: Span<UInt8>) -> Int {
        var count = 1
        for index in 0..<token.count where token[index] == UInt8(ascii: ".") { count &+= 1 }
        return count
    }
}

extension UnverifiedToken: CustomStringConvertible, CustomReflectable {
    /// Without a byte of the token, which may be valid for somebody else.
    package var description: String { "a token of \(decoded.count) decoded bytes" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
