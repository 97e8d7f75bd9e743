import Authentication
import Configuration
import EventLoop
import Glibc
import Metrics
import Proxy

/// A running gateway and its control thread: signals, reload, the way to an orderly end.
final class Service {
    /// Nil: the configuration is built in, and there is nothing to reload.
    private let path: String?
    private let loop: EventLoop
    private let log: LogWriter
    private let workerCount: Int
    private let descriptorLimit: Int
    private var configuration: Configuration
    private var gateway: Gateway?
    /// One for the process: it outlives reloads.
    private let mintCache = SharedMintCache()
    private var signals: [LoopSignal] = []
    private var isDraining = false

    /// Starts to serve; everything that can fail has failed when this returns.
    /// - Parameters:
    ///   - path: read again at each SIGHUP.
    ///   - loop: the control thread's, which `run` runs.
    init(_ configuration: Configuration, path: String?, on loop: EventLoop, log: LogWriter) throws {
        self.path = path
        self.loop = loop
        self.log = log
        self.configuration = configuration
        ignoreBrokenPipeSignal()
        descriptorLimit = raiseDescriptorLimit()
        workerCount =
            switch configuration.workers {
            case .automatic: availableProcessorCount()
            case .count(let count): count
            }
        let keys = try LoadedKeys(configuration)
        gateway = try Gateway(
            settings(of: configuration, keys), workerCount: workerCount, log: log, on: loop
        ) { [unowned self] counters in ended(counters) }
        signals = try [
            LoopSignal(SIGTERM, on: loop) { [unowned self] in drain() },
            LoopSignal(SIGINT, on: loop) { [unowned self] in drain() },
            LoopSignal(SIGHUP, on: loop) { [unowned self] in reload() },
        ]
        warn(of: configuration, keys)
        announce()
    }

    /// Where the gateway listens.
    var addresses: [SocketAddress] { gateway?.addresses ?? [] }

    /// Serves until a signal ends it and the last exchange is over.
    func run() {
        loop.run()
        log.close()
    }

    private func settings(
        of configuration: Configuration, _ keys: LoadedKeys
    ) throws(ConfigurationRefusal) -> ProxySettings {
        try ProxySettings(
            configuration, descriptorLimit: descriptorLimit, workerCount: workerCount,
            makeAuthenticator: makeAuthenticatorFactory(for: configuration, keys, mintCache: mintCache))
    }

    private func warn(of configuration: Configuration, _ keys: LoadedKeys) {
        for warning in configuration.warnings + keys.warnings { log.write("slidegate: \(warning.line(file: configuration.file))") }
        let affordable = Limits.affordableConnections(descriptorLimit: descriptorLimit, workerCount: workerCount)
        if affordable < configuration.limits.connectionsMax {
            log.write(
                "slidegate: warning: \(descriptorLimit) file descriptors allow for \(affordable) connections, fewer than "
                    + "limits.connections (\(configuration.limits.connectionsMax)); raise the hard limit (ulimit -n, LimitNOFILE=)")
        }
    }

    private func announce() {
        for address in addresses { log.write("slidegate: listening on \(address)") }
    }

    /// All or nothing: whatever is wrong with the new file, the old configuration stays in force.
    private func reload() {
        guard let path, !isDraining else { return }
        do {
            let next = try Configuration(readingFile: path)
            guard next.workers == configuration.workers else {
                throw ConfigurationRefusal(
                    file: path,
                    diagnostics: [Diagnostic(.error, at: .file, "workers cannot change while the gateway runs; restart it")])
            }
            let keys = try LoadedKeys(next)
            try gateway?.apply(settings(of: next, keys))
            configuration = next
            warn(of: next, keys)
            log.write("slidegate: configuration reloaded from \(path)")
            announce()
        } catch {
            for line in describe(error) { log.write("slidegate: \(line)") }
            log.write("slidegate: reload refused; the configuration from before stays in force")
        }
    }

    private func drain() {
        guard !isDraining else { _exit(ExitStatus.interrupted) }  // asked a second time: at once
        isDraining = true
        let milliseconds = configuration.timeouts.drain.milliseconds
        log.write("slidegate: draining, at most \(configuration.timeouts.drain)")
        gateway?.drain(withinMilliseconds: milliseconds)
    }

    private func ended(_ counters: Counters) {
        let counts = Counter.allCases.map { "\($0.name)=\(counters[$0])" }
        log.write("slidegate: stopped; \(counts.joined(separator: " "))")
        loop.stop()
    }
}
