import CLibevent
import Glibc
import Synchronization

/// A named operating-system thread that runs one closure to its end.
package final class LoopThread: Sendable {
    private let handle: pthread_t
    private let isJoined = Atomic(false)

    /// - Throws: `pthread_create`'s error.
    package init(named name: String, _ body: sending @escaping () -> Void) throws(SocketError) {
        let start = Unmanaged.passRetained(StartBlock(name: name, body: body))
        var handle = pthread_t()
        let status = pthread_create(&handle, nil, { context in
            let block = Unmanaged<StartBlock>.fromOpaque(context!).takeRetainedValue()
            shim_set_thread_name(block.name)
            block.body()
            return nil
        }, start.toOpaque())
        guard status == 0 else {
            start.release()
            throw SocketError("pthread_create", status)
        }
        self.handle = handle
    }

    /// Waits for the thread's end, and for all that it owned to be gone. Returns at once when called again.
    package func join() {
        if !isJoined.exchange(true, ordering: .relaxed) { pthread_join(handle, nil) }
    }

    deinit { if !isJoined.load(ordering: .relaxed) { pthread_detach(handle) } }
}

/// What a new thread starts with; retained for C and released by the thread.
private final class StartBlock {
    let name: String
    let body: () -> Void
    init(name: String, body: @escaping () -> Void) {
        self.name = name
        self.body = body
    }
}

/// The number of processors this process may run on (its affinity mask, not the machine's count).
package func availableProcessorCount() -> Int {
    var mask = [UInt64](repeating: 0, count: 16)
    guard shim_sched_getaffinity(UInt(mask.count * 8), &mask) > 0 else { return 1 }
    return max(1, mask.reduce(0) { $0 + $1.nonzeroBitCount })
}

/// Raises the soft limit of open descriptors to the hard one; the limit in force afterwards.
package func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
    return Int(min(limit.rlim_cur, rlim_t(Int32.max)))
}
