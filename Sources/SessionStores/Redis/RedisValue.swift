import CHiredis

/// What a server answers a command with.
enum RedisValue: Equatable {
    /// A bulk or a simple string.
    case text([UInt8])
    case integer(Int64)
    case array([RedisValue])
    case null
    case refusal(RedisRefusal)

    var string: String? { if case .text(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil } }
    var bytes: [UInt8]? { if case .text(let bytes) = self { bytes } else { nil } }
    var elements: [RedisValue]? { if case .array(let elements) = self { elements } else { nil } }

    /// Copies what hiredis has read. It nests no deeper than seven arrays.
    fileprivate init(_ reply: redisReply) {
        switch reply.type {
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = .text(reply.bytes)
        case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
        case REDIS_REPLY_ARRAY:
            self = .array((0..<reply.elements).map { RedisValue(reply.element[$0]!.pointee) })
        case REDIS_REPLY_ERROR: self = .refusal(RedisRefusal(String(decoding: reply.bytes, as: UTF8.self)))
        default: self = .null
        }
    }
}

extension redisReply {
    fileprivate var bytes: [UInt8] {
        guard let str else { return [] }
        return Array(UnsafeRawBufferPointer(start: str, count: len))
    }
}

/// Cuts what a server sends into replies, with hiredis' parser.
struct RedisReader: ~Copyable {
    /// Of one reply. Ours have a few hundred KiB; more comes from something that is no Redis.
    static let replyBytesMax = 16 << 20

    private let reader: UnsafeMutablePointer<redisReader>
    /// What has come since the last whole reply.
    private var pendingBytes = 0

    init?() {
        guard let reader = redisReaderCreate() else { return nil }
        self.reader = reader
    }

    deinit { redisReaderFree(reader) }

    /// - Throws: when a reply grows too large.
    mutating func feed(_ bytes: Span<UInt8>) throws(RedisProtocolError) {
        pendingBytes += bytes.count
        guard pendingBytes <= Self.replyBytesMax else { throw RedisProtocolError() }
        let status = bytes.withUnsafeBytes {
            redisReaderFeed(reader, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard status == REDIS_OK else { throw RedisProtocolError() }
    }

    /// Nil: it has not come whole yet.
    mutating func next() throws(RedisProtocolError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw RedisProtocolError() }
        guard let reply else { return nil }
        defer { freeReplyObject(reply) }
        pendingBytes = 0
        return RedisValue(reply.assumingMemoryBound(to: redisReply.self).pointee)
    }
}

/// The other end does not speak the protocol of Redis, or a reply of it is too large.
struct RedisProtocolError: Error {}

/// A command: its name and its arguments.
struct RedisCommand {
    private var bytes: [UInt8] = []
    /// Where the words begin, and where the last one ends.
    private var bounds = [0]

    init(_ words: String...) {
        for word in words { append(word) }
    }

    mutating func append(_ word: String) { append(Array(word.utf8)) }

    mutating func append(_ number: Int64) { append(String(number)) }

    mutating func append(_ word: [UInt8]) {
        bytes += word
        bounds.append(bytes.count)
    }

    /// Lends it as it goes over the wire; nil when memory is short.
    func withWireForm<Result>(_ body: (Span<UInt8>) -> Result) -> Result? {
        var text: UnsafeMutablePointer<CChar>?
        let length = bytes.withUnsafeBytes { base -> CInt in
            let start = base.baseAddress?.assumingMemoryBound(to: CChar.self)
            var words = bounds.dropLast().map { start?.advanced(by: $0) }
            let lengths = zip(bounds, bounds.dropFirst()).map { $1 - $0 }
            return redisFormatCommandArgv(&text, CInt(words.count), &words, lengths)
        }
        guard length >= 0, let text else { return nil }
        defer { redisFreeCommand(text) }
        let wire = UnsafeRawBufferPointer(start: text, count: Int(length))
        return body(wire.assumingMemoryBound(to: UInt8.self).span)
    }
}
