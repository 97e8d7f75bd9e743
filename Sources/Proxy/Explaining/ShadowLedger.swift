import Authentication
import Bytes
import EventLoop
import HTTP1

/// What enforcing would have done on the routes of one name that are in shadow mode, or were.
package struct ShadowRoute: Sendable {
    /// What a refusal would have been.
    package struct Reason: Sendable {
        /// Finer than the code.
        package var reason: String
        package var code: String
        package var status: Int
        package var count = 0
        /// When it came last, in seconds since 1970, like all dates here.
        package var last: Int64
    }

    package var name: String
    /// Otherwise what it says is of the time before.
    package var isShadow = true
    /// When the routes entered shadow mode last, or the process started.
    package var since: Int64
    package var requests = 0
    /// Those that come most often first.
    package internal(set) var reasons: [Reason] = []
    package var renewals = 0
    /// 0: there was none.
    package var lastRenewal: Int64 = 0
    /// The newest first.
    package internal(set) var examples: [RecentRefusal] = []

    package var refusals: Int { reasons.reduce(0) { $0 &+ $1.count } }

    static let examplesMax = 8

    init(name: String, since: Int64) {
        self.name = name
        self.since = since
    }

    /// - Returns: whether it is the first for that reason in this second: one that is worth an example.
    mutating func note(_ refusal: Refusal, at now: Int64) -> Bool {
        let reason = refusal.reason
        guard let index = reasons.firstIndex(where: { $0.reason == reason }) else {
            reasons.append(Reason(reason: reason, code: refusal.code, status: refusal.status, count: 1, last: now))
            return true
        }
        reasons[index].count &+= 1
        defer { reasons[index].last = now }
        return reasons[index].last != now
    }

    mutating func add(_ example: RecentRefusal) {
        if examples.count == Self.examplesMax { examples.removeLast() }
        examples.insert(example, at: 0)
    }

    /// With the reasons in their order.
    var sorted: ShadowRoute {
        var route = self
        route.reasons.sort { ($1.count, $0.reason) < ($0.count, $1.reason) }
        return route
    }

    static func += (total: inout ShadowRoute, part: ShadowRoute) {
        total.isShadow = total.isShadow || part.isShadow
        total.since = min(total.since, part.since)
        total.requests &+= part.requests
        total.renewals &+= part.renewals
        total.lastRenewal = max(total.lastRenewal, part.lastRenewal)
        for other in part.reasons {
            if let index = total.reasons.firstIndex(where: { $0.reason == other.reason }) {
                total.reasons[index].count &+= other.count
                total.reasons[index].last = max(total.reasons[index].last, other.last)
            } else {
                total.reasons.append(other)
            }
        }
        total = total.sorted
        total.examples = Array((total.examples + part.examples).sorted { $0.time > $1.time }.prefix(examplesMax))
    }
}

extension [ShadowRoute] {
    mutating func merge(_ other: [ShadowRoute]) {
        for part in other {
            if let index = firstIndex(where: { $0.name == part.name }) { self[index] += part } else { append(part) }
        }
    }
}

/// The same for one worker, by group of routes. As small as there are groups: of reasons there are no more than this program knows.
struct ShadowLedger {
    private var routes: [ShadowRoute?] = []

    /// From now on the routes of these groups are in shadow mode, and no others. What is said of those that were already goes on;
    /// of the others, what was is kept until they are again.
    mutating func follow(_ groups: Set<Int32>, names: [String], at now: Int64) {
        while routes.count < names.count { routes.append(nil) }
        for index in routes.indices {
            if !groups.contains(Int32(index)) {
                routes[index]?.isShadow = false
            } else if routes[index]?.isShadow != true {
                routes[index] = ShadowRoute(name: names[index], since: now)
            }
        }
    }

    mutating func noteRequest(group: Int) { routes[group]?.requests &+= 1 }

    mutating func noteRenewal(group: Int, at now: Int64) {
        routes[group]?.renewals &+= 1
        routes[group]?.lastRenewal = now
    }

    /// - Returns: whether an example is wanted.
    mutating func note(_ refusal: Refusal, group: Int, at now: Int64) -> Bool { routes[group]?.note(refusal, at: now) ?? false }

    mutating func add(_ example: RecentRefusal, group: Int) { routes[group]?.add(example) }

    /// In the order of the groups.
    var report: [ShadowRoute] { routes.compactMap { $0?.sorted } }
}

extension DownstreamConnection {
    /// Counts and logs what would have become of the request in `worker.requestHead`, whose route is in `worker.record`, if that
    /// route is in shadow mode.
    func noteShadow(
        _ admission: borrowing Admission, _ authenticator: Authenticator, path: Span<UInt8>, _ bytes: Span<UInt8>, isAsked: Bool = false
    ) {
        guard authenticator.isShadow(route: admission.route) else { return }
        let (group, now) = (Int(worker.record.group), worker.loop.wallSeconds)
        worker.shadow.noteRequest(group: group)
        guard let refusal = admission.wouldRefuse else { return }
        noteCause(of: refusal)
        let method = bytes.extracting(worker.requestHead.methodName.bounds)
        let route = worker.nameOfRoute(admission.route)
        worker.log.refused(
            refusal, route: route, method: method, path: path, peer: client, token: admission.refusedToken, isAsked: isAsked,
            isShadow: true, worker: worker)
        guard worker.shadow.note(refusal, group: group, at: now) else { return }
        worker.shadow.add(
            RecentRefusal(
                refusal, at: now, method: method, path: path, client: client, route: route, token: admission.refusedToken,
                isAsked: isAsked),
            group: group)
    }
}
