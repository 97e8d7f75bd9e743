import Bytes
import EventLoop
import Metrics
import Throttling

// MARK: - Memory

extension Worker {
    /// Follows the bytes that are buffered for clients and upstreams: at the end of each turn, one comparison while there
    /// are few.
    ///
    /// New connections are given up first: the kernel keeps them, and they lose time, not requests. Then new requests
    /// are answered with 503; those under way go on, and as each holds no more than a few reads' worth, the bound holds
    /// but for these.
    func followPressure() {
        let bytes = loop.bufferedBytes
        guard bytes >= pressure.highMark || pressure.level != .none else { return }
        let before = pressure.level
        pressure.update(bytes: bytes)
        guard pressure.level != before else { return }
        isGuarded = snapshot.edge.concernsRequests || pressure.level == .full
        if pressure.level == .full { log.note("\(bytes) bytes are buffered: requests are answered with 503", worker: self) }
        if before == .none {
            pauseAccepting("\(bytes) bytes are buffered, near the limit of this worker")
        } else if pressure.level == .none {
            resumeAccepting()
        }
    }
}

extension EventLoop {
    /// Moves the account of a buffer from what it held when it was last accounted for to what it holds.
    func account(for bytes: Int, accounted: inout Int) {
        bufferedBytes += bytes - accounted
        accounted = bytes
    }
}
