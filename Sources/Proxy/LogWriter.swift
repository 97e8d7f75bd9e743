package import EventLoop
import Glibc
import Synchronization

/// Writes log lines on a thread of its own, so that a reader who stalls, or a disk, never stops a worker.
///
/// Lines wait in memory up to a bound; beyond it whole portions are dropped and counted.
///
/// The thread ends when `close` has been called, or when nobody knows the writer any more; either way what is queued is
/// written first.
package final class LogWriter: Sendable {
    /// How long the program's end waits for a reader who stalls, in milliseconds.
    private static let closingTime: CInt = 2_000

    private let queue: LogQueue
    private let thread: LoopThread
    private let showsTime: Bool

    /// Writes to a descriptor of the process, as standard error; the log itself tells of lines that were dropped.
    /// - Parameter showsTime: in lines from the control thread; commands that end at once leave it out.
    /// - Throws: when the system has no descriptor or thread to give.
    package convenience init(descriptor: CInt, showsTime: Bool = true) throws(SocketError) {
        try self.init(.descriptor(descriptor), showsTime: showsTime)
    }

    /// - Parameters:
    ///   - destination: opened before this returns.
    ///   - bytesMax: what may wait.
    ///   - teller: is told of lines that were dropped, and of what fails; nil: this log itself is.
    /// - Throws: what is wrong with the destination, or when the system has no descriptor or thread to give.
    package init(
        _ destination: LogDestination, bytesMax: Int = 4 << 20, teller: LogWriter? = nil, showsTime: Bool = true
    ) throws(SocketError) {
        self.showsTime = showsTime
        let sink = try destination.open()
        let queue = try LogQueue(bytesMax: bytesMax)
        thread = try LoopThread(named: "slidegate-log") { queue.run(sink, teller: teller) }
        self.queue = queue
    }

    deinit { queue.end() }

    /// Any thread. `bytes` are whole lines.
    package func write(_ bytes: [UInt8], lines: Int) { queue.append(bytes, lines: lines) }

    /// A line from the control thread, behind the time.
    package func write(_ line: String) { write(showsTime ? LogWriter.timed(line) : Array((line + "\n").utf8), lines: 1) }

    fileprivate static func timed(_ line: String) -> [UInt8] {
        Array("\(CivilDate(secondsSince1970: Int64(time(nil))).internetDateTime) \(line)\n".utf8)
    }

    /// Any thread. Opens its file again, which may have been moved away, or connects to its syslog again.
    package func reopen() { queue.reopen() }

    /// Lines that nobody will ever read, so far.
    package var droppedLines: Int { queue.dropped.load(ordering: .relaxed) }

    /// Writes what is queued and ends the thread, unless the reader stalls: then what is queued is given up.
    package func close() {
        queue.end()
        // A thread that still waits for the reader owns nothing that the process's end could take from under it.
        if queue.finished.wait(atMostMilliseconds: Self.closingTime) { thread.join() }
    }
}

/// What a writer and its thread share.
private final class LogQueue: Sendable {
    private struct Content {
        var portions: [(bytes: [UInt8], lines: Int)] = []
        /// Of `portions`, and of those that are being written.
        var bytes = 0
        var isReopening = false
        var isClosed = false
    }

    private let content = Mutex(Content())
    private let bytesMax: Int
    private let wakeup: DescriptorSignal
    let finished: DescriptorSignal
    let dropped = Atomic(0)

    init(bytesMax: Int) throws(SocketError) {
        self.bytesMax = bytesMax
        wakeup = try DescriptorSignal()
        finished = try DescriptorSignal()
    }

    func append(_ bytes: [UInt8], lines: Int) {
        guard !bytes.isEmpty else { return }
        let isFirst: Bool? = content.withLock { content in
            guard content.bytes + bytes.count <= bytesMax else { return nil }
            content.bytes += bytes.count
            content.portions.append((bytes, lines))
            return content.portions.count == 1
        }
        guard let isFirst else {
            dropped.add(lines, ordering: .relaxed)
            return
        }
        // Behind others, it is found with them.
        if isFirst { wakeup.raise() }
    }

    func reopen() {
        content.withLock { $0.isReopening = true }
        wakeup.raise()
    }

    func end() {
        content.withLock { $0.isClosed = true }
        wakeup.raise()
    }

    /// On the thread, to its end.
    func run(_ sink: any LogSink, teller: LogWriter?) {
        var notes = LogNotes()
        while true {
            wakeup.wait()
            while true {
                let taken = content.withLock { content in
                    defer {
                        content.portions = []
                        content.isReopening = false
                    }
                    return content
                }
                if taken.isReopening || sink.hasMoved, let failure = sink.reopen() { notes.fail(failure, losing: false) }
                for portion in taken.portions {
                    let (lost, failure) = sink.write(portion.bytes, lines: portion.lines)
                    content.withLock { $0.bytes -= portion.bytes.count }
                    if lost > 0 { dropped.add(lost, ordering: .relaxed) }
                    if let failure { notes.fail(failure, losing: lost > 0) } else if lost == 0 { notes.succeed() }
                }
                for note in notes.due(dropped: dropped.load(ordering: .relaxed), isLast: taken.isClosed, name: sink.name) {
                    if let teller {
                        teller.write("slidegate: \(note)")
                    } else {
                        _ = sink.write(LogWriter.timed("slidegate: \(note)"), lines: 0)
                    }
                }
                if taken.isClosed {
                    sink.close()
                    return finished.raise()
                }
                if taken.portions.isEmpty { break }
            }
        }
    }
}

/// What is to be said of a log, not more often than anybody can read.
private struct LogNotes {
    private static let interval: Int64 = 10_000

    private var toldDrops = 0
    private var failure: String?
    /// Since lines were lost last, some have been written.
    private var isWritten = true
    /// It has been told that lines are lost, and not that they no longer are.
    private var isKnownToLose = false
    private var toldAt: Int64?

    mutating func fail(_ failure: String, losing: Bool) {
        self.failure = failure
        if losing { isWritten = false }
    }

    mutating func succeed() { isWritten = true }

    mutating func due(dropped: Int, isLast: Bool, name: String) -> [String] {
        guard failure != nil || dropped > toldDrops || isKnownToLose && isWritten else { return [] }
        let now = Instant.current().milliseconds
        if let toldAt, now - toldAt < Self.interval, !isLast { return [] }
        toldAt = now
        var notes: [String] = []
        if let failure {
            notes.append("the log \(name) fails: \(failure)")
            isKnownToLose = isKnownToLose || !isWritten
        }
        let drops = dropped - toldDrops
        if drops > 0 {
            notes.append("\(drops) log lines were dropped: \(name) does not take them\(failure == nil ? " fast enough" : "")")
        }
        if isKnownToLose, isWritten {
            notes.append("the log \(name) is written again; \(dropped) of its lines are lost so far")
            isKnownToLose = false
        }
        failure = nil
        toldDrops = dropped
        return notes
    }
}
