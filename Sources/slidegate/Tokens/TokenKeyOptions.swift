import ArgumentParser
import Authentication
import Configuration
import JOSE
import Signatures

/// Where a `token` command finds its keys: a configuration, or one file.
struct TokenKeyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Take keys and rules from this configuration.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("An HMAC secret; one line break at the end is not part of it.", valueName: "file"))
    var secretFile: String?

    @Option(help: ArgumentHelp("An HMAC secret in this environment variable.", valueName: "name"))
    var secretEnv: String?

    @Option(help: ArgumentHelp("How the secret is written: text, base64, base64url or hex.", valueName: "encoding"))
    var encoding: Configuration.Key.SecretEncoding?

    @Option(help: ArgumentHelp("A key in PEM, a JWK or a JWK set.", valueName: "file"))
    var keyFile: String?

    @Option(help: ArgumentHelp("The key's algorithm. HS256 where a secret is given; JWKs may say it.", valueName: "name"))
    var algorithm: Algorithm?

    func validate() throws {
        let sources = [config, secretFile, secretEnv, keyFile].compactMap { $0 }
        guard sources.count == 1 else {
            throw ValidationError("Give one of --config, --secret-file, --secret-env and --key-file.")
        }
        if config != nil, algorithm != nil || encoding != nil {
            throw ValidationError("With --config, the file says --algorithm and --encoding.")
        }
        if encoding != nil, secretFile == nil, secretEnv == nil {
            throw ValidationError("--encoding tells how a secret is written.")
        }
    }

    /// Reads the keys.
    func load() throws -> TokenKeys {
        if let config {
            let configuration = try Configuration(readingFile: config)
            let keys = try LoadedKeys(configuration)
            return TokenKeys(
                keys: keys.entries.map(\.key), signing: keys.signing,
                rules: AuthenticationPolicy(configuration).validation, configuration: configuration)
        }
        do {
            return TokenKeys(keys: try loadOne(), signing: 0, rules: ValidationRules(), configuration: nil)
        } catch let error as KeyError {
            throw CommandFailure("\(keyFile ?? secretFile ?? secretEnv ?? ""): \(error)", status: ExitStatus.dataError)
        }
    }

    private func loadOne() throws -> [Key] {
        if let keyFile {
            let text = try FileContents(path: keyFile, bytesMax: LoadedKeys.fileBytesMax).bytes
            guard text.first(where: { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }) == UInt8(ascii: "{") else {
                guard let algorithm else { throw ValidationError("A PEM file needs --algorithm.") }
                return [try Key(pem: text, algorithm: algorithm)]
            }
            if isKeySet(text) { return try Key.keys(jwkSet: text, allowing: algorithm.map { [$0] } ?? []) }
            return [try Key(jwk: text, algorithm: algorithm, id: nil)]
        }
        let text: [UInt8]
        if let secretFile {
            text = try FileContents(path: secretFile, bytesMax: LoadedKeys.fileBytesMax).bytes
        } else {
            text = try environmentValue(secretEnv ?? "")
        }
        guard let secret = SecretText.decode(text, as: encoding ?? .text) else {
            throw CommandFailure(
                "the secret is not written in \((encoding ?? .text).rawValue)", status: ExitStatus.dataError)
        }
        return [try Key(secret: secret, algorithm: algorithm ?? .HS256)]
    }

    private func environmentValue(_ name: String) throws -> [UInt8] {
        guard let value = environmentVariable(name) else {
            throw CommandFailure("the environment has no variable \(name)", status: ExitStatus.noInput)
        }
        return value
    }

    private func isKeySet(_ text: [UInt8]) -> Bool {
        (try? JSONObject(parsing: text, limits: .keyFile))?.contains("keys") ?? false
    }
}

extension TokenLimits {
    /// For JSON that the operator gives, not a client.
    static let keyFile = TokenLimits(tokenBytesMax: LoadedKeys.fileBytesMax, nestingMax: 8, membersMax: 1024)
}

/// What a `token` command works with.
struct TokenKeys {
    var keys: [Key]
    /// Index of the key that signs.
    var signing: Int?
    var rules: ValidationRules
    var configuration: Configuration?

    /// - Throws: when no key can sign.
    func makeSigner() throws -> any TokenSigner {
        guard let signing, keys[signing].isPrivate else {
            throw CommandFailure("there is no key that can sign", status: ExitStatus.dataError)
        }
        return try keys[signing].makeSigner()
    }

    func makeVerifier() throws -> TokenVerifier {
        TokenVerifier(keys: KeySet(verifiers: try keys.map { try $0.makeVerifier() }), rules: rules)
    }
}

extension Algorithm: ExpressibleByArgument {}
extension Configuration.Key.SecretEncoding: ExpressibleByArgument {}

/// A duration as configuration files write it.
struct DurationArgument: ExpressibleByArgument {
    var seconds: Int64

    init?(argument: String) {
        guard let duration = DurationText.parse(argument), duration.components.attoseconds == 0 else { return nil }
        seconds = duration.components.seconds
    }

    init(seconds: Int64) { self.seconds = seconds }

    var defaultValueDescription: String { DurationText.format(.seconds(seconds)) }
}
