import Bytes
import Testing

@testable import HTTP1

/// Everything that a side of a connection is told, as lines of text: the form in which wire cases expect it.
///
/// Content that arrives in several pieces is one line, so that the lines do not depend on how the bytes were cut.
struct Stream {
    enum Kind: Equatable {
        case requests
        case response(HTTP1.Method)
        case content(ContentFraming)
    }

    private(set) var events: [String] = []
    private let kind: Kind
    private let asksToResume: Bool
    private var buffered: [UInt8] = []
    private var unchanged = 0
    private var request = RequestHead()
    private var response = ResponseHead()
    private var isInContent = false
    private var isOver = false

    /// - Parameter asksToResume: whether unfinished heads are parsed with `unchanged`, as the proxy does.
    init(_ kind: Kind, asksToResume: Bool = false) {
        self.kind = kind
        self.asksToResume = asksToResume
    }

    /// What `bytes` lead to, cut into pieces of the given lengths (the last one repeats), and then the end of the stream.
    static func events(_ kind: Kind, _ bytes: [UInt8], pieces: [Int], asksToResume: Bool = false) -> [String] {
        var stream = Stream(kind, asksToResume: asksToResume)
        stream.run(bytes, pieces: pieces)
        return stream.events
    }

    private mutating func run(_ bytes: [UInt8], pieces: [Int]) {
        var decoder = ContentDecoder(.none)
        if case .content(let framing) = kind { startContent(&decoder, framing) }
        var content: [UInt8] = []
        var sent = 0
        var round = 0
        do throws(MessageError) {
            while !isOver {
                let piece = min(pieces[min(round, pieces.count - 1)], bytes.count - sent)
                round += 1
                buffered += bytes[sent..<sent + piece]
                sent += piece
                try advance(&decoder, &content)
                if piece == 0 || sent == bytes.count { break }
            }
            try finish(&decoder, &content)
            if isOver && !(buffered.isEmpty && sent == bytes.count) { events.append("left over") }
        } catch {
            flush(&content)
            events.append("error \(error.code)")
        }
    }

    /// Takes what the buffered bytes hold.
    private mutating func advance(_ decoder: inout ContentDecoder, _ content: inout [UInt8]) throws(MessageError) {
        while !isOver {
            if !isInContent {
                guard !buffered.isEmpty, let framing = try parseHead() else { return }
                startContent(&decoder, framing)
            }
            var offset = 0
            var event = ContentDecoder.Event.needsMore
            repeat {
                event = try decoder.next(buffered.span, from: &offset)
                if case .content(let range) = event { content += buffered[range] }
            } while event.isContent
            buffered.removeFirst(offset)
            guard case .end = event else { return }
            end(&decoder, &content)
        }
    }

    private mutating func startContent(_ decoder: inout ContentDecoder, _ framing: ContentFraming) {
        decoder = ContentDecoder(framing)
        isInContent = true
    }

    private mutating func parseHead() throws(MessageError) -> ContentFraming? {
        let bytes = buffered
        let resumeAt = asksToResume ? unchanged : 0
        switch kind {
        case .requests:
            guard try request.parse(bytes.span, unchanged: resumeAt) else { return unfinished() }
            describeRequest()
            buffered.removeFirst(request.length)
            unchanged = 0
            return request.framing
        case .response(let method):
            guard try response.parse(bytes.span, unchanged: resumeAt, answering: method) else { return unfinished() }
            describeResponse()
            buffered.removeFirst(response.length)
            unchanged = 0
            return response.framing
        case .content(let framing):
            return framing
        }
    }

    private mutating func unfinished() -> ContentFraming? {
        unchanged = buffered.count
        return nil
    }

    private mutating func end(_ decoder: inout ContentDecoder, _ content: inout [UInt8]) {
        flush(&content)
        if decoder.hasTrailers {
            let lines = decoder.withTrailers { Array(copying: $0) }
            events += escaped(lines).components(separatedBy: "\\r\\n").dropLast().map { "trailer \($0)" }
        }
        events.append("end")
        isInContent = false
        if case .content = kind { isOver = true }
        if case .response = kind, !response.isInterim { isOver = true }
    }

    private mutating func finish(_ decoder: inout ContentDecoder, _ content: inout [UInt8]) throws(MessageError) {
        guard !isOver else { return }
        if !isInContent {
            if !buffered.isEmpty { events.append("unfinished head") }
            return
        }
        try decoder.endOfStream()
        end(&decoder, &content)
    }

    private mutating func flush(_ content: inout [UInt8]) {
        if !content.isEmpty { events.append("content \(escaped(content))") }
        content = []
    }

    // MARK: Descriptions

    private mutating func describeRequest() {
        var line =
            "request \(part(request.methodName)) \(part(request.target)) \(request.version == .http11 ? "1.1" : "1.0")"
        line += " \(describe(request.framing))"
        if !request.authority.isEmpty { line += " authority=\(part(request.authority))" }
        if !request.isPersistent { line += " close" }
        if request.expectsContinue { line += " expects-continue" }
        if request.wantsUpgrade { line += " upgrade" }
        if request.acceptsTrailers { line += " accepts-trailers" }
        events.append(line)
        describe(request.fields)
    }

    private mutating func describeResponse() {
        var line =
            "response \(response.status) \(response.version == .http11 ? "1.1" : "1.0") \(describe(response.framing))"
        if !response.isPersistent { line += " close" }
        events.append(line)
        describe(response.fields)
    }

    private mutating func describe(_ fields: FieldSection) {
        for line in fields.lines where !line.isDropped {
            events.append("field \(part(line.name)): \(part(line.value))")
        }
    }

    private func describe(_ framing: ContentFraming) -> String {
        switch framing {
        case .none: "none"
        case .length(let count): "length=\(count)"
        case .chunked: "chunked"
        case .untilClose: "until-close"
        }
    }

    private func part(_ range: ByteRange) -> String { escaped(Array(buffered[range.bounds])) }
}

extension ContentDecoder.Event {
    var isContent: Bool {
        if case .content = self { true } else { false }
    }
}

/// Bytes in the notation of wire files: printable ASCII as it is, `\r`, `\n`, `\t`, `\\`, else `\xNN`.
func escaped(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case 0x0D: text += "\\r"
        case 0x0A: text += "\\n"
        case 0x09: text += "\\t"
        case UInt8(ascii: "\\"): text += "\\\\"
        case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text
}

extension String {
    func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map { String($0) }
    }
}
