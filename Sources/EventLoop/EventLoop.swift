import Bytes
import CLibevent
import Glibc

/// What the loop itself can fail with; failures of a socket are `SocketError`.
package enum EventLoopError: Error, Equatable {
    case outOfMemory
    case backendUnavailable
}

/// One thread's event loop: readiness, timers, signals and mail, one turn after another.
///
/// Not Sendable: everything made on a loop belongs to the thread that runs it. A turn waits for events, handles them
/// all and then calls `turnEnded`; time is read at most once a turn.
package final class EventLoop {
    let base: OpaquePointer
    /// Where streams read to: one for all of them, since a turn handles one stream at a time.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: EventLoop.scratchBytes, alignment: 64)
    static let scratchBytes = 64 * 1024
    /// Where pieces come together that are to be one TLS record.
    var recordScratch = ByteBuffer()

    /// What its streams have queued, and what their owners add: bytes that wait for peers.
    package var bufferedBytes = 0

    /// Called after each turn, for work that is worth doing once for many events (writing logs).
    package var turnEnded: () -> Void = {}

    private var isRunning = false
    private var monotonic: Instant?
    private var wall: Int64?

    package init() throws(EventLoopError) {
        guard let configuration = event_config_new() else { throw .outOfMemory }
        defer { event_config_free(configuration) }
        // One thread owns the base, so libevent need not lock it; mail arrives through a descriptor.
        event_config_set_flag(configuration, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        guard let base = event_base_new_with_config(configuration) else { throw .backendUnavailable }
        self.base = base
    }

    deinit {
        event_base_free(base)
        scratch.deallocate()
    }

    /// Handles events until `stop` is called or nothing is registered.
    package func run() {
        isRunning = true
        while isRunning {
            monotonic = nil
            wall = nil
            guard event_base_loop(base, EVLOOP_ONCE) == 0 else { return }
            turnEnded()
        }
    }

    /// Ends `run` after the current turn.
    package func stop() { isRunning = false }

    /// The monotonic time of this turn, for timeouts.
    package var now: Instant {
        if let monotonic { return monotonic }
        let instant = Instant.current()
        monotonic = instant
        return instant
    }

    /// The monotonic clock at this very instant, in nanoseconds: for durations. Not a system call, and some 20 ns all the same.
    package func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Seconds since 1970 of this turn, for claims and dates.
    package var wallSeconds: Int64 {
        if let wall { return wall }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        let seconds = Int64(time.tv_sec)
        wall = seconds
        return seconds
    }
}

/// A point on the monotonic clock, in milliseconds; comparable within the process only.
package struct Instant: Comparable, Sendable {
    package var milliseconds: Int64

    /// Later than any deadline.
    @inlinable package static var never: Instant { Instant(milliseconds: .max) }

    @inlinable package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func current() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return Instant(milliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
    }

    package static func < (left: Instant, right: Instant) -> Bool { left.milliseconds < right.milliseconds }

    /// `self` and `milliseconds` later, saturating at `never`.
    package func advanced(byMilliseconds milliseconds: Int64) -> Instant {
        let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
        return overflow ? .never : Instant(milliseconds: sum)
    }
}
