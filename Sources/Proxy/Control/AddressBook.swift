package import EventLoop

/// The addresses that the host names of upstreams stand for at present: looked up by DNS, and again when their time to live is
/// over. Belongs to the control thread; workers are told of changes by mail.
///
/// What was good once stays until something better is known: DNS that fails takes no server away.
package final class AddressBook {
    package struct Settings: Equatable, Sendable {
        package var resolver: NameResolver.Settings
        /// How long answers hold at least and at most, whatever they say.
        package var secondsToLive: ClosedRange<Int>

        package init(resolver: NameResolver.Settings = NameResolver.Settings(), secondsToLive: ClosedRange<Int> = 1...300) {
            self.resolver = resolver
            self.secondsToLive = secondsToLive
        }
    }

    private final class Entry {
        var record = NameRecord()
        var lookup: Lookup?
        var timer: LoopTimer?
        /// Whether there has been an answer, be it none.
        var isAnswered = false
    }

    private let loop: EventLoop
    private let onNews: (String, NameRecord, NameRecord.News) -> Void
    private var settings: Settings
    package private(set) var resolver: NameResolver
    private var entries: [String: Entry] = [:]
    private var waiting: [(names: Set<String>, body: () -> Void)] = []

    /// - Parameter onNews: never called with `.nothing`.
    package init(
        _ settings: Settings, on loop: EventLoop, onNews: @escaping (String, NameRecord, NameRecord.News) -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.settings = settings
        self.onNews = onNews
        resolver = try NameResolver(settings.resolver, on: loop)
    }

    /// Goes on with other servers; what is known stays, and is asked for anew at its time.
    package func apply(_ settings: Settings) throws(EventLoopError) {
        if settings.resolver != self.settings.resolver { resolver = try NameResolver(settings.resolver, on: loop) }
        self.settings = settings
    }

    /// Begins to follow names that are not followed yet, and calls `body` when each has been answered once: at once if they all
    /// have, and in any case after the time that a lookup may take.
    package func follow(_ names: Set<String>, whenAnswered body: @escaping () -> Void) throws(EventLoopError) {
        for name in names where entries[name] == nil {
            let entry = Entry()
            entry.timer = try LoopTimer(on: loop) { [unowned self, unowned entry] in ask(name, entry) }
            entries[name] = entry
            ask(name, entry)
        }
        waiting.append((names, body))
        callWaiting()
    }

    /// Forgets all other names.
    package func keepOnly(_ names: Set<String>) {
        for (name, entry) in entries where !names.contains(name) {
            entry.lookup?.cancel()
            entries[name] = nil
        }
    }

    /// Without ports; empty while nothing is known.
    package func addresses(of name: String) -> [SocketAddress] { entries[name]?.record.addresses ?? [] }

    private func ask(_ name: String, _ entry: Entry) {
        if let addresses = resolver.addressesKnownHere(name) {
            return receive(.success(Resolution(addresses: addresses, secondsToLive: nil)), name, entry)
        }
        do throws(EventLoopError) {
            entry.lookup = try resolver.lookUp(name) { [unowned self, unowned entry] answer in receive(answer, name, entry) }
        } catch {
            receive(.failure(.noServer), name, entry)
        }
    }

    private func receive(_ answer: Result<Resolution, LookupError>, _ name: String, _ entry: Entry) {
        entry.lookup = nil
        entry.isAnswered = true
        let (news, delay) = entry.record.received(answer, secondsToLive: settings.secondsToLive)
        entry.timer?.schedule(afterMilliseconds: delay)
        if news != .nothing { onNews(name, entry.record, news) }
        callWaiting()
    }

    private func callWaiting() {
        let ready = waiting.filter { isAnswered($0.names) }
        waiting.removeAll { isAnswered($0.names) }
        for (_, body) in ready { body() }
    }

    private func isAnswered(_ names: Set<String>) -> Bool { names.allSatisfy { entries[$0]?.isAnswered ?? true } }
}
