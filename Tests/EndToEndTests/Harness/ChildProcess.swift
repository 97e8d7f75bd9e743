import Foundation
import Glibc
import Synchronization

/// A child whose output is collected while it runs, and which does not outlive its owner.
final class ChildProcess: Sendable {
    enum Ending: Equatable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    enum Stream: Hashable { case output, error }

    let identifier: pid_t
    private let record: Record

    /// - Parameters:
    ///   - arguments: the program's path first.
    ///   - environment: the whole of it; nothing is inherited but PATH and what sanitizers are told (`deploy/sanitize`).
    ///   - descriptors: what the child finds open as 3, 4, and so on.
    init(_ arguments: [String], environment: [String: String] = [:], descriptors: [Int32] = []) throws {
        let output = try Pipe()
        let error = try Pipe()
        let record = Record()
        self.record = record
        identifier = try spawn(
            arguments, environment: environment, output: output.writing, error: error.writing, descriptors: descriptors)
        output.closeWriting()
        error.closeWriting()
        let identifier = identifier
        runningChildren.add(identifier)
        startThread {
            output.drain { record.append($0, to: .output) }
            record.ended(.output)
        }
        startThread {
            error.drain { record.append($0, to: .error) }
            record.ended(.error)
        }
        startThread {
            // Waits without reaping first, so that the number cannot be another process's while `signal` may use it.
            var information = siginfo_t()
            while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            record.end {
                runningChildren.remove(identifier)
                var status: Int32 = 0
                while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
                let signal = status & 0x7f
                return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
            }
        }
    }

    deinit { signal(SIGKILL) }

    func signal(_ number: Int32) { record.whileRunning { _ = kill(identifier, number) } }

    var isRunning: Bool { record.ending == nil }

    func waitForExit(within duration: Duration = Deadline.usual) throws -> Ending {
        try record.wait(for: "the program to exit", within: duration) { $0.ending != nil }
        return record.ending!
    }

    /// Waits until both streams have been read to their ends, which come with the child's.
    func waitUntilRead(within duration: Duration = Deadline.usual) throws {
        try record.wait(for: "the program's output to end", within: duration) { $0.endedStreams.count == 2 }
    }

    /// Everything written so far.
    func text(of stream: Stream) -> String { record.text(of: stream) }

    /// Waits for a line that contains `part`, and returns the first, or the one behind those that are skipped.
    /// - Throws: at once when the program ends without it.
    @discardableResult
    func waitForLine(
        containing part: String, skipping count: Int = 0, on stream: Stream = .error,
        within duration: Duration = Deadline.usual
    ) throws -> String {
        func found() -> String? {
            let lines = text(of: stream).split(separator: "\n").filter { $0.contains(part) }
            return lines.dropFirst(count).first.map(String.init)
        }
        do {
            try record.wait(for: "a line with “\(part)”", within: duration) { state in
                // What was written last may be read after the ending is known.
                found() != nil || (state.ending != nil && state.endedStreams.contains(stream))
            }
        } catch {
            throw GatewayError.noSuchLine(part, output: text(of: stream))
        }
        guard let line = found() else { throw GatewayError.noSuchLine(part, output: text(of: stream)) }
        return line
    }

