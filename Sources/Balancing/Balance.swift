/// How a group of servers shares its requests.
package enum Balance: Equatable, Sendable {
    /// In turn, as often as the weights say, and evenly mixed (smooth weighted round robin).
    case roundRobin
    /// The one with the fewest requests under way for its weight; in turn among equals. Each worker counts its own requests:
    /// what other workers and other gateways send is not seen.
    case leastRequests
    /// Requests with the same key go to the same server as long as it is there. Those without a key: as `leastRequests`.
    case keyed
}

/// When answers that fail put a server aside, and for how long.
package struct EjectionPolicy: Equatable, Sendable {
    /// Failures in a row that put a server aside; 0: never.
    package var failuresMax: Int
    /// The first time, in milliseconds; doubled each time that the trial afterwards fails.
    package var baseTime: Int64
    package var timeMax: Int64
    /// Of the servers with a weight, at most this share is aside at a time, rounded down: 50 leaves a lone server alone.
    package var shareMaxPercent: Int

    package init(failuresMax: Int = 5, baseTime: Int64 = 10_000, timeMax: Int64 = 300_000, shareMaxPercent: Int = 50) {
        self.failuresMax = failuresMax
        self.baseTime = baseTime
        self.timeMax = timeMax
        self.shareMaxPercent = shareMaxPercent
    }
}

/// What distinguishes one server of a group from the others.
package struct MemberSettings: Equatable, Sendable {
    /// Unique in its group; what keys are spread by, so that every worker and machine spreads them the same way.
    package var name: String
    /// 0: takes no requests (drained).
    package var weight: Int
    /// Takes requests only while no other server can.
    package var isBackup: Bool
    /// Requests under way at a time.
    package var requestsMax: Int

    package init(name: String, weight: Int = 1, isBackup: Bool = false, requestsMax: Int = .max) {
        self.name = name
        self.weight = weight
        self.isBackup = isBackup
        self.requestsMax = requestsMax
    }
}

/// What a group is made of. Times are in milliseconds.
package struct GroupSettings: Equatable, Sendable {
    package var balance: Balance
    package var members: [MemberSettings]
    package var ejection: EjectionPolicy
    /// From joining or coming back to the full weight; 0: at once.
    package var slowStart: Int64

    package init(
        _ members: [MemberSettings], balance: Balance = .roundRobin, ejection: EjectionPolicy = EjectionPolicy(),
        slowStart: Int64 = 0
    ) {
        self.members = members
        self.balance = balance
        self.ejection = ejection
        self.slowStart = slowStart
    }
}
