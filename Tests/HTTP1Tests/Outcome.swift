import Bytes
import Testing

@testable import HTTP1

/// What became of an attempt to parse a head.
enum Outcome<Head> {
    case parsed(Head)
    case needsMore
    case refused(MessageError)

    var error: MessageError? {
        if case .refused(let error) = self { error } else { nil }
    }

    var head: Head? {
        if case .parsed(let head) = self { head } else { nil }
    }
}

/// The bytes of a text, one for each scalar up to U+00FF: `"\u{FF}"` is the byte 0xFF.
func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

func text(_ range: ByteRange, of message: String) -> String {
    String(decoding: bytes(message)[range.bounds], as: UTF8.self)
}

/// Parses a request head whole, and checks on the way that it comes to the same thing in pieces and with bytes behind it.
func request(_ message: String, limits: HeadLimits = HeadLimits()) -> Outcome<RequestHead> {
    parse(bytes(message), fresh: RequestHead(limits: limits), length: \.length) {
        (head: inout RequestHead, bytes, unchanged) throws(MessageError) in
        try head.parse(bytes, unchanged: unchanged)
    }
}

/// As `request(_:limits:)`, for a response.
func response(
    _ message: String, answering method: HTTP1.Method = .get, limits: HeadLimits = HeadLimits()
) -> Outcome<ResponseHead> {
    parse(bytes(message), fresh: ResponseHead(limits: limits), length: \.length) {
        (head: inout ResponseHead, bytes, unchanged) throws(MessageError) in
        try head.parse(bytes, unchanged: unchanged, answering: method)
    }
}

/// A request in HTTP/1.1 with `Host` and the given field lines, each without its CRLF.
func request(fields: String..., target: String = "/") -> Outcome<RequestHead> {
    request((["GET \(target) HTTP/1.1", "Host: a.example"] + fields + ["", ""]).joined(separator: "\r\n"))
}

private typealias Parse<Head> = (inout Head, Span<UInt8>, Int) throws(MessageError) -> Bool

private func parse<Head>(
    _ message: [UInt8], fresh: Head, length: KeyPath<Head, Int>, by parse: Parse<Head>
) -> Outcome<Head> {
    func attempt(_ message: ArraySlice<UInt8>, with head: Head, unchanged: Int = 0) -> Outcome<Head> {
        var head = head
        let bytes = Array(message)
        do throws(MessageError) {
            return try parse(&head, bytes.span, unchanged) ? .parsed(head) : .needsMore
        } catch {
            return .refused(error)
        }
    }
    let whole = attempt(message[...], with: fresh)
    // A used head must not remember anything.
    let used = whole.head ?? fresh
    let step = message.count <= 2000 ? 1 : message.count / 100
    var unfinished = 0
    for count in stride(from: 0, to: message.count, by: step) {
        let prefix = attempt(message[..<count], with: used)
        let resumed = attempt(message[..<count], with: used, unchanged: unfinished)
        switch (prefix, whole) {
        case (.needsMore, _): unfinished = count
        case (.refused(let error), .refused(let expected)): #expect(error == expected, "after \(count) bytes")
        case (.parsed(let head), .parsed(let expected)):
            #expect(head[keyPath: length] == expected[keyPath: length] && count >= head[keyPath: length])
        default: Issue.record("\(count) bytes give \(prefix), all of them \(whole)")
        }
        switch (resumed, prefix) {
        case (.needsMore, .refused): break  // found at the end of the line, at the latest
        case (.needsMore, .needsMore), (.refused, .refused), (.parsed, .parsed): break
        default: Issue.record("\(count) bytes give \(prefix), but \(resumed) when resumed")
        }
    }
    let followed = attempt(message[...] + Array("\u{1}GET \r\n\r\n".utf8), with: used)
    switch (whole, followed) {
    case (.parsed(let head), .parsed(let expected)): #expect(head[keyPath: length] == expected[keyPath: length])
    case (.refused(let error), .refused(let expected)): #expect(error == expected, "with bytes behind")
    case (.needsMore, _): break
    default: Issue.record("\(whole), but \(followed) with bytes behind")
    }
    return whole
}
