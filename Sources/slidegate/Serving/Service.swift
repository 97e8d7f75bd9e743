import Authentication
import Configuration
import EventLoop
import Glibc
import Metrics
import Proxy

/// A running gateway and its control thread: signals, reload, hand-over, the way to an orderly end.
final class Service {
    private enum Phase {
        case serving
        /// An heir is starting; a reload that is asked for meanwhile waits for what becomes of it.
        case handingOver(Handover, isReloadDue: Bool)
        /// It serves, and so does this process, until the service manager knows the heir.
        case handedOver
        /// `isUrgent`: a signal has asked for the end, and another one means at once.
        case draining(isUrgent: Bool)
    }

    /// Nil: the configuration is built in, and there is nothing to reload.
    private let path: String?
    private let loop: EventLoop
    private let log: LogWriter
    private let workerCount: Int
    private let descriptorLimit: Int
    /// Of the settings made last.
    private var generation = 0
    private var configuration: Configuration
    private let dependencies: Dependencies
    private let stores: StoreKeeper
    private let accessLogs: AccessLogKeeper
    private let sessionAPI: SessionAPI
    private var report: ServiceReport
    /// Counts the times that the file was read, so that the newest wins.
    private var reloadCount = 0
    private var gateway: Gateway?
    private var administration: Administration!
    /// One for the process: it outlives reloads.
    private let mintCache = SharedMintCache()
    /// One for the process too, and for the one that takes over.
    private let ticketKeys: TicketKeys
    private let pidFile: PidFile?
    private let invocation = Invocation()
    private let manager = SystemdNotify()
    private var signals: [LoopSignal] = []
    private var watchdog: LoopTimer?
    private var phase = Phase.serving
    /// Kept after it serves, so that its end is noticed and waited for.
    private var heir: Handover?
    private var barrier: MessagePipeReader?
    private var barrierTimer: LoopTimer?

    /// Starts to serve; everything that can fail has failed when this returns.
    /// - Parameters:
    ///   - path: read again at each SIGHUP.
    ///   - pidFile: written when the process serves.
    ///   - inherited: listening sockets that came with the process, and whom it takes over from.
    ///   - loop: the control thread's, which `run` runs.
    init(
        _ configuration: Configuration, path: String?, pidFile: PidFile? = nil,
        inheriting inherited: consuming InheritedSockets = InheritedSockets(),
        on loop: EventLoop, log: LogWriter
    ) throws {
        self.path = path
        self.pidFile = pidFile
        ticketKeys = try TicketKeys()
        if let predecessor = inherited.predecessor { ticketKeys.take(message: predecessor.message) }
        self.loop = loop
        self.log = log
        self.configuration = configuration
        report = ServiceReport(path: path, on: loop)
        ignoreBrokenPipeSignal()
        descriptorLimit = raiseDescriptorLimit()
        DescriptorReserve.keep(
            Limits.descriptorsForAdministration(descriptorLimit: descriptorLimit), of: descriptorLimit)
        workerCount =
            switch configuration.workers {
            case .automatic: availableProcessorCount()
            case .count(let count): count
            }
        for warning in inherited.warnings { log.write("slidegate: \(warning)") }
        dependencies = try Dependencies(configuration, on: loop, log: log)
        stores = try StoreKeeper(on: loop, log: log)
        accessLogs = AccessLogKeeper(teller: log)
        sessionAPI = try SessionAPI(on: loop, log: log)
        let keys = try LoadedKeys(configuration)
        let tls = try LoadedTLS(configuration, ticketKeys: ticketKeys)
        let sessions = try LoadedSessions(configuration)
        let access = try accessLogs.prepare(configuration)
        let store = try stores.prepare(sessions, of: configuration)
        try prepareAtStart(configuration, keys, store)
        var settings = try settings(of: configuration, keys, tls, sessions, store)
        settings.accessLog = access?.settings
        var sockets = inherited.listening
        let sources = AdminSources(
            collectReport: { [unowned self] onDone in collectReport(onDone) }, readiness: { [unowned self] in readiness },
            store: { [unowned stores] in stores.report }, service: { [unowned self] in currentReport })
        administration = Administration(on: loop, sources, sessions: sessionAPI)
        let preparation = try administration.prepare(configuration, inheriting: &sockets)
        gateway = try Gateway(
            settings, workerCount: workerCount, inheriting: sockets, log: log, on: loop
        ) { [unowned self] counters in ended(counters) }
        try administration.adopt(preparation)
        signals = try [
            LoopSignal(SIGTERM, on: loop) { [unowned self] in terminate() },
            LoopSignal(SIGINT, on: loop) { [unowned self] in terminate() },
            LoopSignal(SIGHUP, on: loop) { [unowned self] in reload() },
            LoopSignal(SIGUSR2, on: loop) { [unowned self] in handOver() },
            LoopSignal(SIGUSR1, on: loop) { [unowned self] in accessLogs.reopen() },
        ]
        accessLogs.adopt(access)
        adopt(store, sessions, configuration, keys)
        applied(settings, configuration, keys, tls)
        report.generation = settings.generation
        warn(of: configuration, keys.warnings + tls.warnings + (sessions?.warnings ?? []) + (access?.warnings ?? []))
        announce()
        try startWatchdog()
        try pidFile?.write()
        if let predecessor = inherited.predecessor {
            predecessor.tellReady()  // and it tells the service manager
        } else {
            manager?.tell("READY=1", "STATUS=\(status)")
        }
    }

