import Configuration
import EventLoop
import JOSE
import Proxy
import SessionStores
import Sessions

/// The store of sessions through reloads: opened once, kept while its settings stay, swept, and closed at the end. Belongs to the
/// control thread.
final class StoreKeeper {
    private struct News: Sendable {
        var number: Int
        var event: StoreEvent
    }

    private struct Entry {
        var number: Int
        var open: OpenStore
        /// Nil: it answers, as far as is known.
        var awayReason: String?
    }

    /// Exchanges under settings from before may still ask the store from before.
    private static let retirement: Int64 = 60_000
    /// What a store that is at hand takes to load, many times over. One that is away is not waited for.
    private static let loadTimeMax: Int64 = 3_000
    private static let loadLookInterval: Int64 = 5

    private let loop: EventLoop
    private let log: LogWriter
    private let news: Mailbox<News>
    private var inbox: Inbox<News>?
    private var count = 0
    /// What the gateway goes by.
    private var current: Entry?
    /// Opened for settings that are not in force yet.
    private var prepared: Entry?
    private var retired: [(open: OpenStore, timer: LoopTimer)] = []
    private var sweepTimer: LoopTimer!
    private var sessions: LoadedSessions?
    private var waiting: (timer: LoopTimer, body: () -> Void)?

    init(on loop: EventLoop, log: LogWriter) throws {
        self.loop = loop
        self.log = log
        news = try Mailbox()
        inbox = try Inbox(news, on: loop) { [unowned self] news in heard(news) }
        sweepTimer = try LoopTimer(on: loop) { [unowned self] in sweep() }
    }

    /// The store for these settings: the open one, or another, which is opened. `adopt` or `discard` follows.
    func prepare(_ sessions: LoadedSessions?, of configuration: Configuration) throws(ConfigurationRefusal) -> OpenStore? {
        guard let sessions else {
            discard()
            return nil
        }
        if let current, current.open.settings == sessions.store {
            discard()
            return current.open
        }
        if let prepared, prepared.open.settings == sessions.store { return prepared.open }
        discard()
        count += 1
        let number = count
        let open = try OpenStore(sessions.store, at: sessions.settings.store.place, of: configuration.file) { [news] event in
            news.send(News(number: number, event: event))
        }
        prepared = Entry(number: number, open: open)
        return open
    }

    /// Calls `body` when what is revoked is known, and after a few seconds in any case: at once when there is nothing to wait for.
    func whenLoaded(_ open: OpenStore?, then body: @escaping () -> Void) throws(EventLoopError) {
        waiting = nil
        guard let open, !open.isLoaded else { return body() }
        let end = loop.now.advanced(byMilliseconds: Self.loadTimeMax)
        let timer = try LoopTimer(on: loop) { [unowned self] in
            guard open.isLoaded || isAway(open) || loop.now >= end, let body = waiting?.body else {
                waiting?.timer.schedule(afterMilliseconds: Self.loadLookInterval)
                return
            }
            // In a later turn: a timer must not go while it fires.
            waiting?.body = {}
            body()
        }
        waiting = (timer, body)
        timer.schedule(afterMilliseconds: Self.loadLookInterval)
    }

    /// The gateway goes by it from now on; the store before is closed when nobody can ask it any more.
    func adopt(_ open: OpenStore?, _ sessions: LoadedSessions?) {
        self.sessions = sessions
        if open === current?.open {
            discard()
        } else {
            if let before = current?.open {
                prepared?.open.revocations.inherit(from: before.revocations, now: NumericDate(seconds: loop.wallSeconds))
                retire(before)
            }
            current = prepared
            prepared = nil
        }
        sweepTimer.cancel()
        if let sessions { sweepTimer.schedule(afterMilliseconds: sessions.settings.sweep.milliseconds) }
    }

    /// The settings for which a store was prepared come to nothing.
    func discard() {
        prepared?.open.store.close()
        prepared = nil
    }

    /// At the end, when no worker is left.
    func close() {
        waiting = nil
        sweepTimer.cancel()
        discard()
        for (open, _) in retired { open.store.close() }
        retired = []
        current?.open.store.close()
        current = nil
    }

    /// Whether revocations are known, or there are none to know.
    var isReady: Bool { current?.open.isLoaded ?? true }

    private func retire(_ open: OpenStore) {
        guard
            let timer = try? LoopTimer(on: loop, onFire: { [unowned self] in
                guard let index = retired.firstIndex(where: { $0.open === open }) else { return }
                open.store.close()
                retired[index].timer.cancel()
            })
        else { return open.store.close() }
        timer.schedule(afterMilliseconds: Self.retirement)
        retired.append((open, timer))
    }

    private func isAway(_ open: OpenStore) -> Bool {
        [current, prepared].contains { $0?.open === open && $0?.awayReason != nil }
    }

    private func heard(_ news: News) {
        if current?.number == news.number {
            report(news.event, of: &current!)
        } else if prepared?.number == news.number {
            report(news.event, of: &prepared!)
        }
    }

    private func report(_ event: StoreEvent, of entry: inout Entry) {
        switch event {
        case .away(let reason):
            entry.awayReason = reason
            log.write("slidegate: warning: store_away: \(entry.open.settings.name): \(reason)")
        case .back:
            entry.awayReason = nil
            log.write("slidegate: store_back: \(entry.open.settings.name)")
        case .remark(let text): log.write("slidegate: \(entry.open.settings.name): \(text)")
        }
    }

    private func sweep() {
        guard let current, let sessions else { return }
        sweepTimer.schedule(afterMilliseconds: sessions.settings.sweep.milliseconds)
        current.open.store.perform(StoreRequest(.sweep, rules: sessions.rules, now: NumericDate(seconds: loop.wallSeconds))) { _ in
            // A store that is away says so itself; what is left is removed the next time.
        }
    }
}

// MARK: - For administration

/// The state of the store, for metrics.
struct StoreReport {
    var isUp: Bool
    var revocationCount: Int
    /// Of the last confirmation that every revocation is known; nil: there has been none.
    var confirmationAge: Int64?
    var droppedCount: Int
}

extension StoreKeeper {
    /// Nil: there are no sessions.
    var report: StoreReport? {
        guard let current else { return nil }
        let revocations = current.open.revocations
        return StoreReport(
            isUp: current.awayReason == nil && current.open.isLoaded, revocationCount: revocations.count,
            confirmationAge: revocations.confirmedAt.map { max(0, Instant.current().milliseconds.subtractingReportingOverflow($0).partialValue) },
            droppedCount: revocations.dropped)
    }
}
