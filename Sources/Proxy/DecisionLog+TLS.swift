import EventLoop

extension DecisionLog {
    /// Handshakes fail by the thousand when someone scans ports or a certificate has expired: a few lines a second tell
    /// of it as well as all of them, and the counter has the rest.
    func handshakeFailed(_ cause: String, peer: SocketAddress, worker: Worker) {
        guard level >= .refusals, worker.mayNoteHandshakeFailure() else { return }
        write("tls_handshake_failed", cause: cause, peer: peer, worker: worker)
    }
}

/// At most so many lines in one second.
struct LineBudget {
    static let linesEachSecond = 10
    private var second = Int64.min
    private var lines = 0

    mutating func take(_ second: Int64) -> Bool {
        if second != self.second {
            self.second = second
            lines = 0
        }
        lines += 1
        return lines <= Self.linesEachSecond
    }
}
