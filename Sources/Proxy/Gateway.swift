package import EventLoop
package import Metrics

/// Why the gateway could not start.
package enum GatewayError: Error {
    case cannotListen(SocketError)
    case cannotStart(String)
}

/// The workers of one process, seen from the control thread.
package final class Gateway {
    /// What a worker says when its thread ends.
    private enum Report: Sendable {
        case ended(Counters)
        case failed(EventLoopError)
    }

    /// Where the gateway listens: the configured addresses, with the port that the system gave for port 0.
    package private(set) var addresses: [SocketAddress] = []

    /// What was asked for, in the order of `addresses`.
    private var requested: [SocketAddress] = []
    private let log: LogWriter
    private let onEnded: (Counters) -> Void
    private var workers: [Mailbox<WorkerMail>] = []
    private var threads: [LoopThread] = []
    private var running = 0
    private var counters = Counters()
    private let reports: Mailbox<Report>
    private var inbox: Inbox<Report>?

    /// Binds every address for every worker, then starts the workers; nothing is served unless all of that succeeds.
    /// - Parameters:
    ///   - loop: the control thread's.
    ///   - onEnded: called on the control thread when the last worker has ended, with what they have done in all.
    package init(
        _ settings: ProxySettings, workerCount: Int, log: LogWriter, on loop: EventLoop,
        onEnded: @escaping (Counters) -> Void
    ) throws(GatewayError) {
        self.log = log
        self.onEnded = onEnded
        do throws(SocketError) {
            reports = try Mailbox()
        } catch {
            throw .cannotStart("\(error)")
        }
        do throws(EventLoopError) {
            inbox = try Inbox(reports, on: loop) { [unowned self] report in receive(report) }
        } catch {
            throw .cannotStart("\(error)")
        }
        let requested = settings.listeners.map(\.address)
        let sockets = try bind(requested, workerCount: workerCount)
        adopt(requested, sockets)
        do throws(SocketError) {
            for worker in 0..<workerCount {
                try start(settings, sockets.map { (requested: $0.requested, socket: $0.sockets[worker]) }, number: worker)
            }
        } catch {
            throw .cannotStart("\(error)")
        }
    }

    /// An address that was asked for, and a socket on it for each worker.
    private typealias Binding = (requested: SocketAddress, sockets: [ListeningSocket])

    private func bind(_ requested: [SocketAddress], workerCount: Int) throws(GatewayError) -> [Binding] {
        do throws(SocketError) {
            var bindings: [Binding] = []
            for address in requested {
                try ListeningSocket.checkIsFree(address)
                var sockets: [ListeningSocket] = []
                var bound = address
                for _ in 0..<workerCount {
                    let socket = try ListeningSocket(boundTo: bound)
                    bound = socket.address  // with a port of the system's choice, the same for all
                    sockets.append(socket)
                }
                bindings.append((address, sockets))
            }
            return bindings
        } catch {
            throw .cannotListen(error)
        }
    }

    /// Takes note of where the gateway listens from now on: kept addresses and newly bound ones.
    private func adopt(_ next: [SocketAddress], _ bindings: [Binding]) {
        let kept = Dictionary(zip(requested, addresses)) { first, _ in first }
        let bound = Dictionary(bindings.map { ($0.requested, $0.sockets[0].address) }) { first, _ in first }
        addresses = next.compactMap { bound[$0] ?? kept[$0] }
        requested = next
    }

    private func start(
        _ settings: ProxySettings, _ sockets: [WorkerSocket], number: Int
    ) throws(SocketError) {
        let mailbox = try Mailbox<WorkerMail>()
        // By mail, as at a reload: whatever a thread's closure holds stays open until the thread ends.
        mailbox.send(.listen(sockets))
        let thread = try LoopThread(named: "slidegate-\(number)") { [log, reports] in
            do throws(EventLoopError) {
                let worker = try Worker(settings, mailbox: mailbox, logWriter: log)
                worker.run()
                reports.send(.ended(worker.counters))
            } catch {
                reports.send(.failed(error))
            }
        }
        workers.append(mailbox)
        threads.append(thread)
        running += 1
    }

    private func receive(_ report: Report) {
        running -= 1
        switch report {
        case .ended(let part): counters += part
        case .failed(let error): log.write("slidegate: a worker could not start: \(error)")
        }
        guard running == 0 else { return }
        // A worker frees its keys after its report: the process must not end, and OpenSSL with it, before that.
        for thread in threads { thread.join() }
        onEnded(counters)
    }

    /// Every worker goes over to the settings between two events; exchanges under way end by the old ones.
    /// - Throws: when a new address cannot be bound; nothing has changed then.
    package func apply(_ settings: ProxySettings) throws(GatewayError) {
        let next = settings.listeners.map(\.address)
        let bindings = try bind(next.filter { !requested.contains($0) }, workerCount: workers.count)
        adopt(next, bindings)
        for (index, worker) in workers.enumerated() {
            let sockets = bindings.map { (requested: $0.requested, socket: $0.sockets[index]) }
            worker.send(.apply(settings, newSockets: sockets))
        }
    }

    /// Stops accepting and ends when all exchanges have, or after `milliseconds`.
    package func drain(withinMilliseconds milliseconds: Int64) {
        for worker in workers { worker.send(.drain(milliseconds)) }
    }
}
