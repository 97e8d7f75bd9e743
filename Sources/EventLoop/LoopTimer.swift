import CLibevent

/// A timer on a loop: fires once per `schedule`, unless cancelled or scheduled anew first.
package final class LoopTimer {
    private let loop: EventLoop  // kept: `event_free` reads its base
    private var event: OpaquePointer?
    private let onFire: () -> Void

    /// - Parameter onFire: must not retain the timer's owner (capture it `unowned`): the owner outlives the timer.
    package init(on loop: EventLoop, onFire: @escaping () -> Void) throws(EventLoopError) {
        self.loop = loop
        self.onFire = onFire
        let context = Unmanaged.passUnretained(self).toOpaque()
        guard let event = event_new(loop.base, -1, 0, timerDidFire, context) else { throw .outOfMemory }
        self.event = event
    }

    deinit { if let event { event_free(event) } }  // no callback can follow, so `context` cannot dangle

    /// Fires `milliseconds` from now, and not at the time set before.
    package func schedule(afterMilliseconds milliseconds: Int64) {
        let delay = max(milliseconds, 0)
        var time = timeval(tv_sec: Int(delay / 1000), tv_usec: Int(delay % 1000) * 1000)
        event_add(event, &time)
    }

    package func cancel() { event_del(event) }

    fileprivate func fire() { onFire() }
}

/// C entry point: recovers the timer and leaves C at once.
private func timerDidFire(_: CInt, _: Int16, _ context: UnsafeMutableRawPointer?) {
    Unmanaged<LoopTimer>.fromOpaque(context!).takeUnretainedValue().fire()
}
