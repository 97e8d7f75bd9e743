package import EventLoop

/// What is known of one host name: the addresses that were last good, and when to ask again. A machine without clock or socket.
package struct NameRecord: Sendable {
    /// What an answer changes for whoever uses the name.
    package enum News: Equatable, Sendable {
        case nothing
        /// The addresses are others now; also the first ones.
        case changed
        /// The first failure after good answers, or the first of all: the addresses before, if any, stay.
        case failed(LookupError)
        /// It resolves again, to the same addresses.
        case recovered
    }

    /// Those of the last good answer; empty until there was one.
    package private(set) var addresses: [SocketAddress] = []
    /// In a row.
    package private(set) var failureCount = 0

    /// The first retry comes soon: a server that restarts is back within seconds.
    static let firstRetry: Int64 = 1_000
    static let lastRetry: Int64 = 30_000
    /// For what does not say how long it holds, as a hosts file.
    static let usualSecondsToLive = 30

    package init() {}

    /// - Parameter secondsToLive: the bounds within which servers are believed.
    /// - Returns: what is new, and in how many milliseconds to ask again.
    package mutating func received(
        _ answer: Result<Resolution, LookupError>, secondsToLive bounds: ClosedRange<Int>
    ) -> (news: News, delay: Int64) {
        switch answer {
        case .success(let resolution):
            let seconds = min(max(resolution.secondsToLive ?? Self.usualSecondsToLive, bounds.lowerBound), bounds.upperBound)
            let wasFailing = failureCount > 0
            failureCount = 0
            let delay = Int64(seconds) * 1000
            // Servers turn the order from answer to answer: the same addresses are no news.
            guard Set(resolution.addresses) != Set(addresses) else { return (wasFailing ? .recovered : .nothing, delay) }
            addresses = resolution.addresses
            return (.changed, delay)
        case .failure(let error):
            failureCount = min(failureCount + 1, 16)
            let delay = min(Self.firstRetry << Int64(failureCount - 1), Self.lastRetry)
            return (failureCount == 1 ? .failed(error) : .nothing, delay)
        }
    }
}
