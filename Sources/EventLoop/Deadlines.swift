/// The deadlines of many connections: one per slot, moved with a store and checked all together.
///
/// A proxied exchange moves its connection's deadline several times and lets hardly any pass, so moving must be next to
/// free. Rather than a timer (or a place in libevent's common-timeout queue) for each connection, the deadlines stand
/// side by side in one array, and a single timer scans it when the earliest of them could have passed.
package final class Deadlines {
    /// Scans at least so far apart: how late a deadline may be noticed.
    private static let resolutionMilliseconds: Int64 = 10

    private let loop: EventLoop
    private let onExpiry: (Int) -> Void
    private var instants: [Instant] = []
    private var nextScan = Instant.never
    private var timer: LoopTimer?

    /// - Parameter onExpiry: called with the slot; its deadline has been set to `never` before.
    package init(on loop: EventLoop, onExpiry: @escaping (Int) -> Void) throws(EventLoopError) {
        self.loop = loop
        self.onExpiry = onExpiry
        timer = try LoopTimer(on: loop) { [unowned self] in scan() }
    }

    /// Makes slots `0..<count` usable.
    package func reserve(_ count: Int) {
        while instants.count < count { instants.append(.never) }
    }

    package subscript(slot: Int) -> Instant {
        get { instants[slot] }
        set {
            instants[slot] = newValue
            if newValue < nextScan { scanNoLater(than: newValue) }
        }
    }

    /// Moves the deadline of a slot to that long after this turn's time.
    package func set(_ slot: Int, afterMilliseconds milliseconds: Int64) {
        self[slot] = loop.now.advanced(byMilliseconds: milliseconds)
    }

    private func scanNoLater(than instant: Instant) {
        let delay = max(instant.milliseconds &- loop.now.milliseconds, Self.resolutionMilliseconds)
        nextScan = loop.now.advanced(byMilliseconds: delay)
        timer?.schedule(afterMilliseconds: delay)
    }

    private func scan() {
        let now = loop.now
        nextScan = .never
        for slot in instants.indices where instants[slot] <= now {
            instants[slot] = .never
            onExpiry(slot)
        }
        // `onExpiry` may have set deadlines and so have scheduled a scan already; an earlier one wins.
        let earliest = instants.min() ?? .never
        if earliest < nextScan { scanNoLater(than: earliest) }
    }
}
