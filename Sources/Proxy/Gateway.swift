package import Authentication
package import EventLoop
package import JOSE
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
        case ended(WorkerReport)
        case report(ticket: Int, WorkerReport)
        case failed(EventLoopError)
    }

    /// Where the gateway listens: the configured addresses, with the port that the system gave for port 0.
    package var addresses: [SocketAddress] { bindings.map(\.address) }

    /// In the configuration's order. Workers hold the sockets too: one closes when both have let go of it.
    private var bindings: [ListenerBinding] = []
    /// Sockets of a service manager that no listener is configured for: kept, since connections to them wait whether or not
    /// this process knows them, and a reload may ask for them.
    private var parked: [ListeningSocket] = []
    private let log: LogWriter
    private let shared = SharedLimits()
    private let onEnded: (Counters) -> Void
    private var workers: [Mailbox<WorkerMail>] = []
    private var threads: [LoopThread] = []
    private var running = 0
    /// Of the workers that have ended.
    private var ended = WorkerReport()
    private let loop: EventLoop
    private var collection: ReportCollection?
    private var nextTicket = 0
    private var waiting: [(GatewayReport) -> Void] = []
    private let openSessions = OpenSessions()
    private let reports: Mailbox<Report>
    private var inbox: Inbox<Report>?

    /// Binds every address for every worker, then starts the workers; nothing is served unless all of that succeeds.
    /// - Parameters:
    ///   - inherited: sockets that came with the process; those on a configured address are served from.
    ///   - loop: the control thread's.
    ///   - onEnded: called on the control thread when the last worker has ended, with what they have done in all.
    package init(
        _ settings: ProxySettings, workerCount: Int, inheriting inherited: [ListeningSocket] = [], log: LogWriter,
        on loop: EventLoop, onEnded: @escaping (Counters) -> Void
    ) throws(GatewayError) {
        self.log = log
        self.loop = loop
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
        parked = inherited
        bindings = try bind(settings.listeners.map(\.address), workerCount: workerCount)
        setFileModes(settings.listeners)
        reportParked()
        do throws(SocketError) {
            for worker in 0..<workerCount {
                let sockets = bindings.flatMap { $0.sockets(ofWorker: worker, of: workerCount) }
                try start(settings, sockets, number: worker)
            }
        } catch {
            throw .cannotStart("\(error)")
        }
    }

    /// Every socket that this process listens on or has been given, for an heir to go on with.
    package var listeningSockets: [ListeningSocket] { bindings.flatMap(\.sockets) + parked }

    /// Binds what is not bound yet; nothing has changed when it throws.
    private func bind(_ requested: [SocketAddress], workerCount: Int) throws(GatewayError) -> [ListenerBinding] {
        var neighbours = listeningSockets.map(\.address)
        var unused = parked
        var next: [ListenerBinding] = []
        // Port 0 takes what is left of a host's sockets.
        for address in requested.filter({ $0.port != 0 }) + requested.filter({ $0.port == 0 }) {
            if let kept = bindings.first(where: { $0.requested == address }) {
                next.append(kept)
                continue
            }
            do throws(SocketError) {
                let binding = try ListenerBinding(
                    address, workerCount: workerCount, inheriting: &unused, neighbours: neighbours)
                neighbours.append(binding.address)
                next.append(binding)
            } catch {
                throw .cannotListen(error)
            }
        }
        // What a service manager holds is kept, though nobody accepts from it any more.
        let gone = bindings.filter { !requested.contains($0.requested) }
        parked = (unused + gone.flatMap(\.sockets)).filter { !$0.isOwn }
        for binding in gone { binding.removeFiles() }
        return requested.compactMap { address in next.first { $0.requested == address } }
    }

    /// Who may connect to the Unix sockets of the program's own, as the settings say it now.
    private func setFileModes(_ listeners: [ListenerSettings]) {
        for (listener, binding) in zip(listeners, bindings) {
            do throws(SocketError) {
                try binding.setFileMode(listener.fileMode)
            } catch {
                log.write("slidegate: warning: \(error)")
            }
        }
    }

    /// Removes the files of Unix sockets: for the end of the program, when nobody goes on with them.
    package func removeSocketFiles() {
        for binding in bindings { binding.removeFiles() }
    }

    private func reportParked() {
        for socket in parked {
            log.write(
                "slidegate: warning: no listener is configured for the socket \(socket.name) on \(socket.address): "
                    + "connections to it wait for nobody")
        }
    }

    private func start(
        _ settings: ProxySettings, _ sockets: [WorkerSocket], number: Int
    ) throws(SocketError) {
        let mailbox = try Mailbox<WorkerMail>()
        // By mail, as at a reload: whatever a thread's closure holds stays open until the thread ends.
        mailbox.send(.listen(sockets))
        let thread = try LoopThread(named: "slidegate-\(number)") { [log, reports, openSessions, shared] in
            do throws(EventLoopError) {
                let worker = try Worker(
                    settings, mailbox: mailbox, openSessions: openSessions, shared: shared, logWriter: log
                ) { ticket, report in reports.send(.report(ticket: ticket, report)) }
                reports.send(.ended(worker.run()))
            } catch {
                reports.send(.failed(error))
            }
        }
        workers.append(mailbox)
        threads.append(thread)
        running += 1
    }

    private func receive(_ report: Report) {
        switch report {
        case .report(let ticket, let part):
            if ticket == collection?.ticket { collection?.add(part) }
            return
        case .ended(let part): ended += part
        case .failed(let error): log.write("slidegate: a worker could not start: \(error)")
        }
        running -= 1
        guard running == 0 else { return }
        // A worker frees its keys after its report: the process must not end, and OpenSSL with it, before that.
        for thread in threads { thread.join() }
        onEnded(ended.counters)
    }

    /// Every worker goes over to the settings between two events; exchanges under way end by the old ones.
    /// - Parameter settings: with a `generation` that no settings before had.
    /// - Throws: when a new address cannot be bound; nothing has changed then.
    package func apply(_ settings: ProxySettings) throws(GatewayError) {
        let bound = bindings
        bindings = try bind(settings.listeners.map(\.address), workerCount: workers.count)
        setFileModes(settings.listeners)
        reportParked()
        let fresh = bindings.filter { binding in !bound.contains { $0.requested == binding.requested } }
        for (index, worker) in workers.enumerated() {
            let sockets = fresh.flatMap { $0.sockets(ofWorker: index, of: workers.count) }
            worker.send(.apply(settings, newSockets: sockets))
        }
    }

    /// Every worker goes over to other keys; nothing else changes. For the settings of that generation.
    package func keysChanged(generation: Int, _ makeAuthenticator: @escaping @Sendable () -> Authenticator) {
        for worker in workers { worker.send(.keys(generation: generation, makeAuthenticator)) }
    }

    /// Tells every worker that the sets of keys that are fetched are believed to be whole until then.
    package func keysConfirmed(generation: Int, until date: NumericDate) {
        for worker in workers { worker.send(.keysConfirmed(generation: generation, until: date)) }
    }

    /// Tells every worker what a server's name resolves to at present.
    package func addressesChanged(of server: UpstreamServerID, to addresses: [SocketAddress]) {
        for worker in workers { worker.send(.addresses(server, addresses)) }
    }

    /// Tells every worker whether a server passes the active checks.
    package func healthChanged(of server: UpstreamServerID, isHealthy: Bool) {
        for worker in workers { worker.send(.health(server, isHealthy: isHealthy)) }
    }

    /// Asks every worker what it has done and is doing; calls may overlap and are answered together.
    package func collectReport(_ onDone: @escaping (GatewayReport) -> Void) {
        waiting.append(onDone)
        guard collection == nil else { return }
        nextTicket += 1
        do throws(EventLoopError) {
            collection = try ReportCollection(ticket: nextTicket, workers: running, on: loop) {
                [unowned self] report in collected(report)
            }
            for worker in workers { worker.send(.report(ticket: nextTicket)) }
        } catch {
            collected(GatewayReport())
        }
    }

    private func collected(_ report: GatewayReport) {
        var report = report
        report.total += ended
        collection = nil
        let answered = waiting
        waiting = []
        for onDone in answered { onDone(report) }
    }

    /// Stops accepting and ends when all exchanges have, or after `milliseconds`.
    package func drain(withinMilliseconds milliseconds: Int64) {
        bindings = []
        parked = []
        for worker in workers { worker.send(.drain(milliseconds)) }
    }
}