    /// Where the gateway listens.
    var addresses: [SocketAddress] { gateway?.addresses ?? [] }

    /// Serves until a signal ends it and the last exchange is over.
    func run() {
        StartupMemory.giveBack()
        loop.run()
        pidFile?.remove()
        accessLogs.close()
        log.close()
    }

    private func settings(
        of configuration: Configuration, _ keys: LoadedKeys, _ tls: LoadedTLS, _ sessions: LoadedSessions?, _ store: OpenStore?
    ) throws(ConfigurationRefusal) -> ProxySettings {
        var settings = try ProxySettings(
            configuration, tls, descriptorLimit: descriptorLimit, workerCount: workerCount,
            addresses: { dependencies.addresses(of: $0) },
            makeAuthenticator: makeAuthenticatorFactory(for: configuration, dependencies.filled(keys), mintCache: mintCache))
        try settings.addSessions(sessions, store, in: configuration.file)
        generation += 1
        settings.generation = generation
        settings.requestKeys = keys.remote.isEmpty ? nil : dependencies.requestKeys
        settings.servedFiles = ServedFiles(configuration, keys, sessions)
        return settings
    }

    private func warn(of configuration: Configuration, _ warnings: [Diagnostic]) {
        for warning in configuration.warnings + warnings { log.write("slidegate: \(warning.line(file: configuration.file))") }
        let affordable = Limits.affordableConnections(descriptorLimit: descriptorLimit, workerCount: workerCount)
        if affordable < configuration.limits.connectionsMax {
            log.write(
                "slidegate: warning: \(descriptorLimit) file descriptors allow for \(affordable) connections, fewer than "
                    + "limits.connections (\(configuration.limits.connectionsMax)); raise the hard limit (ulimit -n, LimitNOFILE=)")
        }
    }

    private func announce() {
        for address in addresses { log.write("slidegate: listening on \(address)") }
        if let socket = administration.socket { log.write("slidegate: administration on \(socket.address)") }
    }

    /// Whether new connections are welcome here.
    private var readiness: Readiness {
        switch phase {
        case .serving, .handingOver: stores.isReady ? .ready : .loading
        case .handedOver, .draining: .draining
        }
    }

    private var currentReport: ServiceReport {
        var report = report
        report.addresses = addresses
        report.keySets = dependencies.keySets
        report.droppedLogLines = [("decisions", log.droppedLines), ("access", accessLogs.droppedLines)]
        report.sessionCapSeconds = configuration.sliding?.sessionCap.map { $0.milliseconds / 1000 }
        return report
    }

    private var status: String { "serving on " + addresses.map { "\($0)" }.joined(separator: ", ") }

    /// The control thread alone stands for the process: workers share nothing with it that could hold it up.
    private func startWatchdog() throws {
        guard let manager, let interval = manager.watchdogInterval else { return }
        watchdog = try LoopTimer(on: loop) { [unowned self] in
            manager.tell("WATCHDOG=1")
            watchdog?.schedule(afterMilliseconds: interval)
        }
        watchdog?.schedule(afterMilliseconds: interval)
    }

    private func ended(_ counters: Counters) {
        var counters = counters
        counters += dependencies.counters
        let counts = Counter.allCases.map { "\($0.name)=\(counters[$0])" }
        administration.end()
        stores.close()
        log.write("slidegate: stopped; \(counts.joined(separator: " "))")
        loop.stop()
    }
}

// MARK: - Dependencies

