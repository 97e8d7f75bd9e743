import CLibevent
import Glibc

/// Calls back on the loop's thread each time the process gets the signal.
package final class LoopSignal {
    private let loop: EventLoop  // kept: `event_free` reads its base
    private var event: OpaquePointer?
    private let onSignal: () -> Void

    package init(_ number: Int32, on loop: EventLoop, onSignal: @escaping () -> Void) throws(EventLoopError) {
        self.loop = loop
        self.onSignal = onSignal
        let context = Unmanaged.passUnretained(self).toOpaque()
        let flags = Int16(EV_SIGNAL | EV_PERSIST)
        guard let event = event_new(loop.base, number, flags, signalDidArrive, context) else { throw .outOfMemory }
        self.event = event
        event_add(event, nil)
    }

    deinit { if let event { event_free(event) } }

    fileprivate func fire() { onSignal() }
}

/// A peer that has gone is an error of `write`, not the end of the process.
package func ignoreBrokenPipeSignal() { signal(SIGPIPE, SIG_IGN) }

/// Signals that mean something to a process that serves must not end one that only starts: until there is somebody to hear
/// them, they are as good as obeyed, for it reads everything anew anyway.
package func ignoreEarlySignals() {
    signal(SIGHUP, SIG_IGN)
    signal(SIGUSR1, SIG_IGN)
    signal(SIGUSR2, SIG_IGN)
}

private func signalDidArrive(_: CInt, _: Int16, _ context: UnsafeMutableRawPointer?) {
    Unmanaged<LoopSignal>.fromOpaque(context!).takeUnretainedValue().fire()
}
