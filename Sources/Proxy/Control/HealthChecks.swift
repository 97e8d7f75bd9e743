import Bytes
package import EventLoop
import ProxyProtocol

/// How the servers of an upstream are asked whether they are well. Times are in milliseconds.
package struct HealthCheckSettings: Equatable, Sendable {
    /// In origin-form.
    package var target: String
    /// Nil: the server's own authority.
    package var host: String?
    package var interval: Int64
    package var timeout: Int64
    package var thresholds: HealthThresholds
    /// Never empty.
    package var statuses: [ClosedRange<Int>]
    /// Whether the server expects a PROXY header on each connection.
    package var sendsProxyHeader = false

    package init(
        target: String, host: String? = nil, interval: Int64, timeout: Int64, thresholds: HealthThresholds,
        statuses: [ClosedRange<Int>]
    ) {
        self.target = target
        self.host = host
        self.interval = interval
        self.timeout = timeout
        self.thresholds = thresholds
        self.statuses = statuses
    }
}

/// The active checks of all servers, each of a server's addresses on its own. Belongs to the control thread.
///
/// A server is healthy while one of its addresses is; the others of it are left out meanwhile. State is kept by what a server
/// is, not by where it stands in the settings, so that a reload forgets nothing of the servers that stay.
package final class HealthChecks {
    /// Of one server, as far as checks go.
    package struct Subject: Hashable, Sendable {
        package var upstream: String
        /// As configured: different for each server of an upstream.
        package var server: String
        /// For `Host`.
        package var authority: String

        package init(upstream: String, server: String, authority: String) {
            self.upstream = upstream
            self.server = server
            self.authority = authority
        }
    }

    package struct Change {
        package var subject: Subject
        package var address: SocketAddress
        package var isHealthy: Bool
        /// What the last check found, for people.
        package var reason: String
    }

    private final class Check {
        var settings: HealthCheckSettings
        var tls: TLSClient?
        var state = HealthState()
        var fetch: Fetch?
        var timer: LoopTimer?

        init(_ settings: HealthCheckSettings, tls: TLSClient?) {
            self.settings = settings
            self.tls = tls
        }
    }

    private struct Key: Hashable {
        var subject: Subject
        var address: SocketAddress
    }

    private let loop: EventLoop
    private let onChange: (Change) -> Void
    private var checks: [Key: Check] = [:]

    package init(on loop: EventLoop, onChange: @escaping (Change) -> Void) {
        self.loop = loop
        self.onChange = onChange
    }

    /// The addresses of a server that may be used: the healthy ones, or all when none is or nobody checks.
    package func usable(_ addresses: [SocketAddress], of subject: Subject) -> [SocketAddress] {
        let healthy = addresses.filter { checks[Key(subject: subject, address: $0)]?.state.isHealthy ?? true }
        return healthy.isEmpty ? addresses : healthy
    }

    /// Whether any address is healthy; true also for a server without addresses, which is another matter.
    package func isHealthy(_ addresses: [SocketAddress], of subject: Subject) -> Bool {
        addresses.isEmpty || addresses.contains { checks[Key(subject: subject, address: $0)]?.state.isHealthy ?? true }
    }

    /// Checks a server at these addresses and no others; nil settings: not at all.
    package func watch(
        _ subject: Subject, at addresses: [SocketAddress], tls: TLSClient?, _ settings: HealthCheckSettings?
    ) throws(EventLoopError) {
        for key in checks.keys where key.subject == subject && (settings == nil || !addresses.contains(key.address)) {
            checks[key] = nil
        }
        guard let settings else { return }
        for address in addresses {
            let key = Key(subject: subject, address: address)
            if let check = checks[key] {
                check.settings = settings
                check.tls = tls
                continue
            }
            let check = Check(settings, tls: tls)
            check.timer = try LoopTimer(on: loop) { [unowned self, unowned check] in begin(check, key) }
            checks[key] = check
            // Spread out, so that a large group is not asked in one burst; the first answer should not be long in coming.
            check.timer?.schedule(afterMilliseconds: Int64.random(in: 0...min(settings.interval, 500)))
        }
    }

    /// Forgets every server that is not among `subjects`.
    package func keepOnly(_ subjects: Set<Subject>) {
        for key in checks.keys where !subjects.contains(key.subject) { checks[key] = nil }
    }

    private func begin(_ check: Check, _ key: Key) {
        // A tenth to either side keeps many gateways from asking at the same moment.
        let jitter = check.settings.interval / 10
        check.timer?.schedule(afterMilliseconds: check.settings.interval + Int64.random(in: -jitter...jitter))
        guard check.fetch == nil else { return }  // the last one is not over: the timeout is longer than the interval
        var request = Fetch.Request(
            .addresses([key.address]), tls: check.tls, authority: check.settings.host ?? key.subject.authority,
            target: check.settings.target, timeout: check.settings.timeout, contentBytesMax: nil)
        if check.settings.sendsProxyHeader {
            var header = ByteBuffer()
            ProxyHeader.appendLocal(to: &header)
            request.preface = header.bytes()
        }
        check.fetch = try? Fetch(request, on: loop) { [unowned self, unowned check] result in conclude(result, check, key) }
    }

    private func conclude(_ result: Result<Fetch.Response, FetchError>, _ check: Check, _ key: Key) {
        check.fetch = nil
        let isGood: Bool
        let reason: String
        switch result {
        case .success(let response):
            isGood = check.settings.statuses.contains { $0.contains(response.status) }
            reason = "status \(response.status)"
        case .failure(let error):
            isGood = false
            reason = error.description
        }
        guard check.state.observed(isGood: isGood, check.settings.thresholds) else { return }
        onChange(Change(subject: key.subject, address: key.address, isHealthy: isGood, reason: reason))
    }
}
