import Configuration
import JOSE
import Signatures

/// The keys that a configuration names, read and checked. Holds secrets; has no description.
struct LoadedKeys: Sendable {
    struct Entry: Sendable {
        var key: Key
        /// Index into `Configuration.keys`: a set has many keys in one entry.
        var source: Int
    }

    /// In the order of the configuration; the keys of a set in the order of its file. Of sets that are fetched, those that were
    /// there when `filled` was called.
    private(set) var entries: [Entry] = []
    /// What is to be fetched, and which entry of the configuration says so.
    private(set) var remote: [(source: RemoteKeys.Source, index: Int)] = []
    /// What is known of it.
    private(set) var fetched: FetchedKeys?
    /// Index into `entries` of the key that signs.
    private(set) var signing: Int?
    /// Whether others verify by the gateway's own keys: tokens then name the one that signed them.
    private var isPublished: Bool
    /// What is doubtful about the files themselves.
    private(set) var warnings: [Diagnostic] = []

    /// A key file is one key, or one set.
    static let fileBytesMax = 1 << 20

    /// - Throws: everything that is wrong with any key, each with its place in the configuration file.
    init(_ configuration: Configuration) throws(ConfigurationRefusal) {
        isPublished = configuration.publishedKeys != nil
        var errors: [Diagnostic] = []
        for (index, entry) in configuration.keys.enumerated() {
            do {
                if let source = try remoteSource(entry, of: configuration) {
                    remote.append((source, index))
                    continue
                }
                let keys = try load(entry, of: configuration)
                if entry.use == .sign { signing = entries.count }
                entries.append(contentsOf: keys.map { Entry(key: $0, source: index) })
            } catch {
                errors.append(Diagnostic(.error, at: error.place ?? entry.source.place, error.message))
            }
        }
        guard errors.isEmpty else {
            throw ConfigurationRefusal(file: configuration.file, diagnostics: errors)
        }
        // Nothing has been fetched yet.
        self = filled({ _ in nil }, state: nil)
    }

    /// The same keys, with those of fetched sets as they are now.
    /// - Parameters:
    ///   - keys: of a set; nil when it is not there.
    ///   - state: what verifiers have to know of these sets.
    func filled(_ keys: (RemoteKeys.Source) -> [Key]?, state: FetchedKeys?) -> LoadedKeys {
        guard !remote.isEmpty else { return self }
        var next = self
        let signingSource = signing.map { entries[$0].source }
        next.entries.removeAll { entry in remote.contains { $0.index == entry.source } }
        for (source, index) in remote {
            let place = next.entries.firstIndex { $0.source > index } ?? next.entries.endIndex
            next.entries.insert(contentsOf: (keys(source) ?? []).map { Entry(key: $0, source: index) }, at: place)
        }
        next.signing = signingSource.flatMap { source in next.entries.firstIndex { $0.source == source } }
        let all = Algorithm.allCases.filter { !$0.isSymmetric }
        let possible = Set(remote.flatMap { $0.source.algorithms.isEmpty ? all : $0.source.algorithms })
        next.fetched = state ?? FetchedKeys(missing: possible, possible: possible, confirmedUntil: NumericDate(seconds: 0))
        return next
    }

    /// Verifiers and a signer with contexts of their own, for one worker.
    func makeKeySet() throws(KeyError) -> KeySet {
        var verifiers: [any SignatureVerifier] = []
        for entry in entries { verifiers.append(try entry.key.makeVerifier()) }
        var signer: (any TokenSigner)?
        var formerSigners: [any TokenSigner] = []
        if let signing {
            let key = entries[signing].key
            signer = try key.makeSigner(named: key.id ?? (isPublished ? key.thumbprint() : nil))
            for (index, entry) in entries.enumerated() where index != signing && entry.key.isPrivate {
                formerSigners.append(try entry.key.makeSigner())
            }
        }
        return KeySet(
            verifiers: verifiers, signer: signer, signingIndex: signing, formerSigners: formerSigners, fetched: fetched)
    }

    /// The public halves of the key pairs that the gateway itself has, as a JWK set.
    func publicJWKSet() -> String { Key.publicJWKSet(entries.map(\.key).filter(\.isPrivate)) }

    /// Whether there is anything in it.
    var hasPublicKeys: Bool { entries.contains { $0.key.isPrivate && !$0.key.algorithm.isSymmetric } }

