import EventLoop
import JOSE
import Sessions

/// Brings the revocations that others make: as they are made, by a channel, and all that were missed, by asking for what is new in the log.
///
/// After each connecting the whole log is read anew. Nothing is ever forgotten for that: the set keeps what it has until it ends.
final class RedisFeed: RedisLinkHandler {
    /// Of one reply.
    private static let chunk = 2_000
    /// How often a silent subscription is asked whether it is still there, in milliseconds.
    private static let pingInterval: Int64 = 5_000

    private let context: RedisContext
    private let keys: RedisKeys
    private let revocations: RevocationSet
    private let onComplete: () -> Void
    private let now: () -> NumericDate
    private var timer: LoopTimer?
    private var pingTimer: LoopTimer?
    private var subscription: RedisLink?
    private var connection: RedisConnection?
    /// The number up to which the log was read, as the server writes it.
    private var last = "-inf"
    private var isAsking = false

    /// - Parameter onComplete: called whenever all is known that was revoked before the question.
    init(
        _ context: RedisContext, _ keys: RedisKeys, _ revocations: RevocationSet, onComplete: @escaping () -> Void,
        now: @escaping () -> NumericDate
    ) throws(EventLoopError) {
        self.context = context
        self.keys = keys
        self.revocations = revocations
        self.onComplete = onComplete
        self.now = now
        timer = try LoopTimer(on: context.loop) { [unowned self] in poll() }
        pingTimer = try LoopTimer(on: context.loop) { [unowned self] in ping() }
        subscription = try RedisLink(
            context, for: self, greeting: { [unowned self] in [RedisCommand("SUBSCRIBE", self.keys.channel)] }, greeted: { _ in })
    }

    /// Reads everything, and what is new from then on, by a connection that is ready.
    func start(on connection: RedisConnection) {
        self.connection = connection
        last = "-inf"
        poll()
        subscription?.open()
    }

    func stop() {
        connection = nil
        isAsking = false
        timer?.cancel()
        pingTimer?.cancel()
        subscription?.close()
    }

    // MARK: Log

    private func poll() {
        guard let connection else { return }
        isAsking = true
        let askedAt = context.loop.now
        let low = last == "-inf" ? last : "(" + last
        let commands = [
            RedisCommand("GET", keys.logLast),
            RedisCommand("ZRANGEBYSCORE", keys.log, low, "+inf", "WITHSCORES", "LIMIT", "0", String(Self.chunk)),
        ]
        connection.send(commands) { [unowned self] results in
            guard self.connection === connection else { return }
            isAsking = false
            do throws(RedisFault) {
                let newest = try results[0].get()
                guard let number = newest == .null ? 0 : newest.string.flatMap(Int64.init), let parts = try results[1].get().elements
                else { throw .refused(.wrongType) }
                received(parts, newest: number, askedAt: askedAt)
            } catch {
                connection.lose("revocations cannot be read: " + error.reason)
            }
        }
    }

    private func received(_ parts: [RedisValue], newest: Int64, askedAt: Instant) {
        if let known = Int64(last), known > newest {
            // The server has lost data: numbers that were known may be given anew.
            last = "-inf"
            return poll()
        }
        let now = now()
        for index in stride(from: 0, to: parts.count - 1, by: 2) {
            if let text = parts[index].bytes, let revocation = Revocation(logText: text) { revocations.insert(revocation, now: now) }
            if let number = parts[index + 1].string { last = number }
        }
        guard parts.count / 2 < Self.chunk else { return poll() }
        revocations.confirm(at: askedAt.milliseconds)
        let age = context.loop.now.milliseconds - askedAt.milliseconds
        timer?.schedule(afterMilliseconds: max(1, context.settings.poll - age))
        onComplete()
    }

    // MARK: Channel

    func linkReady(_ subscriber: RedisConnection) {
        subscriber.onMessage = { [unowned self] in heard($0) }
        pingTimer?.schedule(afterMilliseconds: Self.pingInterval)
        // What was told before has been missed.
        if !isAsking { timer?.schedule(afterMilliseconds: 0) }
    }

    func linkFailed(_ reason: String) {}
    func linkLost(_ reason: String) { pingTimer?.cancel() }

    private func ping() {
        subscription?.connection?.send(RedisCommand("PING")) { [unowned self] result in
            guard case .success = result else { return }
            subscription?.prove()
            pingTimer?.schedule(afterMilliseconds: Self.pingInterval)
        }
    }

    private func heard(_ message: [RedisValue]) {
        guard message.count == 3, let revocation = message[2].bytes.flatMap(Revocation.init(logText:)) else { return }
        revocations.insert(revocation, now: now())
    }
}
