/// What became of a request: one of these, whatever happened. The raw value stands in logs and in metrics.
package enum RequestDecision: String, CaseIterable, Sendable {
    /// It went upstream as it was.
    case admitted
    /// It went upstream, and its answer carried a successor of its token.
    case renewed
    /// By policy: its token, its path or its route.
    case refused
    /// Malformed, timed out, over a limit, the upstream down, or the answer cut short.
    case failed
    /// By the gateway itself: endpoints for sessions, files, preflights, redirects.
    case answered
    /// Shadow mode: it went upstream, and would have been refused.
    case wouldRefuse = "would_refuse"
    /// Shadow mode: its answer would have carried a successor.
    case wouldRenew = "would_renew"

    /// In `allCases`.
    package var index: Int {
        switch self {
        case .admitted: 0
        case .renewed: 1
        case .refused: 2
        case .failed: 3
        case .answered: 4
        case .wouldRefuse: 5
        case .wouldRenew: 6
        }
    }
}

/// The first digit of a status, or that there was none.
package enum StatusClass: Int, CaseIterable, Sendable {
    /// Nothing was sent: the client had gone.
    case none
    case informational, successful, redirection, clientError, serverError

    /// Statuses that no answer has count as the nearest class.
    package init(status: Int) {
        self =
            switch status {
            case ..<100: .none
            case ..<200: .informational
            case ..<300: .successful
            case ..<400: .redirection
            case ..<500: .clientError
            default: .serverError
            }
    }

    /// As metrics say it.
    package var name: StaticString {
        switch self {
        case .none: "none"
        case .informational: "1xx"
        case .successful: "2xx"
        case .redirection: "3xx"
        case .clientError: "4xx"
        case .serverError: "5xx"
        }
    }
}

/// Requests by group of routes, class of status and decision, and how long they took by group.
///
/// A group is the routes of one name. They are few, however many routes there are: names beyond `namesMax` share a group, so that
/// neither memory nor a report grows with the configuration. Flat: to count is an addition or two at a place that two
/// multiplications find.
package struct RequestCounts: Sendable {
    /// Names of one configuration that are kept apart.
    package static let namesMax = 128
    /// Groups that reloads may add up to; names beyond count as `other`. What has been counted is never forgotten.
    static let groupsMax = 512

    /// Requests without a route: malformed, or none matched.
    package static let none = 0
    /// Routes whose name is not kept apart.
    package static let other = 1

    /// By group.
    package private(set) var names = ["none", "other"]
    private var counts: [Int]
    /// By group: from the head's arrival to the answer's end, but of what lasts: tunnels and event streams.
    package private(set) var durations: [Histogram]

    // Constants that the compiler sees as such: class by decision.
    private static var decisionCount: Int { 7 }
    private static var width: Int { 6 * decisionCount }

    package init() {
        counts = [Int](repeating: 0, count: 2 * Self.width)
        durations = [Histogram](repeating: Histogram(), count: 2)
    }

    /// The groups of routes with these names, in their order; groups that are not there yet are made.
    package mutating func groups(of routeNames: [String]) -> [Int32] {
        var known: [String: Int32] = [:]
        for (index, name) in names.enumerated() where index > Self.other { known[name] = Int32(index) }
        var distinct: Set<String> = []
        return routeNames.map { name in
            if !distinct.contains(name) {
                guard distinct.count < Self.namesMax else { return Int32(Self.other) }
                distinct.insert(name)
            }
            if let group = known[name] { return group }
            guard names.count < Self.groupsMax else { return Int32(Self.other) }
            let group = Int32(names.count)
            known[name] = group
            addGroup(name)
            return group
        }
    }

    private mutating func addGroup(_ name: String) {
        names.append(name)
        counts += repeatElement(0, count: Self.width)
        durations.append(Histogram())
    }

    /// - Parameter group: one that `groups` has returned, `none` or `other`.
    package mutating func count(_ group: Int, _ status: StatusClass, _ decision: RequestDecision) {
        counts[Self.place(group, status, decision)] &+= 1
    }

    /// - Parameter nanoseconds: from the head's arrival to the answer's end.
    package mutating func record(_ nanoseconds: Int64, _ group: Int) { durations[group].record(nanoseconds) }

    package subscript(group: Int, status: StatusClass, decision: RequestDecision) -> Int {
        counts[Self.place(group, status, decision)]
    }

    private static func place(_ group: Int, _ status: StatusClass, _ decision: RequestDecision) -> Int {
        group &* width &+ status.rawValue &* decisionCount &+ decision.index
    }

    /// All requests of a group.
    package func total(of group: Int) -> Int { counts[(group * Self.width)..<((group + 1) * Self.width)].reduce(0, &+) }

    /// All requests.
    package var total: Int { counts.reduce(0, &+) }

    /// All requests with that decision.
    package func total(_ decision: RequestDecision) -> Int {
        stride(from: decision.index, to: counts.count, by: Self.decisionCount).reduce(0) { $0 &+ counts[$1] }
    }

    /// All durations.
    package var duration: Histogram {
        var all = Histogram()
        for duration in durations { all += duration }
        return all
    }

    /// Groups are the same where their names are; workers that have heard of a reload may have more of them.
    package static func += (total: inout RequestCounts, part: RequestCounts) {
        var places: [String: Int] = [:]
        if total.names != part.names { for (index, name) in total.names.enumerated() { places[name] = index } }
        for (index, name) in part.names.enumerated() {
            var group = index
            if !places.isEmpty {
                if let place = places[name] {
                    group = place
                } else {
                    group = total.names.count
                    total.addGroup(name)
                }
            }
            for offset in 0..<width { total.counts[group * width + offset] &+= part.counts[index * width + offset] }
            total.durations[group] += part.durations[index]
        }
    }
}