    /// Kibibytes of memory the program had resident at most (VmHWM of proc(5)).
    func peakResidentKiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let value = line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap({ Int($0) })
        else { throw GatewayError.noSuchLine("VmHWM", output: status) }
        return value
    }

    /// File descriptors the program has open.
    func openDescriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/fd").count
    }

    /// Seconds of processor time used so far, user and system.
    func processorSeconds() throws -> Double {
        let stat = try String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)
        guard let parenthesis = stat.lastIndex(of: ")") else { return 0 }
        let parts = stat[stat.index(after: parenthesis)...].split(separator: " ")
        return Double((Int(parts[11]) ?? 0) + (Int(parts[12]) ?? 0)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// Children that a test left behind, because it failed while its threads still held on to them, end with the test process.
private let runningChildren = RunningChildren()

private final class RunningChildren: Sendable {
    private let identifiers = Mutex<Set<pid_t>>([])

    init() {
        atexit { runningChildren.identifiers.withLock { for identifier in $0 { kill(identifier, SIGKILL) } } }
    }

    func add(_ identifier: pid_t) { identifiers.withLock { _ = $0.insert(identifier) } }
    /// Before it is reaped, so that the number is still the child's own.
    func remove(_ identifier: pid_t) { identifiers.withLock { _ = $0.remove(identifier) } }
}

/// What the child has done, shared with the threads that watch it.
private final class Record: Sendable {
    struct State {
        var text: [ChildProcess.Stream: [UInt8]] = [:]
        var endedStreams: Set<ChildProcess.Stream> = []
        var ending: ChildProcess.Ending?
    }

    private let state = Mutex(State())
    private let changed = NSCondition()

    var ending: ChildProcess.Ending? { state.withLock { $0.ending } }

    func text(of stream: ChildProcess.Stream) -> String {
        String(decoding: state.withLock { $0.text[stream] ?? [] }, as: UTF8.self)
    }

    func append(_ bytes: [UInt8], to stream: ChildProcess.Stream) {
        state.withLock { $0.text[stream, default: []] += bytes }
        announce()
    }

    func ended(_ stream: ChildProcess.Stream) {
        state.withLock { _ = $0.endedStreams.insert(stream) }
        announce()
    }

    /// Records the ending that `reap` gives; nobody signals the child meanwhile.
    func end(_ reap: () -> ChildProcess.Ending) {
        state.withLock { $0.ending = reap() }
        announce()
    }

    /// Runs `body` only while the child has not been reaped, so that its number is still its own.
    func whileRunning(_ body: () -> Void) {
        state.withLock { if $0.ending == nil { body() } }
    }

    func wait(for what: String, within duration: Duration, until isReached: (State) -> Bool) throws {
        let deadline = Deadline.after(duration)
        changed.lock()
        defer { changed.unlock() }
        while true {
            let snapshot = state.withLock { $0 }
            if isReached(snapshot) { return }
            guard !deadline.hasPassed else { throw WireError.timedOut(waitingFor: what) }
            _ = changed.wait(until: Date(timeIntervalSinceNow: deadline.secondsLeft))
        }
    }

    private func announce() {
        changed.lock()
        changed.broadcast()
        changed.unlock()
    }
}

/// A pair of sockets rather than a pipe, because Glibc's overlay has no `pipe2`, and only what is close-on-exec from the start
/// stays out of a child that another thread starts at that moment.
private struct Pipe: Sendable {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw WireError.system(call: "socketpair", errno: errno)
        }
        (reading, writing) = (ends[0], ends[1])
    }

    func closeWriting() { close(writing) }

    /// Hands on what comes until every writer has closed.
    func drain(_ take: ([UInt8]) -> Void) {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, initialized in
                count = read(reading, buffer.baseAddress, 65_536)
                initialized = max(0, count)
            }
            if count > 0 {
                take(bytes)
            } else if count == 0 || errno != EINTR {
                close(reading)
                return
            }
        }
    }
}

private func spawn(
    _ arguments: [String], environment: [String: String], output: Int32, error: Int32, descriptors: [Int32]
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, error, 2)
    // Out of the way of those that they become.
    let copies = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 64) }
    defer { for copy in copies { close(copy) } }
    for (index, copy) in copies.enumerated() { posix_spawn_file_actions_adddup2(&actions, copy, Int32(3 + index)) }

    // The test runner's signal mask and ignored signals are its own affair.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var variables = environment
    for name in ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"] { variables[name] = ProcessInfo.processInfo.environment[name] }
    variables["PATH"] = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    variables["LD_LIBRARY_PATH"] = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
    let argumentPointers = arguments.map { strdup($0) } + [nil]
    let variablePointers = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argumentPointers + variablePointers).forEach { free($0) } }

    var identifier: pid_t = 0
    let result = untilExec.withLock { _ in
        posix_spawn(&identifier, arguments[0], &actions, &attributes, argumentPointers, variablePointers)
    }
    guard result == 0 else { throw WireError.system(call: "posix_spawn \(arguments[0])", errno: result) }
    return identifier
}
