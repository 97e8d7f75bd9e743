import Foundation
import Glibc

/// A process that the program has started to follow it; what it writes goes where the first one's output goes.
final class Heir: Sendable {
    let identifier: pid_t

    init(_ identifier: pid_t) { self.identifier = identifier }

    deinit { signal(SIGKILL) }

    func signal(_ number: Int32) { if isRunning { _ = kill(identifier, number) } }

    /// False once it has ended, whether or not anybody has waited for it.
    var isRunning: Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
            let parenthesis = stat.lastIndex(of: ")")
        else { return false }
        return !stat[parenthesis...].hasPrefix(") Z")
    }

    func waitForExit(within duration: Duration = Deadline.usual) throws {
        let deadline = Deadline.after(duration)
        while isRunning {
            guard !deadline.hasPassed else { throw WireError.timedOut(waitingFor: "process \(identifier) to exit") }
            usleep(5_000)
        }
    }
}

extension Gateway {
    /// Asks the first process, or the heir given, to hand over, and waits until the new one serves.
    func handOver(from predecessor: Heir? = nil) throws -> Heir {
        let before = logs.components(separatedBy: " serves\n").count - 1
        if let predecessor { predecessor.signal(SIGUSR2) } else { process.signal(SIGUSR2) }
        let line = try process.waitForLine(containing: " serves", skipping: before)
        guard let number = line.split(separator: " ").dropLast().last.flatMap({ pid_t($0) }) else {
            throw GatewayError.noSuchLine("process N serves", output: logs)
        }
        return Heir(number)
    }
}
