import EventLoop
package import JOSE
package import Sessions
import Synchronization

/// Sessions in a Redis or Valkey server (5 or later), which gateways on several machines share.
///
/// Every change is one script: it compares what the change was made from with what is there, and writes session, indexes and revocations
/// together, or nothing. So whatever number of gateways works on one session, they take turns. An answer is as durable as the server
/// makes it: with `appendonly yes` and `appendfsync always` it is on disk.
///
/// Away means: no connection is ready, or an answer took longer than `RedisSettings.timeout`. Requests fail at once then, apart from
/// those that come while the first try to connect is under way.
package final class RedisStore: SessionStore {
    private let mailbox: Mailbox<RedisMail>
    private let thread: LoopThread
    private let isClosed = Mutex(false)

    /// - Parameters:
    ///   - revocations: written to from the store's thread only.
    ///   - clock: for what is not asked for by anyone: what others have revoked, and time spent away.
    /// - Throws: when the system has no thread or no descriptor left.
    package init(
        _ settings: RedisSettings, revocations: RevocationSet, clock: (@Sendable () -> NumericDate)? = nil,
        onEvent: @escaping @Sendable (StoreEvent) -> Void
    ) throws(RedisStoreError) {
        do {
            let mailbox = try Mailbox<RedisMail>()
            self.mailbox = mailbox
            let worker = try RedisWorker(settings, mailbox, revocations: revocations, clock: clock, onEvent: onEvent)
            thread = try LoopThread(named: "redis") { worker.run() }
        } catch {
            throw RedisStoreError(reason: "\(error)")
        }
    }

    package func perform(_ request: StoreRequest, then reply: @escaping @Sendable (Result<StoreReply, StoreError>) -> Void) {
        let isSent = isClosed.withLock { isClosed in
            if !isClosed { mailbox.send(.request(request, reply)) }
            return !isClosed
        }
        if !isSent { reply(.failure(.closed)) }
    }

    package func close() {
        isClosed.withLock { isClosed in
            if !isClosed { mailbox.send(.close) }
            isClosed = true
        }
        thread.join()
    }

    deinit { close() }
}

/// Why a store cannot begin.
package struct RedisStoreError: Error, Sendable, CustomStringConvertible {
    package var reason: String
    package var description: String { reason }
}

/// What the store's thread is told.
enum RedisMail: Sendable {
    case request(StoreRequest, @Sendable (Result<StoreReply, StoreError>) -> Void)
    /// Nothing follows.
    case close
}