    private mutating func remoteSource(
        _ entry: Configuration.Key, of configuration: Configuration
    ) throws(Fault) -> RemoteKeys.Source? {
        guard case .jwkSetURL(let address) = entry.source.value, let fetching = entry.fetching else { return nil }
        var authorities: [UInt8]?
        if let path = fetching.authoritiesFile {
            do {
                authorities = try contents(path, isSecret: false, at: entry.source.place, of: configuration)
            } catch {
                throw Fault(message: "\(error)")
            }
        }
        return RemoteKeys.Source(
            address: address, algorithms: entry.allowedAlgorithms.compactMap { Algorithm(rawValue: $0.rawValue) },
            refresh: fetching.refresh.milliseconds, refetch: fetching.refetch.milliseconds,
            maxStale: fetching.maxStale.milliseconds, authorities: authorities)
    }

    private struct Fault: Error {
        var message: String
        var place: Place?
    }

    private mutating func load(
        _ entry: Configuration.Key, of configuration: Configuration
    ) throws(Fault) -> [Key] {
        let algorithm = entry.algorithm.flatMap { Algorithm(rawValue: $0.rawValue) }
        do {
            let keys: [Key]
            switch entry.source.value {
            case .secretFile(let path):
                let text = try contents(path, isSecret: true, at: entry.source.place, of: configuration)
                keys = [try secret(text, entry, algorithm)]
            case .secretEnvironment(let name):
                guard let value = environmentVariable(name) else {
                    throw Fault(message: "the environment has no variable \(name)")
                }
                keys = [try secret(value, entry, algorithm)]
            case .privateKeyFile(let path):
                let text = try contents(path, isSecret: true, at: entry.source.place, of: configuration)
                keys = [try pair(text, entry, algorithm)]
                guard keys[0].isPrivate else { throw KeyError.privateKeyNeeded }
            case .publicKeyFile(let path):
                let text = try contents(path, isSecret: false, at: entry.source.place, of: configuration)
                keys = [try pair(text, entry, algorithm)]
            case .jwkFile(let path):
                let text = try contents(path, isSecret: entry.use == .sign, at: entry.source.place, of: configuration)
                keys = [try Key(jwk: text, algorithm: algorithm, id: entry.id)]
            case .jwkSetFile(let path):
                let text = try contents(path, isSecret: false, at: entry.source.place, of: configuration)
                keys = try set(text, entry)
            case .jwkSetURL: return []  // fetched, not loaded
            }
            if entry.use == .sign, !keys[0].isPrivate { throw KeyError.privateKeyNeeded }
            return keys
        } catch let fault as Fault {
            throw fault
        } catch {
            throw Fault(message: "\(error)")
        }
    }

    private mutating func contents(
        _ path: String, isSecret: Bool, at place: Place, of configuration: Configuration
    ) throws -> [UInt8] {
        let file = try FileContents(
            path: path.relative(toDirectoryOf: configuration.file), bytesMax: Self.fileBytesMax)
        if isSecret, file.isReadableByAll {
            warnings.append(
                Diagnostic(.warning, at: place, "every user of this machine can read \(path)", expected: "mode 0600 or 0640"))
        }
        return file.bytes
    }

    private func secret(_ text: [UInt8], _ entry: Configuration.Key, _ algorithm: Algorithm?) throws -> Key {
        guard let bytes = SecretText.decode(text, as: entry.encoding) else {
            throw Fault(message: "the secret is not written in \(entry.encoding.rawValue)")
        }
        guard let algorithm else { throw Fault(message: "algorithm is missing", place: entry.place) }
        return try Key(secret: bytes, algorithm: algorithm, id: entry.id)
    }

    private func pair(_ text: [UInt8], _ entry: Configuration.Key, _ algorithm: Algorithm?) throws -> Key {
        guard let algorithm else { throw Fault(message: "algorithm is missing", place: entry.place) }
        return try Key(pem: text, algorithm: algorithm, id: entry.id)
    }

    private func set(_ text: [UInt8], _ entry: Configuration.Key) throws -> [Key] {
        let allowed = entry.allowedAlgorithms.compactMap { Algorithm(rawValue: $0.rawValue) }
        return try Key.keys(jwkSet: text, allowing: allowed)
    }
}
