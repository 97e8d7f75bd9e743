import Configuration
import EventLoop
import Glibc
import JOSE
import Metrics
import Proxy
import Signatures

/// The sets of keys that are fetched from issuers, kept up to date while the gateway runs. Belongs to the control thread.
///
/// A set is fetched at start, again ahead of its end, and out of turn when a token names a key that is not in it, but never
/// more often than `refetch` says. The last good set outlives failures for `maxStale`; after that it is as if it had never
/// been there, and tokens that need it are refused.
final class RemoteKeys {
    struct Source: Hashable {
        var address: WebAddress
        /// Empty: every asymmetric one.
        var algorithms: [Algorithm]
        /// In milliseconds, like the others.
        var refresh: Int64
        var refetch: Int64
        var maxStale: Int64
        /// PEM; nil: whom the system trusts.
        var authorities: [UInt8]?
    }

    enum News {
        /// Other keys are there, or keys have gone.
        case changed
        /// The same keys, known anew to be all.
        case confirmed
    }

    private final class Entry {
        let source: Source
        let tls: TLSClient?
        var keys: [Key]?
        var content: [UInt8] = []
        var entityTag: String?
        /// On the wall clock, in seconds; meaningless without `keys`.
        var fetchedAt: Int64 = 0
        var lastAttempt = Instant(milliseconds: .min)
        var due = Instant.never
        /// In a row.
        var failureCount = 0
        var fetchesInAll = 0
        var failuresInAll = 0
        var isAnswered = false
        var fetch: Fetch?
        var timer: LoopTimer?
        var endTimer: LoopTimer?

        init(_ source: Source, tls: TLSClient?) {
            self.source = source
            self.tls = tls
        }
    }

    /// A set of dozens of keys, each with its chain of certificates.
    static let contentBytesMax = 256 << 10
    static let keyCountMax = 100
    /// An issuer that takes longer is down.
    private static let fetchTimeout: Int64 = 5_000
    private static let firstRetry: Int64 = 1_000
    private static let lastRetry: Int64 = 60_000
    /// Whatever a server says of the age of its set, it is not asked again before.
    private static let leastRefresh: Int64 = 30_000

    private let loop: EventLoop
    private let resolver: () -> NameResolver
    private let log: LogWriter
    private let onNews: (News) -> Void
    private(set) var counters = Counters()
    private var entries: [Source: Entry] = [:]
    private var waiting: [(sources: Set<Source>, body: () -> Void)] = []

    init(on loop: EventLoop, log: LogWriter, resolver: @escaping () -> NameResolver, onNews: @escaping (News) -> Void) {
        self.loop = loop
        self.log = log
        self.resolver = resolver
        self.onNews = onNews
    }

    /// Begins to fetch what is not fetched yet, and calls `body` when each set has been asked for once, with success or not: at
    /// once if they all have.
    /// - Throws: what OpenSSL finds wrong with an authority.
    func follow(_ sources: Set<Source>, whenAnswered body: @escaping () -> Void) throws {
        for source in sources where entries[source] == nil {
            let entry = Entry(source, tls: try Self.client(for: source))
            entry.timer = try LoopTimer(on: loop) { [unowned self, unowned entry] in fetch(entry) }
            entry.endTimer = try LoopTimer(on: loop) { [unowned self, unowned entry] in giveUp(entry) }
            entries[source] = entry
            fetch(entry)
        }
        waiting.append((sources, body))
        callWaiting()
    }

    /// Forgets all other sets.
    func keepOnly(_ sources: Set<Source>) {
        for source in entries.keys where !sources.contains(source) { entries[source] = nil }
    }

    /// The keys of a set; nil when it is not there.
    func keys(of source: Source) -> [Key]? { entries[source]?.keys }