extension Service {
    /// Waits, within bounds, until names have been looked up, keys been fetched and revocations been loaded, so that the first
    /// request finds them.
    private func prepareAtStart(_ configuration: Configuration, _ keys: LoadedKeys, _ store: OpenStore?) throws {
        var isReady = false
        try prepare(configuration, keys, store) { [unowned loop] in
            isReady = true
            loop.stop()
        }
        if !isReady { loop.run() }
    }

    private func prepare(
        _ configuration: Configuration, _ keys: LoadedKeys, _ store: OpenStore?, then body: @escaping () -> Void
    ) throws {
        var pending = 2
        let done = {
            pending -= 1
            if pending == 0 { body() }
        }
        try dependencies.prepare(configuration, keys, then: done)
        try stores.whenLoaded(store, then: done)
    }

    /// The workers' reports, and what the control thread itself has counted.
    private func collectReport(_ onDone: @escaping (GatewayReport) -> Void) {
        gateway?.collectReport { [unowned self] report in
            var report = report
            report.total.counters += dependencies.counters
            onDone(report)
        }
    }

    /// The session API, as the workers, goes by it from now on.
    private func adopt(_ store: OpenStore?, _ sessions: LoadedSessions?, _ configuration: Configuration, _ keys: LoadedKeys) {
        stores.adopt(store, sessions)
        guard let store, let sessions else {
            sessionAPI.backend = nil
            return
        }
        sessionAPI.backend = SessionAPI.Backend(
            rules: sessions.rules, store: store.store,
            issuer: SessionIssuer(sessions, configuration, keys, mintCache: mintCache))
    }

    private func applied(_ settings: ProxySettings, _ configuration: Configuration, _ keys: LoadedKeys, _ tls: LoadedTLS) {
        report.digest = configuration.digest
        report.certificates = tls.certificateReports(of: configuration)
        dependencies.applied(settings, of: configuration, keys, by: gateway) { [mintCache, log] keys in
            do {
                return try makeAuthenticatorFactory(for: configuration, keys, mintCache: mintCache)
            } catch {
                log.write("slidegate: the keys that were fetched cannot be used: \(error)")
                return nil
            }
        }
    }
}

// MARK: - Reload

extension Service {
    private func reload() {
        switch phase {
        case .serving: readConfiguration()
        case .handingOver(let handover, _):
            phase = .handingOver(handover, isReloadDue: true)
            log.write("slidegate: reload put off until it is known whether the new process serves, which reads the file anyway")
        case .handedOver, .draining: break
        }
    }

    /// All or nothing: whatever is wrong with the new file, the old configuration stays in force.
    private func readConfiguration() {
        guard let path else { return }
        manager?.tellReloading()
        // What an earlier reload still waits for comes to nothing, also when this one is refused.
        reloadCount += 1
        do {
            let next = try Configuration(readingFile: path)
            guard next.workers == configuration.workers else {
                let message = "workers cannot change by a reload; SIGUSR2 hands over to a process that has so many, or restart it"
                throw ConfigurationRefusal(file: path, diagnostics: [Diagnostic(.error, at: .file, message)])
            }
            let keys = try LoadedKeys(next)
            let tls = try LoadedTLS(next, ticketKeys: ticketKeys)
            let sessions = try LoadedSessions(next)
            let access = try accessLogs.prepare(next)
            let store = try stores.prepare(sessions, of: next)
            // Made once before anything is waited for: what is wrong with the file is said at once.
            _ = try settings(of: next, keys, tls, sessions, store)
            try prepare(next, keys, store) { [unowned self, reloadCount] in
                if reloadCount == self.reloadCount { apply(next, keys, tls, sessions, store, access, from: path) }
            }
        } catch {
            refuseReload(error)
        }
    }

    private func apply(
        _ next: Configuration, _ keys: LoadedKeys, _ tls: LoadedTLS, _ sessions: LoadedSessions?, _ store: OpenStore?,
        _ access: AccessLogKeeper.OpenLog?, from path: String
    ) {
        switch phase {
        case .serving, .handingOver: break
        case .handedOver, .draining: return
        }
        do {
            var settings = try settings(of: next, keys, tls, sessions, store)
            settings.accessLog = access?.settings
            var noSockets: [ListeningSocket] = []
            let preparation = try administration.prepare(next, inheriting: &noSockets)
            try gateway?.apply(settings)
            try administration.adopt(preparation)
            configuration = next
            accessLogs.adopt(access)
            adopt(store, sessions, next, keys)
            applied(settings, next, keys, tls)
            warn(of: next, keys.warnings + tls.warnings + (sessions?.warnings ?? []) + (access?.warnings ?? []))
            report.applied(generation: settings.generation, at: loop.wallSeconds)
            log.write("slidegate: configuration reloaded from \(path)")
            announce()
            manager?.tell("READY=1", "STATUS=\(status)")
            StartupMemory.giveBack()
        } catch {
            refuseReload(error)
        }
    }

