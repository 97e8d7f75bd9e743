import Bytes
import HTTP1

/// What one side of a connection is told by the parsers, driven as the proxy drives them: heads from a buffer, content from
/// what is behind them, until a refusal or the end of the input.
struct Conversation {
    enum Kind {
        case requests
        case response(Method)
        case content(ContentFraming)
    }

    enum Event: Equatable {
        /// The head as it would be passed on: start line, the lines kept, and how its content is framed.
        case head([UInt8], ContentFraming)
        /// Neighbouring pieces are one event.
        case content([UInt8])
        /// Kept trailer lines, as lent.
        case trailers([UInt8])
        case end
        case refused(MessageError)
        case unfinishedHead
    }

    private(set) var events: [Event] = []
    private let kind: Kind
    private let resumesHeads: Bool
    private var request = RequestHead()
    private var response = ResponseHead()
    private var buffered: [UInt8] = []
    private var content: [UInt8] = []
    private var unchanged = 0
    private var isInContent = false
    private var isOver = false

    /// - Parameters:
    ///   - pieces: how many bytes arrive at a time; in all, as many as there are.
    ///   - resumesHeads: whether unfinished heads are parsed with `unchanged`.
    static func events(_ kind: Kind, _ input: [UInt8], pieces: [Int], resumesHeads: Bool) throws(Violation) -> [Event] {
        var conversation = Conversation(kind: kind, resumesHeads: resumesHeads)
        try conversation.run(input, pieces)
        return conversation.events
    }

    /// Checks that what is told does not depend on how the input is cut, nor on whether heads are resumed.
    ///
    /// - Returns: what is told.
    static func agreed(_ kind: Kind, _ input: [UInt8]) throws(Violation) -> [Event] {
        let whole = try events(kind, input, pieces: [input.count], resumesHeads: false)
        for pieces in Cuts.of(input) {
            let cut = try events(kind, input, pieces: pieces, resumesHeads: false)
            try promise("in pieces \(pieces): \(cut), whole: \(whole)", cut == whole)
            var resumed = try events(kind, input, pieces: pieces, resumesHeads: true)
            // Resuming may see a fault later, so perhaps not before the input ends.
            if resumed.last == .unfinishedHead, case .refused? = whole.last { resumed[resumed.count - 1] = whole[whole.count - 1] }
            try promise("resumed in pieces \(pieces): \(resumed), whole: \(whole)", resumed == whole)
        }
        return whole
    }

    private init(kind: Kind, resumesHeads: Bool) {
        self.kind = kind
        self.resumesHeads = resumesHeads
    }

    private mutating func run(_ input: [UInt8], _ pieces: [Int]) throws(Violation) {
        var decoder = ContentDecoder(.none)
        if case .content(let framing) = kind {
            decoder = ContentDecoder(framing)
            isInContent = true
        }
        var start = 0
        for piece in pieces where !isOver {
            buffered += input[start..<start + piece]
            start += piece
            try advance(&decoder)
        }
        if !isOver { finish(&decoder) }
    }

    /// Takes what the buffered bytes hold.
    private mutating func advance(_ decoder: inout ContentDecoder) throws(Violation) {
        while !isOver {
            if !isInContent {
                guard !buffered.isEmpty, let framing = try readHead() else { return }
                decoder = ContentDecoder(framing)
                isInContent = true
            }
            guard try readContent(&decoder) else { return }
            endMessage(&decoder)
        }
    }

    /// - Returns: nil when the head is unfinished or refused.
    private mutating func readHead() throws(Violation) -> ContentFraming? {
        let bytes = buffered
        do throws(MessageError) {
            let known = resumesHeads ? unchanged : 0
            let isWhole =
                switch kind {
                case .response(let method): try response.parse(bytes.span, unchanged: known, answering: method)
                case .requests, .content: try request.parse(bytes.span, unchanged: known)
                }
            guard isWhole else {
                unchanged = bytes.count
                return nil
            }
        } catch {
            refuse(error)
            return nil
        }
        unchanged = 0
        if case .response = kind {
            try check(response, in: bytes)
            events.append(.head(passedOn(response, bytes), response.framing))
            buffered.removeFirst(response.length)
            return response.framing
        }
        try check(request, in: bytes)
        events.append(.head(passedOn(request, bytes), request.framing))
        buffered.removeFirst(request.length)
        return request.framing
    }

    /// - Returns: whether the content has ended.
    private mutating func readContent(_ decoder: inout ContentDecoder) throws(Violation) -> Bool {
        var offset = 0
        let bytes = buffered
        do {
            while true {
                let before = offset
                switch try decoder.next(bytes.span, from: &offset) {
                case .content(let range):
                    try promise("content is a range of what was given, in order", !range.isEmpty && range.lowerBound >= before)
                    try promise("the offset is behind the content", range.upperBound == offset && offset <= bytes.count)
                    content += bytes[range]
                case .end(let end):
                    try promise("the end is where the offset is", end == offset && offset <= bytes.count)
                    buffered.removeFirst(offset)
                    return true
                case .needsMore:
                    try promise("all is used before more is asked for", offset == bytes.count)
                    buffered.removeAll()
                    return false
                }
            }
        } catch let violation as Violation {
            throw violation
        } catch {
            refuse(error as? MessageError ?? .contentTruncated)
            return false
        }
    }