    /// What verifiers have to know of these sets; nil when there are none.
    func state(of sources: [Source]) -> FetchedKeys? {
        guard !sources.isEmpty else { return nil }
        func algorithms(_ source: Source) -> [Algorithm] {
            source.algorithms.isEmpty ? Algorithm.allCases.filter { !$0.isSymmetric } : source.algorithms
        }
        let present = sources.compactMap { entries[$0] }.filter { $0.keys != nil }
        // Up to the next whole second: the clock that it is compared with has no finer ones, and a set that is believed for
        // hardly any time would have every unknown key answered as if it were on its way.
        let confirmed = present.map { $0.fetchedAt + $0.source.refetch / 1000 + 1 }.min() ?? 0
        return FetchedKeys(
            missing: Set(sources.filter { keys(of: $0) == nil }.flatMap(algorithms)), possible: Set(sources.flatMap(algorithms)),
            confirmedUntil: NumericDate(seconds: confirmed))
    }

    /// One for each address: where one address is fetched by more than one rule, what they have in common.
    var report: [KeySetReport] {
        var sets: [String: KeySetReport] = [:]
        for entry in entries.values {
            let source = String(entry.source.address.description.prefix { $0 != "?" })
            var set = KeySetReport(
                source: source, keyCount: entry.keys?.count ?? 0,
                age: entry.keys.map { _ in max(0, loop.wallSeconds - entry.fetchedAt) }, fetches: entry.fetchesInAll,
                failures: entry.failuresInAll)
            if let other = sets[source] {
                set.keyCount = min(set.keyCount, other.keyCount)
                set.age = if let one = set.age, let two = other.age { max(one, two) } else { nil }
                set.fetches += other.fetches
                set.failures += other.failures
            }
            sets[source] = set
        }
        return sets.values.sorted { $0.source < $1.source }
    }

    /// A token names a key that is nowhere. Sets that were asked for lately are asked for when their time has come.
    func keysWereMissing() {
        for entry in entries.values where entry.fetch == nil {
            let earliest = entry.lastAttempt.advanced(byMilliseconds: entry.source.refetch)
            if earliest <= loop.now { fetch(entry) } else if earliest < entry.due { schedule(entry, at: earliest) }
        }
    }

    private static func client(for source: Source) throws -> TLSClient? {
        guard source.address.isSecure else { return nil }
        let trust: TLSClientContext.Settings.Trust = source.authorities.map { .authorities($0) } ?? .system
        let name: TLSClient.ServerName
        switch source.address.endpoint.host {
        case .name(let host): name = .host(host)
        case .ipv4(let address), .ipv6(let address), .unix(let address): name = .address(address)
        }
        return TLSClient(try TLSClientContext(TLSClientContext.Settings(trust: trust)), name: name)
    }
}

// MARK: - Fetching

extension RemoteKeys {
    private func fetch(_ entry: Entry) {
        guard entry.fetch == nil else { return }
        entry.lastAttempt = loop.now
        entry.due = .never
        entry.timer?.cancel()
        let address = entry.source.address
        var fields = [(name: "Accept", value: "application/jwk-set+json, application/json")]
        if let tag = entry.entityTag, entry.keys != nil { fields.append(("If-None-Match", tag)) }
        let request = Fetch.Request(
            .name(address.endpoint.hostText, port: address.endpoint.port, resolver()), tls: entry.tls,
            authority: address.authority, target: address.target, fields: fields, timeout: Self.fetchTimeout,
            contentBytesMax: Self.contentBytesMax)
        do {
            entry.fetch = try Fetch(request, on: loop) { [unowned self, unowned entry] result in conclude(result, entry) }
        } catch {
            failed(entry, "\(error)")
        }
    }

    private func conclude(_ result: Result<Fetch.Response, FetchError>, _ entry: Entry) {
        entry.fetch = nil
        switch result {
        case .failure(let error): failed(entry, error.description)
        case .success(let response) where response.status == 304 && entry.keys != nil:
            succeeded(entry, response, hasChanged: false)
        case .success(let response) where response.status == 200: take(response, entry)
        case .success(let response): failed(entry, "the answer has status \(response.status)")
        }
    }

    private func take(_ response: Fetch.Response, _ entry: Entry) {
        let isSame = entry.keys != nil && response.content == entry.content
        if !isSame {
            do throws(KeyError) {
                let (keys, skipped) = try Key.keys(
                    publishedJWKSet: response.content, allowing: entry.source.algorithms, countMax: Self.keyCountMax)
                for reason in Set(skipped.map(\.description)).sorted().prefix(4) {
                    log.write("slidegate: warning: a key of \(entry.source.address) is left out: \(reason)")
                }
                entry.keys = keys
                entry.content = response.content
            } catch {
                return failed(entry, error.description)
            }
        }
        succeeded(entry, response, hasChanged: !isSame)
    }

