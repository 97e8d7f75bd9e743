import Synchronization

/// Reads HTTP/1.1 messages from a socket, and is strict about it: what the gateway writes to either side must be exact.
///
/// Not shared between threads while it reads; `received` may be looked at by another.
final class MessageReader: Sendable {
    private let socket: Socket
    private let buffer = Mutex<[UInt8]>([])
    private let log = Mutex<[UInt8]>([])
    private let keepsLog: Bool

    /// - Parameter keepsLog: whether every byte that comes is kept for `received`; off where gigabytes pass.
    init(_ socket: Socket, keepsLog: Bool = true) {
        self.socket = socket
        self.keepsLog = keepsLog
    }

    /// Every byte that came so far, whether or not it has been made sense of.
    var received: [UInt8] { log.withLock { $0 } }

    /// Bytes that came and are not yet read as part of a message.
    var unread: [UInt8] { buffer.withLock { $0 } }

    // MARK: messages

    /// The next head.
    /// - Throws: `endOfStream(after: [])` when the peer closed between messages.
    func readHead(by deadline: Deadline) throws -> Message {
        var scanned = 0
        while true {
            let end = buffer.withLock { Self.endOfHead(in: $0, from: max(0, scanned - 3)) }
            if let end { return try Self.parseHead(take(end)) }
            scanned = buffer.withLock { $0.count }
            try fill(by: deadline, waitingFor: "a message head")
        }
    }

    /// The content after `head`, by that framing.
    func readBody(of head: Message, framing: Message.Framing, by deadline: Deadline) throws -> Message {
        var message = head
        message.framing = framing
        switch framing {
        case .none: break
        case .length(let count): message.body = try read(count, by: deadline)
        case .chunked: (message.body, message.trailers) = try readChunks(by: deadline)
        case .untilClose: message.body = try readToEnd(by: deadline)
        }
        return message
    }

    /// Exactly `count` bytes.
    func read(_ count: Int, by deadline: Deadline) throws -> [UInt8] {
        while buffer.withLock({ $0.count }) < count { try fill(by: deadline, waitingFor: "\(count) bytes of content") }
        return take(count)
    }

    /// At least one byte and at most `limit`; empty at the end of the stream.
    func readSome(upTo limit: Int, by deadline: Deadline) throws -> [UInt8] {
        let ready = buffer.withLock { min(limit, $0.count) }
        if ready > 0 { return take(ready) }
        return try socket.read(upTo: limit, by: deadline, waitingFor: "bytes")
    }

    /// Everything until the peer closes in order.
    func readToEnd(by deadline: Deadline) throws -> [UInt8] {
        while true {
            do {
                try fill(by: deadline, waitingFor: "the end of the stream")
            } catch WireError.endOfStream(let rest) {
                _ = take(rest.count)
                return rest
            }
        }
    }

    /// One chunk's data, empty for the last one, whose trailer section is left to `readTrailers`.
    func readChunk(by deadline: Deadline) throws -> [UInt8] {
        let line = try readLine(by: deadline)
        let digits = line.prefix { $0 != ";" }
        guard let size = Int(digits, radix: 16), digits.allSatisfy(\.isHexDigit) else {
            throw WireError.malformed("chunk size line: \(line)")
        }
        if size == 0 { return [] }
        let data = try read(size, by: deadline)
        guard try read(2, by: deadline) == [13, 10] else { throw WireError.malformed("no CRLF after chunk data") }
        return data
    }

    func readTrailers(by deadline: Deadline) throws -> [Message.Field] {
        var trailers: [Message.Field] = []
        while true {
            let line = try readLine(by: deadline)
            if line.isEmpty { return trailers }
            trailers.append(try Self.parseField(line))
        }
    }

    // MARK: pieces

    private func readChunks(by deadline: Deadline) throws -> ([UInt8], [Message.Field]) {
        var body: [UInt8] = []
        while true {
            let data = try readChunk(by: deadline)
            if data.isEmpty { return (body, try readTrailers(by: deadline)) }
            body += data
        }
    }

    private func readLine(by deadline: Deadline) throws -> String {
        while true {
            let end = buffer.withLock { bytes in
                bytes.indices.dropLast().first { bytes[$0] == 13 && bytes[$0 + 1] == 10 }
            }
            if let end { return String(latin1: take(end + 2).dropLast(2)) }
            try fill(by: deadline, waitingFor: "a line")
        }
    }

    private func take(_ count: Int) -> [UInt8] {
        buffer.withLock {
            let taken = Array($0.prefix(count))
            $0.removeFirst(count)
            return taken
        }
    }

    private func fill(by deadline: Deadline, waitingFor what: String) throws {
        let bytes = try socket.read(upTo: 65_536, by: deadline, waitingFor: what)
        if bytes.isEmpty { throw WireError.endOfStream(after: unread) }
        if keepsLog { log.withLock { $0 += bytes } }
        buffer.withLock { $0 += bytes }
    }

    // MARK: grammar

    private static func endOfHead(in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= 4 else { return nil }
        var index = start
        while index + 3 < bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index + 4
            }
            index += 1
        }
        return nil
    }

    private static func parseHead(_ head: [UInt8]) throws -> Message {
        let lines = splitLines(String(latin1: head.dropLast(4)))
        for line in lines where line.unicodeScalars.contains(where: { $0 == "\r" || $0 == "\n" || $0 == "\0" }) {
            throw WireError.malformed("CR, LF or NUL inside a line: \(line.debugDescription)")
        }
        guard let start = lines.first, start.contains("HTTP/1.") else {
            throw WireError.malformed("start line: \((lines.first ?? "").debugDescription)")
        }
        return Message(startLine: start, fields: try lines.dropFirst().map(parseField), head: head)
    }

    private static func parseField(_ line: String) throws -> Message.Field {
        guard let colon = line.firstIndex(of: ":") else { throw WireError.malformed("field line: \(line)") }
        let name = String(line[..<colon])
        guard !name.isEmpty, name.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value < 127 }) else {
            throw WireError.malformed("field name: \(name.debugDescription)")
        }
        return Message.Field(name: name, value: line[line.index(after: colon)...].trimmed)
    }

    /// By CRLF; `split` on characters would not do, as CR LF is one `Character`.
    private static func splitLines(_ text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var scalars = text.unicodeScalars.makeIterator()
        var pending = scalars.next()
        while let scalar = pending {
            pending = scalars.next()
            if scalar == "\r", pending == "\n" {
                lines.append(String(line))
                line = String.UnicodeScalarView()
                pending = scalars.next()
            } else {
                line.append(scalar)
            }
        }
        lines.append(String(line))
        return lines
    }
}

extension Message {
    /// How a request's content ends (RFC 9112 §6.3).
    var requestFraming: Framing {
        if has("Transfer-Encoding") { return .chunked }
        return self["Content-Length"].flatMap(Int.init).map(Framing.length) ?? .none
    }

    /// How the content of this response to `method` ends (RFC 9112 §6.3).
    func responseFraming(answering method: String) -> Framing {
        if method == "HEAD" || (100..<200).contains(status) || status == 204 || status == 304 { return .none }
        if method == "CONNECT", (200..<300).contains(status) { return .none }
        if members(of: "Transfer-Encoding").last?.lowercased() == "chunked" { return .chunked }
        return self["Content-Length"].flatMap(Int.init).map(Framing.length) ?? .untilClose
    }
}
