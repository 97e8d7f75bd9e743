import ArgumentParser
import Configuration
import JOSE

/// `slidegate token mint`
struct TokenMintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mint",
        abstract: "Sign a token: for tests, scripts and the first login.",
        usage: "slidegate token mint (--config FILE | KEY OPTIONS) [OPTIONS]",
        discussion: """
            Prints a token that the key at hand signs. Unless told otherwise it begins now, ends after --lifetime and has \
            a random jti; with --config, iss and aud are the first that the configuration accepts.

            EXAMPLES
              slidegate token mint --config slidegate.yaml --subject alice
              slidegate token mint --secret-file jwt.secret --claim role=admin
              slidegate token mint --key-file ed.pem --algorithm EdDSA --lifetime 1h
              slidegate token mint --secret-env KEY --claims '{"sub":"bot","n":1}'

            \(ExitStatus.discussion)
            """)

    @OptionGroup var keyOptions: TokenKeyOptions

    @Option(name: [.customLong("subject"), .customLong("sub")], help: "The sub claim.")
    var subject: String?

    @Option(help: "The iss claim.")
    var issuer: String?

    @Option(help: "The aud claim; may be repeated.")
    var audience: [String] = []

    @Option(help: ArgumentHelp("How long it lives.", valueName: "duration"))
    var lifetime = DurationArgument(seconds: 900)

    @Option(help: ArgumentHelp("Claims as a JSON object; - reads it from standard input.", valueName: "json"))
    var claims: String?

    @Option(
        name: .customLong("claim"),
        help: ArgumentHelp("One claim; the value is JSON when it looks like it, else text. May be repeated.", valueName: "name=value"))
    var assignments: [String] = []

    @Option(help: ArgumentHelp("Issue it at this instant. Default: now.", valueName: "seconds since 1970"))
    var now: Int64?

    func run() throws {
        try reporting {
            let keys = try keyOptions.load()
            let text = try claimsText(keys.configuration)
            let signer = try keys.makeSigner()
            guard let token = CompactJWS.mint(claims: Array(text.json.utf8), signer: signer) else {
                throw CommandFailure("the key does not sign", status: ExitStatus.software)
            }
            Console.write(String(decoding: token, as: UTF8.self))
        }
    }

    private func claimsText(_ configuration: Configuration?) throws -> ClaimsText {
        var text = ClaimsText()
        if let issuer = issuer ?? configuration?.tokens.issuers.first { text.set("iss", issuer) }
        if let subject { text.set("sub", subject) }
        text.set("aud", audience.isEmpty ? Array(configuration?.tokens.audiences.prefix(1) ?? []) : audience)
        if let claims {
            let json = claims == "-" ? try standardInput() : claims
            do {
                try text.merge(json: json)
            } catch {
                throw CommandFailure("--claims is no JSON object: \(error)", status: ExitStatus.dataError)
            }
        }
        for assignment in assignments where !text.set(assignment: assignment) {
            throw ValidationError("--claim wants name=value, not \"\(printable(assignment))\".")
        }
        if !text.contains("iat") { text.set("iat", now ?? currentTime()) }
        if !text.contains("exp") {
            let start = text.integer("iat") ?? now ?? currentTime()
            let (end, overflow) = start.addingReportingOverflow(lifetime.seconds)
            guard !overflow else { throw ValidationError("The token would never end.") }
            text.set("exp", end)
        }
        if !text.contains("jti") { text.set("jti", randomID()) }
        return text
    }

    private func standardInput() throws -> String {
        let bytes = try FileContents.standardInput(bytesMax: LoadedKeys.fileBytesMax)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure("standard input is not UTF-8", status: ExitStatus.dataError)
        }
        return text
    }

    /// 128 bits from the system's generator.
    private func randomID() -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return Base64URL.string(bytes.span)
    }
}