    private mutating func endMessage(_ decoder: inout ContentDecoder) {
        flush()
        if decoder.hasTrailers { events.append(.trailers(decoder.withTrailers { Array(copying: $0) })) }
        events.append(.end)
        isInContent = false
        switch kind {
        case .content: isOver = true
        case .response: isOver = !response.isInterim
        case .requests: break
        }
    }

    private mutating func finish(_ decoder: inout ContentDecoder) {
        guard isInContent else {
            if !buffered.isEmpty { events.append(.unfinishedHead) }
            return
        }
        do {
            try decoder.endOfStream()
            endMessage(&decoder)
        } catch {
            refuse(error)
        }
    }

    private mutating func refuse(_ error: MessageError) {
        flush()
        events.append(.refused(error))
        isOver = true
    }

    private mutating func flush() {
        if !content.isEmpty { events.append(.content(content)) }
        content = []
    }
}

// MARK: - Heads

extension Conversation {
    private func passedOn(_ head: RequestHead, _ bytes: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.append(bytes.span.extracting(head.methodName.bounds))
        buffer.append(" ")
        buffer.append(bytes.span.extracting(head.target.bounds))
        buffer.append(head.version == .http11 ? " HTTP/1.1\r\nHost: " : " HTTP/1.0\r\nHost: ")
        buffer.append(bytes.span.extracting(head.authority.bounds))
        buffer.append("\r\n")
        head.fields.appendKept(from: bytes.span, to: &buffer)
        switch head.framing {
        case .length(let count):
            buffer.append("Content-Length: ")
            buffer.append(decimal: count)
            buffer.append("\r\n")
        case .chunked: buffer.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
        buffer.append("\r\n")
        return buffer.bytes()
    }

    private func passedOn(_ head: ResponseHead, _ bytes: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.append(head.version == .http11 ? "HTTP/1.1 " : "HTTP/1.0 ")
        buffer.append(decimal: head.status)
        buffer.append(" ")
        buffer.append(bytes.span.extracting(head.reason.bounds))
        buffer.append("\r\n")
        head.fields.appendKept(from: bytes.span, to: &buffer)
        buffer.append("\r\n")
        return buffer.bytes()
    }

    private func check(_ head: RequestHead, in bytes: [UInt8]) throws(Violation) {
        try promise("a head has bytes, and no more than arrived", 0 < head.length && head.length <= bytes.count)
        try promise("a method is a token", !head.methodName.isEmpty && bytes[head.methodName.bounds].allSatisfy(isToken))
        try promise(
            "a target is visible ASCII", !head.target.isEmpty && bytes[head.target.bounds].allSatisfy { 0x21...0x7E ~= $0 })
        try promise("the path is part of the target", head.path.isEmpty || isWithin(head.path, head.target))
        try promise("the query is part of the target", head.query.isEmpty || isWithin(head.query, head.target))
        try promise("the host is part of the authority", head.host.isEmpty || isWithin(head.host, head.authority))
        try promise("1.1 has an authority", head.version == .http10 || !head.authority.isEmpty)
        try promise("a port fits", head.port.map { 0...65_535 ~= $0 } ?? true)
        try check(head.fields, in: bytes, end: head.length)
    }

    private func check(_ head: ResponseHead, in bytes: [UInt8]) throws(Violation) {
        try promise("a head has bytes, and no more than arrived", 0 < head.length && head.length <= bytes.count)
        try promise("a status is in range", 100...599 ~= head.status)
        try promise("a length is no debt", head.contentLength.map { $0 >= 0 } ?? true)
        try check(head.fields, in: bytes, end: head.length)
    }

    /// What an upstream or a client could be misled by must not be in what is passed on.
    private func check(_ fields: FieldSection, in bytes: [UInt8], end: Int) throws(Violation) {
        var lineEnd: UInt32?
        for line in fields.lines {
            try promise("lines touch", lineEnd == nil || lineEnd == line.line.start)
            lineEnd = line.line.end
            let (name, value) = (bytes[line.name.bounds], bytes[line.value.bounds])
            try promise("a name is a token", !name.isEmpty && name.allSatisfy(isToken))
            try promise("a value is text", value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
            try promise("a value has no space around it", value.first.map { !isBlank($0) } ?? true)
            try promise("a value has no space around it", value.last.map { !isBlank($0) } ?? true)
            try promise("a line ends", bytes[line.line.bounds].suffix(2) == [0x0D, 0x0A])
            try promise("name and value are in their line", isWithin(line.name, line.line) && isWithin(line.value, line.line))
            if !line.isDropped {
                let plain = name.map { $0.asciiLowercased }
                let refused = ["content-length", "transfer-encoding", "connection", "upgrade", "te", "keep-alive"]
                try promise("\(plain) ends at this hop", !refused.contains { Array($0.utf8) == plain })
            }
        }
        try promise("lines and a blank one are the head", lineEnd == nil || Int(lineEnd!) + 2 == end)
    }

    private func isWithin(_ inner: ByteRange, _ outer: ByteRange) -> Bool {
        outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private func isToken(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || Array("!#$%&'*+-.^_`|~".utf8).contains(byte)
    }
}