    private func refuseReload(_ error: any Error) {
        stores.discard()
        report.refused(describe(error), at: loop.wallSeconds)
        for line in describe(error) { log.write("slidegate: \(line)") }
        log.write("slidegate: reload refused; the configuration from before stays in force")
        manager?.tell("READY=1", "STATUS=\(status); the last reload was refused")
    }
}

// MARK: - Hand-over

extension Service {
    /// Starts the program anew with the listening sockets; this process ends when the other one serves.
    private func handOver() {
        do {
            switch phase {
            case .serving: break
            case .handingOver, .handedOver: throw CommandFailure("one is under way", status: ExitStatus.software)
            case .draining: throw CommandFailure("this process is draining", status: ExitStatus.software)
            }
            guard path != nil else { throw CommandFailure("the configuration is built in", status: ExitStatus.software) }
            guard getpid() != 1 else {
                throw CommandFailure("this is process 1, and a container ends with it", status: ExitStatus.software)
            }
            let handover = try Handover(invocation, with: socketsToPassOn, message: ticketKeys.message(), on: loop) {
                [unowned self] outcome in concludeHandOver(outcome)
            }
            heir = handover
            phase = .handingOver(handover, isReloadDue: false)
            log.write("slidegate: handing over to process \(handover.process)")
        } catch {
            for line in describe(error) { log.write("slidegate: no hand-over: \(line)") }
        }
    }

    /// Every socket that this process listens on. One that is left out is in use when the new process wants to bind it.
    private var socketsToPassOn: [ListeningSocket] {
        (gateway?.listeningSockets ?? []) + (administration.socket.map { [$0] } ?? [])
    }

    private func concludeHandOver(_ outcome: Handover.Outcome) {
        guard case .handingOver(_, let isReloadDue) = phase else { return }
        switch outcome {
        case .ready(let process):
            phase = .handedOver
            administration.handOver()
            log.write("slidegate: process \(process) serves")
            introduce(process)
        case .failed(let reason):
            heir = nil
            phase = .serving
            log.write("slidegate: the new process did not come to serve: \(reason); this process goes on")
            if isReloadDue { readConfiguration() }
        }
    }

    /// Makes the heir the main process of the service, and drains once the service manager has taken note: a process
    /// that ended before would be taken for the end of the service.
    private func introduce(_ process: pid_t) {
        guard let manager, let pipe = try? MessagePipe() else { return drain(isUrgent: false) }
        manager.tell("MAINPID=\(process)", "STATUS=handed over to process \(process)")
        manager.sendBarrier(pipe.theirs)
        close(pipe.theirs)
        do {
            barrier = try MessagePipeReader(pipe.ours, on: loop) { [unowned self] _ in introduced() }
            barrierTimer = try LoopTimer(on: loop) { [unowned self] in introduced() }
            barrierTimer?.schedule(afterMilliseconds: SystemdNotify.barrierTimeMax)
        } catch {
            introduced()
        }
    }

    private func introduced() {
        barrierTimer?.cancel()
        guard case .handedOver = phase else { return }
        drain(isUrgent: false)
    }
}

// MARK: - The end

extension Service {
    private func terminate() {
        switch phase {
        case .serving:
            manager?.tell("STOPPING=1", "STATUS=draining")
        case .handingOver(let handover, _):
            handover.cancel()
            manager?.tell("STOPPING=1", "STATUS=draining")
        case .handedOver: break
        case .draining(isUrgent: false):
            phase = .draining(isUrgent: true)
            log.write("slidegate: draining already; another signal ends it at once")
            return
        case .draining(isUrgent: true): _exit(ExitStatus.interrupted)
        }
        drain(isUrgent: true)
    }

    private func drain(isUrgent: Bool) {
        if case .handedOver = phase {} else { gateway?.removeSocketFiles() }
        phase = .draining(isUrgent: isUrgent)
        log.write("slidegate: draining, at most \(configuration.timeouts.drain)")
        gateway?.drain(withinMilliseconds: configuration.timeouts.drain.milliseconds)
    }
}
