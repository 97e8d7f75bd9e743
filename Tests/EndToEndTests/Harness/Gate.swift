import Foundation

/// Where threads wait for each other: opens when `count` have arrived, or when told to.
final class Gate: @unchecked Sendable {
    // Unchecked: both properties are only touched while `condition` is locked.
    private let condition = NSCondition()
    private let count: Int
    private var arrived = 0

    init(_ count: Int = 1) { self.count = count }

    /// Counts as one arrival, without waiting.
    func open() {
        condition.lock()
        arrived += 1
        condition.broadcast()
        condition.unlock()
    }

    func arriveAndWait(within duration: Duration = Deadline.usual) throws {
        open()
        try wait(within: duration)
    }

    func wait(within duration: Duration = Deadline.usual) throws {
        let deadline = Deadline.after(duration)
        condition.lock()
        defer { condition.unlock() }
        while arrived < count {
            guard !deadline.hasPassed else { throw WireError.timedOut(waitingFor: "a gate to open") }
            _ = condition.wait(until: Date(timeIntervalSinceNow: deadline.secondsLeft))
        }
    }
}
