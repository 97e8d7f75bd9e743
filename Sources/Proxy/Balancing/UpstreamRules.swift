import Balancing

/// What decides which server of an upstream takes a request.
package enum ServerChoice: Equatable, Sendable {
    case roundRobin
    case leastRequests
    /// By a field of the request; the name in lower case.
    case header([UInt8])
    /// By a claim of the verified token: a client cannot choose it.
    case claim([UInt8])

    var machine: Balance {
        switch self {
        case .roundRobin: .roundRobin
        case .leastRequests: .leastRequests
        case .header, .claim: .keyed
        }
    }
}

/// Where requests wait while every server has as many as it may. In each worker; times are in milliseconds.
package struct QueueSettings: Equatable, Sendable {
    package var size: Int
    package var timeout: Int64

    package init(size: Int, timeout: Int64) {
        self.size = size
        self.timeout = timeout
    }
}

/// When a request is tried again, on another server where there is one.
///
/// Never one that may have reached a server and is not idempotent (RFC 9110 §9.2.2), nor one that is not held here whole.
package struct RetryPolicy: Equatable, Sendable {
    package struct Conditions: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// Nothing has reached the server.
        package static let connectFailure = Conditions(rawValue: 1 << 0)
        /// The connection ended before the head of an answer.
        package static let reset = Conditions(rawValue: 1 << 1)
        /// No answer came in time.
        package static let timeout = Conditions(rawValue: 1 << 2)
        package static let badGateway = Conditions(rawValue: 1 << 3)
        package static let serviceUnavailable = Conditions(rawValue: 1 << 4)
        package static let gatewayTimeout = Conditions(rawValue: 1 << 5)

        /// The condition that an answer of this status is.
        init(status: Int) {
            self =
                switch status {
                case 502: .badGateway
                case 503: .serviceUnavailable
                case 504: .gatewayTimeout
                default: []
                }
        }
    }

    /// Tries after the first.
    package var attempts: Int
    package var conditions: Conditions
    /// Tries for a hundred requests, beside a few each second.
    package var budgetPercent: Int
    /// The longest wait for the head of an answer while there may be another try; `.max`: the response timeout alone holds.
    package var tryTimeout: Int64
    /// From the request to the head of its answer, all tries together.
    package var totalTimeout: Int64

    package init(
        attempts: Int = 0, conditions: Conditions = [.connectFailure, .reset], budgetPercent: Int = 20,
        tryTimeout: Int64 = .max, totalTimeout: Int64 = .max
    ) {
        self.attempts = attempts
        self.conditions = conditions
        self.budgetPercent = budgetPercent
        self.tryTimeout = tryTimeout
        self.totalTimeout = totalTimeout
    }
}

/// Statuses from 500 to 599.
package struct StatusSet: Equatable, Sendable {
    private var bits: UInt128 = 0

    package init(_ statuses: some Sequence<Int> = []) {
        for status in statuses where (500...599).contains(status) { bits |= 1 << UInt128(status - 500) }
    }

    func contains(_ status: Int) -> Bool {
        status >= 500 && status <= 599 && bits >> UInt128(status - 500) & 1 != 0
    }
}
