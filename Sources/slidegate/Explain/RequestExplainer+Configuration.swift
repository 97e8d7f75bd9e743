import Authentication
import Configuration
import EventLoop
import Glibc
import HTTP1
import JOSE
import Proxy
import Sessions

extension RequestExplainer {
    /// Explains requests as a gateway with that configuration would serve them: by the very parts that it is made of.
    /// - Parameter enforces: as if no route were in shadow mode.
    init(_ configuration: Configuration, _ keys: LoadedKeys, enforces: Bool) throws {
        var configuration = configuration
        if enforces {
            configuration.mode = .enforce
            for index in configuration.routes.indices { configuration.routes[index].mode = .enforce }
        }
        let sessions = try LoadedSessions(configuration)
        let authenticator = try makeAuthenticatorFactory(for: configuration, keys)()
        self.init(authenticator: authenticator)
        limits = HeadLimits(configuration.limits)
        normalizer = PathNormalizer(encodedSlashes: configuration.paths.encodedSlashes == .keep ? .keep : .refuse)
        files = ServedFiles(configuration, keys, sessions)
        endpoints = try sessions.flatMap { try makeEndpointsFactory($0, in: configuration.file)?(authenticator) }
        decisionPoints = configuration.forwardAuth.map(DecisionPoint.init)
        isProxy = !configuration.upstreams.isEmpty
    }
}

extension RequestExplanation {
    /// Whether the client gets neither what it asks for nor an answer of an endpoint.
    var isRefused: Bool {
        switch answerer {
        case .refusal, .nobody, .decisionPoint(_, isQuestion: false): return true
        case .decisionPoint, .file, .endpoint: return false
        case .route(let decision): if case .refuse = decision.decision { return true } else { return false }
        }
    }
}

/// The sets of keys that a configuration wants fetched, asked for once.
enum FetchedKeySets {
    /// - Throws: what OpenSSL finds wrong with an authority. A set that is not to be had is complained of, and is not there.
    static func fill(_ keys: LoadedKeys, _ configuration: Configuration) throws -> LoadedKeys {
        guard !keys.remote.isEmpty else { return keys }
        let loop = try EventLoop()
        let book = try AddressBook(AddressBook.Settings(configuration.resolver), on: loop) { _, _, _ in }
        let log = try LogWriter(descriptor: STDERR_FILENO, showsTime: false)
        defer { log.close() }
        let remote = RemoteKeys(on: loop, log: log, resolver: { book.resolver }) { _ in }
        var isDone = false
        try remote.follow(Set(keys.remote.map(\.source))) {
            isDone = true
            loop.stop()
        }
        if !isDone { loop.run() }
        return keys.filled({ remote.keys(of: $0) }, state: remote.state(of: keys.remote.map(\.source)))
    }
}

extension StoreVisit {
    /// How long a store may take to tell what is revoked.
    private static let patience: Int64 = 5_000

    /// Has an authenticator know what is revoked, as the store says it.
    /// - Returns: the instant to decide at, on the clock that the store's word is dated by.
    static func loadRevocations(of configuration: Configuration, into authenticator: Authenticator) throws -> Int64 {
        guard let sessions = try LoadedSessions(configuration) else {
            throw CommandFailure("\(configuration.file) says nothing of sessions", status: ExitStatus.configuration)
        }
        guard sessions.store != .memory else {
            throw CommandFailure(
                "\(configuration.file) keeps sessions in the gateway's memory, where no other process sees them",
                status: ExitStatus.configuration)
        }
        if case .sqlite(let path, _) = sessions.store, access(path, F_OK) != 0 {
            throw CommandFailure("the store cannot be opened: there is no file \(path)", status: ExitStatus.systemError)
        }
        let revocations = RevocationSet()
        let store: any SessionStore
        do {
            store = try sessions.store.open(revocations: revocations)
        } catch {
            throw CommandFailure("the store cannot be opened: \(error.reason)", status: ExitStatus.systemError)
        }
        defer { store.close() }
        let deadline = Instant.current().milliseconds + patience
        while revocations.confirmedAt == nil, Instant.current().milliseconds < deadline { usleep(10_000) }
        guard revocations.confirmedAt != nil else {
            throw CommandFailure("the store does not answer", status: ExitStatus.systemError)
        }
        authenticator.revocations = RevocationView(
            revocations, awayAfter: sessions.settings.revocation.awayAfter.milliseconds)
        return Instant.current().milliseconds
    }
}
