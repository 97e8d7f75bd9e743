import ArgumentParser
import Glibc
import JOSE
import Signatures

/// `slidegate keys`
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make keys.", subcommands: [KeysGenerateCommand.self])
}

/// `slidegate keys generate`
struct KeysGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make a new key or secret.",
        usage: "slidegate keys generate --algorithm NAME [OPTIONS]",
        discussion: """
            Writes a private key, or a secret for HS algorithms, to --out, which only its owner may read, or to standard \
            output. A file that is there already is never touched.

            A secret is written in base64url, one line. The gateway takes that line as it stands; where another program \
            decodes it first, say encoding: base64url.

            EXAMPLES
              slidegate keys generate --algorithm HS256 --out jwt.secret
              slidegate keys generate --algorithm EdDSA --out ed.pem --public-out ed.pub
              slidegate keys generate --algorithm ES256 --format jwk --id 2026-11

            \(ExitStatus.discussion)
            """)

    /// How a key is written.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        /// base64url on one line.
        case secret
        /// PKCS#8, and SPKI for the public half.
        case pem
        /// RFC 7517.
        case jwk
    }

    @Option(help: ArgumentHelp("What the key is for.", valueName: "name"))
    var algorithm: Algorithm

    @Option(help: "How to write it. Default: secret for HS algorithms, pem for the others.")
    var format: Format?

    @Option(help: ArgumentHelp("The key's name, for the kid of JWKs.", valueName: "kid"))
    var id: String?

    @Option(help: ArgumentHelp("Of the modulus, for RS and PS algorithms.", valueName: "2048–16384"))
    var bits = 3072

    @Option(help: ArgumentHelp("Write to this new file, mode 0600.", valueName: "file"), completion: .file())
    var out: String?

    @Option(help: ArgumentHelp("Write the public half to this new file.", valueName: "file"), completion: .file())
    var publicOut: String?

    func validate() throws {
        if algorithm.isSymmetric {
            guard format != .pem else { throw ValidationError("A secret has no PEM form; use secret or jwk.") }
            guard publicOut == nil else { throw ValidationError("A secret has no public half.") }
        } else {
            guard format != .secret else { throw ValidationError("A key pair is no secret; use pem or jwk.") }
        }
        guard (2048...16_384).contains(bits) else { throw ValidationError("--bits is from 2048 to 16384.") }
        if id != nil, format != .jwk {
            throw ValidationError("Only JWKs hold an id; for other files the configuration names it.")
        }
    }

    func run() throws {
        try reporting {
            let key = try Key.generate(algorithm, id: id, rsaBits: bits)
            let format = format ?? (algorithm.isSymmetric ? .secret : .pem)
            guard let text = privateText(of: key, format) else {
                throw CommandFailure("the key cannot be written as \(format.rawValue)", status: ExitStatus.software)
            }
            if let out {
                try createFile(out, text, mode: 0o600)
            } else {
                Console.write(text.hasSuffix("\n") ? String(text.dropLast()) : text)
            }
            if let publicOut { try writePublicHalf(of: key, format, to: publicOut) }
        }
    }

    private func privateText(of key: Key, _ format: Format) -> String? {
        switch format {
        case .secret: key.secretText().map { $0 + "\n" }
        case .pem: key.privatePEM()
        case .jwk: key.privateJWK().map { $0 + "\n" }
        }
    }

    /// Half a pair is worse than none: when the public file cannot be made, the private one goes too.
    private func writePublicHalf(of key: Key, _ format: Format, to path: String) throws {
        let text = format == .jwk ? key.publicJWK().map { $0 + "\n" } : key.publicPEM()
        do {
            guard let text else { throw CommandFailure("the key has no public half", status: ExitStatus.software) }
            try createFile(path, text, mode: 0o644)
        } catch {
            if let out { unlink(out) }
            throw error
        }
    }
}
