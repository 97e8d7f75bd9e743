package import EventLoop
import Glibc
import Synchronization

/// Writes log lines to a descriptor on a thread of its own, so that a reader who stalls never stops a worker.
///
/// Lines wait in memory up to a bound; beyond it they are dropped and counted, and the count is written when there is
/// room again.
package final class LogWriter: Sendable {
    private static let queuedBytesMax = 4 << 20
    /// How long the program's end waits for a reader who stalls, in milliseconds.
    private static let closingTime: CInt = 2_000

    private struct Queue {
        var bytes: [UInt8] = []
        var droppedLines = 0
        /// Since the program started.
        var droppedInAll = 0
        var isClosed = false
    }

    private let queue = Mutex(Queue())
    private let wakeup: DescriptorSignal
    private let finished: DescriptorSignal
    private let thread = Mutex<LoopThread?>(nil)
    private let descriptor: CInt

    /// - Throws: when the system has no descriptor or thread to give.
    package init(descriptor: CInt) throws(SocketError) {
        self.descriptor = descriptor
        wakeup = try DescriptorSignal()
        finished = try DescriptorSignal()
        let thread = try LoopThread(named: "slidegate-log") { [self] in writeUntilClosed() }
        self.thread.withLock { $0 = thread }
    }

    /// Any thread. `bytes` are whole lines.
    package func write(_ bytes: [UInt8], lines: Int) {
        guard !bytes.isEmpty else { return }
        queue.withLock { queue in
            guard queue.bytes.count + bytes.count <= Self.queuedBytesMax else {
                queue.droppedLines += lines
                queue.droppedInAll += lines
                return
            }
            queue.bytes += bytes
        }
        wakeup.raise()
    }

    /// Lines that were lost since the program started. Any thread.
    package var droppedLines: Int { queue.withLock { $0.droppedInAll } }

    /// A line from the control thread.
    package func write(_ line: String) { write(Array((line + "\n").utf8), lines: 1) }

    /// Writes what is queued and ends the thread, unless the reader stalls: then what is queued is given up.
    package func close() {
        queue.withLock { $0.isClosed = true }
        wakeup.raise()
        // A thread that still waits for the reader owns nothing that the process's end could take from under it.
        if finished.wait(atMostMilliseconds: Self.closingTime) { thread.withLock { $0 }?.join() }
    }

    private func writeUntilClosed() {
        while true {
            wakeup.wait()
            var taken = queue.withLock { queue in
                defer {
                    queue.bytes = []
                    queue.droppedLines = 0
                }
                return queue
            }
            if taken.droppedLines > 0 {
                taken.bytes += Array("slidegate: \(taken.droppedLines) log lines were dropped: the log is not read fast enough\n".utf8)
            }
            writeAll(taken.bytes)
            if taken.isClosed { return finished.raise() }
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EAGAIN {  // somebody else has made the descriptor non-blocking
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
            } else if written < 0 && errno != EINTR {
                return  // there is nobody left to tell
            } else {
                rest = rest.dropFirst(max(written, 0))
            }
        }
    }
}
