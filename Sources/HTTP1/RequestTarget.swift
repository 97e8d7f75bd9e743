import Bytes

/// Reading the request-target (RFC 9112 §3.2) by the grammar of RFC 3986.
extension RequestHead {
    /// Reads up to the space behind the target.
    ///
    /// - Returns: The offset of that space; nil when more bytes are needed.
    @inline(__always)
    mutating func parseTarget(_ bytes: Span<UInt8>, from start: Int) throws(MessageError) -> Int? {
        scheme = nil
        authority = .empty
        host = .empty
        port = nil
        query = .empty
        hasQuery = false
        // One byte more than a target may have: reaching it says "too long" wherever the bytes happen to end.
        let window = bytes.extracting(0..<min(bytes.count, start &+ limits.targetBytesMax &+ 1))
        guard start < window.count else { return nil }
        let end =
            window[start] == .slash && method != .connect
            ? try parseOriginForm(window, from: start) : try parseOtherForm(window, from: start)
        guard let end else {
            guard window.count &- start <= limits.targetBytesMax else {
                throw .targetTooLong(limit: limits.targetBytesMax)
            }
            return nil
        }
        target = ByteRange(start, end)
        return end
    }

    /// `absolute-path [ "?" query ]`, the common one, checked in the pass that finds its end.
    @inline(__always)
    private mutating func parseOriginForm(_ bytes: Span<UInt8>, from start: Int) throws(MessageError) -> Int? {
        targetForm = .origin
        return try parsePathAndQuery(bytes, from: start)
    }

    @inline(__always)
    private mutating func parsePathAndQuery(_ bytes: Span<UInt8>, from start: Int) throws(MessageError) -> Int? {
        guard let pathEnd = try endOfURIText(bytes, from: start, of: .path) else { return nil }
        path = ByteRange(start, pathEnd)
        if bytes[pathEnd] == .space { return pathEnd }
        guard bytes[pathEnd] == UInt8(ascii: "?") else { throw faultInTarget(bytes, at: pathEnd) }
        guard let queryEnd = try endOfURIText(bytes, from: pathEnd &+ 1, of: .query) else { return nil }
        guard bytes[queryEnd] == .space else { throw faultInTarget(bytes, at: queryEnd) }
        query = ByteRange(pathEnd &+ 1, queryEnd)
        hasQuery = true
        return queryEnd
    }

    /// The other forms: their end is found first, then their structure is checked.
    @inline(never)
    private mutating func parseOtherForm(_ bytes: Span<UInt8>, from start: Int) throws(MessageError) -> Int? {
        // Every form consists of what a query may hold.
        guard let end = try endOfURIText(bytes, from: start, of: .query) else { return nil }
        guard bytes[end] == .space else { throw faultInTarget(bytes, at: end) }
        guard end > start else { throw .targetMalformed }
        path = .empty
        if method == .connect {
            try parseAuthorityForm(bytes, start..<end)
        } else if end == start + 1 && bytes[start] == UInt8(ascii: "*") {
            targetForm = .asterisk
            guard method == .options else { throw .targetFormNotAllowed }
        } else {
            try parseAbsoluteForm(bytes, from: start)
        }
        return end
    }

    /// `uri-host ":" port` (RFC 9112 §3.2.3); the port is not optional.
    private mutating func parseAuthorityForm(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(MessageError) {
        targetForm = .authority
        guard let parsed = Authority(bytes, range) else {
            // `CONNECT /` and `CONNECT http://…` are targets, only not for this method.
            throw bytes[range.lowerBound] == .slash ? .targetFormNotAllowed : .targetMalformed
        }
        guard parsed.port != nil else { throw .targetFormNotAllowed }
        take(parsed)
    }

    /// `scheme "://" authority path-abempty [ "?" query ]` with the schemes of RFC 9110 §4.2, whose authority has a host
    /// and no user information.
    private mutating func parseAbsoluteForm(_ bytes: Span<UInt8>, from start: Int) throws(MessageError) {
        targetForm = .absolute
        let rest = bytes.extracting(start..<bytes.count)
        let authorityStart: Int
        if rest.count >= 7 && rest.extracting(0..<7).equalsIgnoringCase("http://") {
            scheme = .http
            authorityStart = start + 7
        } else if rest.count >= 8 && rest.extracting(0..<8).equalsIgnoringCase("https://") {
            scheme = .https
            authorityStart = start + 8
        } else {
            throw .targetMalformed
        }
        var authorityEnd = authorityStart
        while ![.slash, UInt8(ascii: "?"), .space].contains(bytes[authorityEnd]) { authorityEnd += 1 }
        guard let parsed = Authority(bytes, authorityStart..<authorityEnd) else { throw .targetMalformed }
        take(parsed)
        _ = try parsePathAndQuery(bytes, from: authorityEnd)
        if path.isEmpty { path = .empty }
    }

    mutating func take(_ parsed: Authority) {
        authority = parsed.range
        host = parsed.host
        port = parsed.port
    }
}

/// The offset of the first byte that is neither in `characters` nor part of `"%" HEXDIG HEXDIG`; nil when there is none, or
/// when an escape is cut off by the end of the bytes.
@inline(__always)
private func endOfURIText(
    _ bytes: Span<UInt8>, from start: Int, of characters: CharacterClass
) throws(MessageError) -> Int? {
    var offset = start
    while offset < bytes.count {
        if characters.contains(bytes[offset]) {
            offset &+= 1
            continue
        }
        guard bytes[offset] == UInt8(ascii: "%") else { return offset }
        var digit = offset &+ 1
        while digit <= offset &+ 2 {
            guard digit < bytes.count else { return nil }
            guard bytes[digit].hexadecimalValue != nil else { throw faultInTarget(bytes, at: digit) }
            digit &+= 1
        }
        offset &+= 3
    }
    return nil
}

private func faultInTarget(_ bytes: Span<UInt8>, at offset: Int) -> MessageError {
    switch bytes[offset] {
    case .carriageReturn: .versionMissing
    case .lineFeed: .lineEndMalformed
    default: .targetMalformed
    }
}

extension UInt8 {
    static var slash: UInt8 { 0x2F }
}
