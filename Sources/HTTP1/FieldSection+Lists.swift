import Bytes

/// What the fields of a section say about the message and its connection, where their values are lists or numbers.
extension FieldSection {
    /// The value of `Content-Length` (RFC 9110 §8.6): one line, `1*DIGIT`, at most 18 digits. A repeated one is refused even when
    /// the values agree, `5, 5` as well.
    func contentLength(_ bytes: Span<UInt8>) throws(MessageError) -> Int? {
        guard let line = first(.contentLength) else { return nil }
        guard count(of: .contentLength) == 1 else { throw .contentLengthRepeated }
        guard let length = bytes.extracting(line.value.bounds).decimal() else { throw .contentLengthMalformed }
        return length
    }

    /// Whether there is a `Transfer-Encoding`; the only one served is exactly `chunked`, once.
    func isChunked(_ bytes: Span<UInt8>) throws(MessageError) -> Bool {
        guard let line = first(.transferEncoding) else { return false }
        guard
            count(of: .transferEncoding) == 1, bytes.extracting(line.value.bounds).equalsIgnoringCase("chunked")
        else { throw .transferEncodingUnsupported }
        return true
    }

    /// Whether a list field has `member` among its elements, in any case.
    func contains(_ member: StaticString, in id: FieldName, _ bytes: Span<UInt8>) -> Bool {
        guard var index = firstIndex(of: id) else { return false }
        while index < lines.count {
            if lines[index].id == id {
                var offset = Int(lines[index].value.start)
                while let element = nextElement(bytes, from: &offset, to: Int(lines[index].value.end)) {
                    if bytes.extracting(element).equalsIgnoringCase(member) { return true }
                }
            }
            index &+= 1
        }
        return false
    }

    /// Whether `Upgrade` asks only for protocols that may be tunnelled (RFC 9110 §7.8).
    ///
    /// Not those are HTTP/2 (`h2c` smuggling) and anything else that carries HTTP or hides it.
    func asksForTunnelledProtocol(_ bytes: Span<UInt8>) -> Bool {
        guard let line = first(.upgrade), count(of: .upgrade) == 1 else { return false }
        var offset = Int(line.value.start)
        var isAny = false
        while let element = nextElement(bytes, from: &offset, to: Int(line.value.end)) {
            let slash = bytes.extracting(element).firstIndex(of: .slash)
            let name = element.lowerBound..<(slash.map { element.lowerBound + $0 } ?? element.upperBound)
            guard isToken(bytes, name) else { return false }
            if slash != nil {
                guard isToken(bytes, name.upperBound + 1..<element.upperBound) else { return false }
            }
            let protocolName = bytes.extracting(name)
            let carriesHTTP =
                protocolName.equalsIgnoringCase("h2c") || protocolName.equalsIgnoringCase("h2")
                || protocolName.equalsIgnoringCase("http") || protocolName.equalsIgnoringCase("tls")
            guard !carriesHTTP else { return false }
            isAny = true
        }
        return isAny
    }
}

// MARK: - Connection

/// The options of `Connection` that are not field names (RFC 9110 §7.6.1, RFC 9112 §9.3).
struct ConnectionOptions {
    var close = false
    var keepAlive = false
    var upgrade = false

    /// Whether the sender wants the connection to persist (RFC 9112 §9.3).
    func isPersistent(_ version: Version) -> Bool { !close && (keepAlive || version == .http11) }
}

extension FieldSection {
    /// Reads `Connection` and drops the fields that it names.
    ///
    /// - Parameter isRequest: whether naming a field that the gateway knows to be meant for the recipient is refused. A client
    ///   that could have `Cookie` or `X-Forwarded-For` removed on the way would decide what the upstream believes.
    mutating func readConnection(
        _ bytes: Span<UInt8>, isRequest: Bool, limits: HeadLimits
    ) throws(MessageError) -> ConnectionOptions {
        var options = ConnectionOptions()
        guard var index = firstIndex(of: .connection) else { return options }
        var count = 0
        while index < lines.count {
            if lines[index].id == .connection {
                let value = lines[index].value
                var offset = Int(value.start)
                if isKeepAlive(bytes, value.bounds) {  // what most clients say, and no more
                    options.keepAlive = true
                    offset = Int(value.end)
                }
                while let element = nextElement(bytes, from: &offset, to: Int(value.end)) {
                    count &+= 1
                    guard count <= limits.connectionOptionCountMax else {
                        throw .tooManyConnectionOptions(limit: limits.connectionOptionCountMax)
                    }
                    try readOption(bytes, element, isRequest: isRequest, into: &options)
                }
            }
            index &+= 1
        }
        return options
    }

    private mutating func readOption(
        _ bytes: Span<UInt8>, _ element: Range<Int>, isRequest: Bool, into options: inout ConnectionOptions
    ) throws(MessageError) {
        let option = bytes.extracting(element)
        switch option.count {
        case 5 where option.equalsIgnoringCase("close"): options.close = true
        case 10 where isKeepAlive(bytes, element): options.keepAlive = true
        case 7 where option.equalsIgnoringCase("upgrade"): options.upgrade = true
        default:
            guard isToken(bytes, element) else { throw .connectionMalformed }
            let hash = canonicalHash(option)
            let lastStart = element.lowerBound + (element.count - 1) / 8 * 8
            let known = names.canonicalMatch(
                bytes, element.lowerBound, element.upperBound, hash: hash,
                first: canonicalWord(bytes, at: element.lowerBound, before: element.upperBound),
                last: canonicalWord(bytes, at: lastStart, before: element.upperBound))
            guard !isRequest || known == .other || FieldNameSet.connectionOptions.contains(known) else {
                throw .connectionOptionNotAllowed
            }
            drop(option, hash: hash, from: bytes)
        }
    }
}

/// Whether the range holds `keep-alive` in any case; its bytes must be those of a field value. Looks at whole words.
@inline(__always)
private func isKeepAlive(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard range.count == 10 else { return false }
    // Setting 0x20 makes letters lower-case, and apart from them only turns control characters into something else.
    let first = bytes.word(at: range.lowerBound) | 0x2020_2020_2020_2020
    let last = bytes.word(at: range.lowerBound &+ 2) | 0x2020_2020_2020_2020
    return first == 0x696C_612D_7065_656B && last == 0x6576_696C_612D_7065  // "keep-ali", "ep-alive"
}

// MARK: - Lists

/// The next non-empty element of a comma-separated list (RFC 9110 §5.6.1) without the whitespace around it; nil at the end.
///
/// For lists of tokens: a comma in a quoted string is taken for a separator.
func nextElement(_ bytes: Span<UInt8>, from offset: inout Int, to end: Int) -> Range<Int>? {
    while offset < end {
        var first = offset
        while offset < end, bytes[offset] != UInt8(ascii: ",") { offset &+= 1 }
        var last = offset
        offset &+= 1
        while first < last, bytes[first] == .space || bytes[first] == .tab { first &+= 1 }
        while last > first, bytes[last &- 1] == .space || bytes[last &- 1] == .tab { last &-= 1 }
        if first < last { return first..<last }
    }
    return nil
}

func isToken(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for offset in range where !CharacterClass.token.contains(bytes[offset]) { return false }
    return !range.isEmpty
}
