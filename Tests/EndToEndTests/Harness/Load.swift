import Glibc
import Synchronization

/// Clients that ask one request after the other, on kept connections that last as long as the answers allow, or for so many
/// requests. Whatever is not an answer of 200 to a request that was sent whole is a failure: there are no second tries.
final class Load: Sendable {
    private struct State {
        var isStopped = false
        var count = 0
        var failures: [String] = []
    }

    private let state = Mutex(State())
    private let finished: Gate

    private let bearsResets: Bool

    /// - Parameter bearsResets: whether clients try again whose handshake is reset, as the kernel does with those that are under
    ///   way when a listening socket closes.
    init(_ clients: Int, at gateway: Gateway, requestsPerConnection: Int = .max, bearsResets: Bool = false) {
        self.bearsResets = bearsResets
        finished = Gate(clients)
        for number in 0..<clients {
            startThread { [self] in
                defer { finished.open() }
                do {
                    // Each other client changes its connection soon.
                    try run(at: gateway, number % 2 == 0 ? requestsPerConnection : .max)
                } catch {
                    state.withLock { $0.failures.append("client \(number): \(error)") }
                }
            }
        }
    }

    private func run(at gateway: Gateway, _ requestsMax: Int) throws {
        while !isStopped {
            let client: Client
            do {
                client = try gateway.connect(keepsLog: false)
            } catch WireError.system("connect", ECONNRESET) where bearsResets {
                continue
            }
            defer { client.close() }
            var left = requestsMax
            while left > 0, !isStopped {
                left -= 1
                let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                state.withLock {
                    $0.count += 1
                    if answer.status != 200 { $0.failures.append("status \(answer.status)") }
                }
                if answer.members(of: "Connection").contains("close") { break }
            }
        }
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }
    var count: Int { state.withLock { $0.count } }
    var failures: [String] { state.withLock { $0.failures } }

    /// Waits until so many more requests have been answered.
    func waitForMore(_ more: Int) throws {
        let goal = count + more
        let deadline = Deadline.after()
        while count < goal {
            guard !deadline.hasPassed, failures.isEmpty else { throw WireError.timedOut(waitingFor: "answers; \(failures)") }
            usleep(1_000)
        }
    }

    /// Ends the clients behind their answers; what went wrong.
    func stop() throws -> [String] {
        state.withLock { $0.isStopped = true }
        try finished.wait()
        return failures
    }
}
