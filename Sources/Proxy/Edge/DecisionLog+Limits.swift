import Authentication
import EventLoop

// Floods are made of what is refused for being too much. A few lines a second tell of them as well as all would, one says how
// many there were, and the counters have the rest.

extension DecisionLog {
    func connectionRejected(_ reason: String, peer: SocketAddress, worker: Worker) {
        guard level >= .refusals, mayWriteFloodLine(worker) else { return }
        write("connection_rejected", cause: reason, peer: peer, worker: worker)
    }

    /// Whether a line that comes in floods may be written; it is counted otherwise.
    func mayWriteFloodLine(_ worker: Worker) -> Bool {
        tellSuppressed(worker)
        return flood.take(worker.loop.wallSeconds)
    }

    /// Says how many lines were left out in a second that is over.
    func tellSuppressed(_ worker: Worker) {
        guard flood.suppressed > 0, let count = flood.suppressed(endedBefore: worker.loop.wallSeconds) else { return }
        note("\(count) more refusals in one second are not logged", worker: worker)
    }
}

/// A few lines each second, and how many more there would have been.
struct FloodBudget {
    static let linesEachSecond = 10
    private var second = Int64.min
    private var lines = 0
    private(set) var suppressed = 0

    mutating func take(_ second: Int64) -> Bool {
        if second != self.second {
            self.second = second
            lines = 0
        }
        lines += 1
        if lines > Self.linesEachSecond { suppressed += 1 }
        return lines <= Self.linesEachSecond
    }

    /// Those of a second before `second`, once.
    mutating func suppressed(endedBefore second: Int64) -> Int? {
        guard second != self.second else { return nil }
        defer { suppressed = 0 }
        return suppressed
    }
}

extension Failure {
    /// Whether clients cause it at will and as often as they like.
    var comesInFloods: Bool {
        switch self {
        case .tooManyConnections, .overloaded, .requestTimeout, .downstreamTimeout, .peerNotTrusted: true
        case .refusal(let refusal): refusal.isThrottled
        default: false
        }
    }
}
