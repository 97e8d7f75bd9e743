import EventLoop
import Glibc

/// An heir on its way: the same program, started anew with this process's listening sockets.
///
/// Both processes hold the sockets for a while, so no connection is lost between them: as long as one of them lives, there
/// is a queue and somebody who accepts from it. The heir says that it serves; whatever else it does, this process goes on.
final class Handover {
    enum Outcome {
        case ready(pid_t)
        /// Why there is no heir; nothing has changed.
        case failed(String)
    }

    private enum State {
        case starting
        /// It has to end, for that reason.
        case ending(String)
        case over
    }

    static let readyMessage = "READY=1"
    /// From start to serving: reading files and asking for keys and names takes seconds at worst.
    private static let startTimeMax: Int64 = 60_000
    /// What an heir that is not wanted any more has to end in order.
    private static let endTimeMax: Int64 = 5_000

    private(set) var process: pid_t = 0
    private let onOutcome: (Outcome) -> Void
    private var state = State.starting
    private var reader: MessagePipeReader?
    private var childSignal: LoopSignal?
    private var timer: LoopTimer?
    private var isSilent = false
    private var hasBeenKilled = false

    /// Starts the program; it finds `message` when it asks its `Predecessor`. `onOutcome` is called once, in a later turn of the loop.
    /// - Throws: when it cannot be started at all.
    init(
        _ invocation: Invocation, with sockets: [ListeningSocket], message: [UInt8], on loop: EventLoop,
        onOutcome: @escaping (Outcome) -> Void
    ) throws {
        self.onOutcome = onOutcome
        // Before the process starts: it may end before this function does.
        childSignal = try LoopSignal(SIGCHLD, on: loop) { [unowned self] in childChanged() }
        timer = try LoopTimer(on: loop) { [unowned self] in timeIsOver() }
        let pipe = try MessagePipe()
        defer { close(pipe.theirs) }
        reader = try MessagePipeReader(pipe.ours, on: loop) { [unowned self] event in heard(event) }
        _ = send(pipe.ours, message, message.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
        process = try launchHeir(
            invocation.path, arguments: invocation.arguments, environment: Invocation.environment, sockets: sockets,
            pipe: pipe.theirs)
        timer?.schedule(afterMilliseconds: Self.startTimeMax)
    }

    /// The heir is not wanted any more. Once it has said that it serves, that is too late.
    func cancel() { end(because: "it was called off") }

    private func heard(_ event: MessagePipeReader.Event) {
        switch (state, event) {
        case (.starting, .message(Self.readyMessage)):
            state = .over
            timer?.cancel()
            onOutcome(.ready(process))
        case (.starting, .message(let text)): end(because: "it said “\(text)”")
        // As a rule the process has ended, and SIGCHLD follows and says how. If not, it does not know what the pipe is for.
        case (.starting, .ended):
            isSilent = true
            timer?.schedule(afterMilliseconds: Self.endTimeMax)
        case (.ending, _), (.over, _): break
        }
    }

    /// Its end, before or after it served. Afterwards it is waited for all the same, so that none is left behind.
    private func childChanged() {
        var status: CInt = 0
        guard waitpid(process, &status, WNOHANG) == process else { return }
        switch state {
        case .starting: conclude(Self.describe(status))
        case .ending(let reason): conclude(hasBeenKilled ? reason : "\(reason), then \(Self.describe(status))")
        case .over: break
        }
    }

    private func timeIsOver() {
        switch state {
        case .starting where isSilent: end(because: "it does not say whether it serves")
        case .starting: end(because: "it did not serve within \(Self.startTimeMax / 1000) seconds")
        case .ending:
            hasBeenKilled = true
            kill(process, SIGKILL)
        case .over: break
        }
    }

    private func end(because reason: String) {
        guard case .starting = state else { return }
        state = .ending(reason)
        kill(process, SIGTERM)  // it may serve already: what it has accepted it finishes
        timer?.schedule(afterMilliseconds: Self.endTimeMax)
    }

    private func conclude(_ reason: String) {
        state = .over
        timer?.cancel()
        onOutcome(.failed(reason))
    }

    private static func describe(_ status: CInt) -> String {
        let signal = status & 0x7F
        return signal == 0 ? "it ended with exit code \(status >> 8 & 0xFF)" : "it was ended by signal \(signal)"
    }
}