    private func succeeded(_ entry: Entry, _ response: Fetch.Response, hasChanged: Bool) {
        counters[.jwksFetches] += 1
        entry.fetchesInAll += 1
        if hasChanged || entry.failureCount > 0 {
            log.write("slidegate: \(entry.keys?.count ?? 0) keys fetched from \(entry.source.address)")
        }
        entry.failureCount = 0
        entry.fetchedAt = loop.wallSeconds
        if let tag = response.value(of: "etag") { entry.entityTag = Self.isEntityTag(tag) ? tag : nil }
        entry.endTimer?.schedule(afterMilliseconds: entry.source.maxStale)
        schedule(entry, afterMilliseconds: refreshDelay(entry, response))
        answered(entry, hasChanged ? .changed : .confirmed)
    }

    private func failed(_ entry: Entry, _ reason: String) {
        counters[.jwksFailures] += 1
        entry.failuresInAll += 1
        entry.failureCount = min(entry.failureCount + 1, 16)
        if entry.failureCount == 1 {
            let consequence = entry.keys == nil ? "tokens that need them are refused" : "the ones from before stay meanwhile"
            log.write("slidegate: warning: no keys from \(entry.source.address): \(reason); \(consequence)")
        }
        let delay = min(Self.firstRetry << Int64(entry.failureCount - 1), Self.lastRetry, max(entry.source.refresh, Self.firstRetry))
        schedule(entry, afterMilliseconds: delay)
        answered(entry, nil)
    }

    /// The set has not been fetched for too long.
    private func giveUp(_ entry: Entry) {
        log.write("slidegate: warning: the keys from \(entry.source.address) are too old and are not used any more")
        entry.keys = nil
        entry.content = []
        entry.entityTag = nil
        onNews(.changed)
    }

    private func answered(_ entry: Entry, _ news: News?) {
        entry.isAnswered = true
        if let news { onNews(news) }
        callWaiting()
    }

    private func callWaiting() {
        func isReady(_ sources: Set<Source>) -> Bool { sources.allSatisfy { entries[$0]?.isAnswered ?? true } }
        let ready = waiting.filter { isReady($0.sources) }
        waiting.removeAll { isReady($0.sources) }
        for (_, body) in ready { body() }
    }

    /// Ahead of the end: at nine tenths of what the server promises, within what the configuration allows.
    private func refreshDelay(_ entry: Entry, _ response: Fetch.Response) -> Int64 {
        let refresh = entry.source.refresh
        guard let promised = response.value(of: "cache-control").flatMap(Self.maxAge) else { return refresh }
        return min(max(promised * 900, min(Self.leastRefresh, refresh)), refresh)
    }

    /// RFC 9111 §5.2.2.1, in seconds; at most a year.
    static func maxAge(_ cacheControl: String) -> Int64? {
        for directive in cacheControl.split(separator: ",") {
            let parts = directive.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\t" && $0 != "\"" } }
            guard parts.count == 2, parts[0].lowercased() == "max-age", let seconds = Int64(parts[1]), seconds >= 0 else { continue }
            return min(seconds, 31_536_000)
        }
        return nil
    }

    /// It is sent back: nothing else may get into a field line.
    private static func isEntityTag(_ text: String) -> Bool {
        text.utf8.count <= 256 && text.hasSuffix("\"") && (text.hasPrefix("\"") || text.hasPrefix("W/\""))
            && text.utf8.allSatisfy { $0 >= 0x21 && $0 < 0x7F }
    }

    private func schedule(_ entry: Entry, at instant: Instant) {
        schedule(entry, afterMilliseconds: max(0, instant.milliseconds - loop.now.milliseconds))
    }

    private func schedule(_ entry: Entry, afterMilliseconds delay: Int64) {
        entry.due = loop.now.advanced(byMilliseconds: delay)
        entry.timer?.schedule(afterMilliseconds: delay)
    }
}
