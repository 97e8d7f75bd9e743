import Bytes
import CLibevent
import EventLoop

/// What all of a store's connections share: they live on one loop.
final class RedisContext {
    let loop: EventLoop
    let resolver: NameResolver
    let settings: RedisSettings
    /// Connections with commands that have not been written yet.
    private var unwritten: [RedisConnection] = []

    init(_ settings: RedisSettings, on loop: EventLoop) throws(EventLoopError) {
        self.loop = loop
        self.settings = settings
        resolver = try NameResolver(settings.resolver, on: loop)
    }

    fileprivate func writeLater(_ connection: RedisConnection) { unwritten.append(connection) }

    /// At the end of each turn: commands of many requests go out together.
    func writeAll() {
        while let connection = unwritten.popLast() { connection.writeOut() }
    }
}

/// One connection: commands in order, replies in the same order. It is lost when a reply takes too long, since what comes late
/// would have nobody to go to.
///
/// hiredis reads the protocol here and nothing else: its own connections resolve names by blocking, know no deadlines and end the
/// process on replies that nobody has asked for.
final class RedisConnection: ByteStreamHandler {
    typealias Reply = (Result<RedisValue, RedisFault>) -> Void

    private struct Pending {
        var sentAt: Instant
        var reply: Reply
    }

    /// What waits to be written, before a server counts as one that reads nothing.
    private static let queuedBytesMax = 32 << 20

    let address: SocketAddress
    private let context: RedisContext
    private let stream: ByteStream
    private var reader: RedisReader
    private var timer: LoopTimer?
    private var pending: [Pending] = []
    /// How many at the beginning of `pending` have been answered.
    private var answered = 0
    private var unwritten = ByteBuffer()
    private var isLost = false
    private let onLost: (String) -> Void
    /// What comes without having been asked for, messages of a channel: its kind, the channel, the content. Nil: nothing may.
    var onMessage: (([RedisValue]) -> Void)?

    /// - Parameter onLost: called once, before the commands under way are told, unless `close` comes first.
    init(to address: SocketAddress, _ context: RedisContext, onLost: @escaping (String) -> Void) throws(RedisFault) {
        self.address = address
        self.context = context
        self.onLost = onLost
        guard let reader = RedisReader() else { throw .lost("memory is short") }
        self.reader = reader
        do {
            stream = try ByteStream(connectingTo: address, on: context.loop)
        } catch {
            throw .lost("\(error)")
        }
        do {
            timer = try LoopTimer(on: context.loop) { [unowned self] in checkDeadline() }
        } catch {
            stream.close()
            throw .lost("memory is short")
        }
        stream.start(for: self)
    }

    /// - Parameter reply: called once, in a later turn or when the connection is lost; never after `close`.
    func send(_ command: RedisCommand, then reply: @escaping Reply) {
        guard !isLost else { return reply(.failure(.lost("the connection is lost"))) }
        if unwritten.isEmpty { context.writeLater(self) }
        guard command.withWireForm({ unwritten.append($0) }) != nil else {
            lose("memory is short")
            return reply(.failure(.lost("memory is short")))
        }
        if pending.count == answered { timer?.schedule(afterMilliseconds: context.settings.timeout) }
        pending.append(Pending(sentAt: context.loop.now, reply: reply))
    }

    /// Sends them together.
    /// - Parameter reply: gets as many results.
    func send(_ commands: [RedisCommand], then reply: @escaping ([Result<RedisValue, RedisFault>]) -> Void) {
        var results: [Result<RedisValue, RedisFault>] = []
        for command in commands {
            send(command) { result in
                results.append(result)
                if results.count == commands.count { reply(results) }
            }
        }
    }

    /// Without a word to anyone.
    func close() {
        isLost = true
        pending = []
        answered = 0
        timer?.cancel()
        stream.close()
        unwritten.release()
    }

    /// Gives it up, as if the server had ended it.
    func lose(_ reason: String) {
        guard !isLost else { return }
        let waiting = pending[answered...]
        close()
        onLost(reason)
        for one in waiting { one.reply(.failure(.lost(reason))) }
    }

    fileprivate func writeOut() {
        guard !isLost else { return }
        guard stream.queuedBytes + unwritten.count <= Self.queuedBytesMax else { return lose("it takes no more commands") }
        let result = unwritten.withSpan { stream.write($0) }
        unwritten.removeAll()
        if case .failed(let error) = result { lose("\(error)") }
    }

    private func checkDeadline() {
        guard !isLost, answered < pending.count else { return }
        let age = context.loop.now.milliseconds - pending[answered].sentAt.milliseconds
        guard age < context.settings.timeout else { return lose("no answer within \(context.settings.timeout) ms") }
        timer?.schedule(afterMilliseconds: context.settings.timeout - age)
    }

    // MARK: ByteStreamHandler

    func streamReceived(_ bytes: Span<UInt8>) {
        do throws(RedisProtocolError) {
            try reader.feed(bytes)
            while !isLost, let value = try reader.next() { deliver(value) }
        } catch {
            lose("it does not speak the protocol of Redis")
        }
    }

    private func deliver(_ value: RedisValue) {
        if let onMessage, let message = value.elements, message.first?.string == "message" { return onMessage(message) }
        guard answered < pending.count else { return lose("it answers what nobody has asked") }
        let one = pending[answered]
        answered += 1
        if answered == pending.count {
            pending.removeAll(keepingCapacity: true)
            answered = 0
            timer?.cancel()
        } else if answered == 1024 {
            pending.removeFirst(answered)
            answered = 0
        }
        guard case .refusal(let refusal) = value else { return one.reply(.success(value)) }
        one.reply(.failure(.refused(refusal)))
    }

    func streamConnected() {}
    func streamDrained() {}
    func streamEnded() { lose("it has ended the connection") }
    func streamFailed(_ error: SocketError) { lose("\(error)") }
}
