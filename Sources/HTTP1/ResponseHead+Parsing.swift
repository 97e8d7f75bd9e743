import Bytes

extension ResponseHead {
    /// Reads a head from the start of `bytes`.
    ///
    /// - Parameters:
    ///   - unchanged: how many of the first bytes an earlier call has answered false for (see `RequestHead.parse`).
    ///   - method: what the response answers, as HEAD and CONNECT decide about content.
    /// - Returns: false when more bytes are needed; the properties then mean nothing.
    package mutating func parse(
        _ bytes: Span<UInt8>, unchanged: Int = 0, answering method: Method
    ) throws(MessageError) -> Bool {
        if isHeadStillUnfinished(bytes, unchanged: unchanged, bytesMax: limits.headBytesMax) { return false }
        let head = bytes.extracting(0..<min(bytes.count, limits.headBytesMax))
        guard
            let fieldsStart = try parseStatusLine(head),
            let end = try fields.parse(
                head, from: fieldsStart, dropping: .droppedFromResponses, dropsAliases: false, limits: limits)
        else {
            guard bytes.count < limits.headBytesMax else { throw .headTooLarge(limit: limits.headBytesMax) }
            return false
        }
        length = end
        try readFields(head, answering: method)
        return true
    }

    /// `HTTP-version SP status-code SP [ reason-phrase ] CRLF` (RFC 9112 §4); the second space is optional without a reason.
    @inline(__always)
    private mutating func parseStatusLine(_ bytes: Span<UInt8>) throws(MessageError) -> Int? {
        guard let versionEnd = try parseVersion(bytes, from: 0, into: &version) else { return nil }
        guard versionEnd < bytes.count else { return nil }
        guard bytes[versionEnd] == .space else { throw .statusLineMalformed }
        var offset = versionEnd &+ 1
        status = 0
        while offset < versionEnd &+ 4 {
            guard offset < bytes.count else { return nil }
            guard bytes[offset].isASCIIDigit else { throw .statusLineMalformed }
            status = status &* 10 &+ Int(bytes[offset] &- 0x30)
            offset &+= 1
            guard 1...599 ~= status else { throw .statusLineMalformed }  // no leading zero, no class above 5
        }
        isUpgrade = status == 101
        isInterim = status < 200 && !isUpgrade
        guard offset < bytes.count else { return nil }
        reason = .empty
        if bytes[offset] == .space {
            let reasonEnd = endOfText(bytes, from: offset &+ 1)
            reason = ByteRange(offset &+ 1, reasonEnd)
            offset = reasonEnd
        }
        return try parseLineEnd(bytes, from: offset, otherwise: .statusLineMalformed)
    }

    /// What the fields say together. The order is fixed: framing, then connection.
    private mutating func readFields(_ bytes: Span<UInt8>, answering method: Method) throws(MessageError) {
        contentLength = try fields.contentLength(bytes)
        let isChunked = try fields.isChunked(bytes)
        let cannotHaveCoding = version == .http10 || status < 200 || status == 204  // RFC 9112 §6.1
        guard !isChunked || !cannotHaveCoding else { throw .transferEncodingNotAllowed }
        guard !isChunked || contentLength == nil else { throw .transferEncodingWithContentLength }

        // RFC 9112 §6.3, in its order.
        if method == .head || status < 200 || status == 204 || status == 304 || (method == .connect && status < 300) {
            framing = .none
        } else if isChunked {
            framing = .chunked
        } else if let contentLength {
            framing = .length(contentLength)
        } else {
            framing = .untilClose
        }

        let options = try fields.readConnection(bytes, isRequest: false, limits: limits)
        isPersistent = options.isPersistent(version) && framing != .untilClose
        // A length where none may be (RFC 9110 §8.6): the origin may well send that much, and it would be taken for the
        // next response.
        if status < 200 || status == 204, let contentLength, contentLength > 0 { isPersistent = false }
    }
}
