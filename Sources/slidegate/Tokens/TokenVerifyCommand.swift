import ArgumentParser
import Authentication
import Bytes
import Configuration
import JOSE
import Signatures

/// `slidegate token verify`
struct TokenVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Tell whether a token is good, and why not.",
        usage: "slidegate token verify [TOKEN] (--config FILE | KEY OPTIONS) [OPTIONS]",
        discussion: """
            Does what the gateway does with a token that comes in: form, algorithm, key, signature, then claims. With a \
            configuration it also tells when the token will be renewed.

            EXAMPLES
              slidegate token verify --config slidegate.yaml < token.txt
              slidegate token verify --secret-file jwt.secret < token.txt
              slidegate token verify -q --key-file jwks.json < token.txt && echo good

            \(ExitStatus.discussion)
            """)

    @OptionGroup var input: TokenArgument
    @OptionGroup var keyOptions: TokenKeyOptions

    @Option(help: "An issuer to accept; may be repeated. Default: those of the configuration, else any.")
    var issuer: [String] = []

    @Option(help: "An audience to accept; may be repeated. Default: those of the configuration, else any.")
    var audience: [String] = []

    @Option(help: "How far clocks may differ. Default: that of the configuration, else 0s.")
    var leeway: DurationArgument?

    @Option(help: ArgumentHelp("Verify as of this instant. Default: now.", valueName: "seconds since 1970"))
    var now: Int64?

    @Flag(name: .shortAndLong, help: "Say nothing: the exit code tells.")
    var quiet = false

    func run() throws {
        try reporting {
            var keys = try keyOptions.load()
            if !issuer.isEmpty { keys.rules.issuers = issuer }
            if !audience.isEmpty { keys.rules.audiences = audience }
            if let leeway { keys.rules.leewaySeconds = leeway.seconds }
            let bytes = try input.read()
            let now = now ?? currentTime()
            let verifier = try keys.makeVerifier()
            let token: VerifiedToken
            do throws(TokenRefusal) {
                token = try verifier.verify(bytes.span, now: NumericDate(seconds: now))
            } catch {
                if !quiet { Console.complain("token refused: \(error.code) (\(error.reason)): \(error)") }
                throw ExitCode(ExitStatus.negative)
            }
            if !quiet { Console.write(describe(token, keys, now: now).joined(separator: "\n")) }
        }
    }

    private func describe(_ token: VerifiedToken, _ keys: TokenKeys, now: Int64) -> [String] {
        var lines = ["The token is good."]
        let id = token.keyIndex < keys.keys.count ? keys.keys[token.keyIndex].id : nil
        lines.append("  signed with  \(token.algorithm.rawValue), \(id.map { "kid \"\(printable($0))\"" } ?? "a key without kid")")
        if let subject = token.claims.string(.subject) { lines.append("  subject      \(printable(subject))") }
        lines.append("  ends         \(InstantText.describe(token.expiration.seconds, now: now))")
        if let configuration = keys.configuration {
            lines.append("  renewal      \(renewal(of: token, configuration, now: now))")
        }
        if let cap = keys.configuration?.sliding?.sessionCap, let anchor = token.anchor {
            let end = anchor.advanced(bySeconds: cap.wholeSeconds)
            lines.append("  session ends \(InstantText.describe(end.seconds, now: now))")
        }
        return lines
    }

    private func renewal(of token: VerifiedToken, _ configuration: Configuration, now: Int64) -> String {
        guard let sliding = configuration.sliding else { return "never: there is no sliding in this configuration" }
        let decision = RenewalPolicy(sliding).decide(
            expiration: token.expiration.seconds, issuedAt: token.issuedAt?.seconds, anchor: token.anchor?.seconds, now: now)
        switch decision {
        case .renew(let renewal):
            return "due now; its successor ends \(InstantText.describe(renewal.expiration, now: now))"
        case .skip(.notDue):
            let start = IdleTime(sliding).windowStart(
                expiration: token.expiration.seconds, issuedAt: token.issuedAt?.seconds)
            return "due \(start.map { InstantText.describe($0, now: now) } ?? "later")"
        case .skip(.noAnchor), .skip(.lifetimeUnknown):
            return "never: the token does not say when it was issued"
        case .skip(.bufferExceedsLifetime):
            return "never: the token lives no longer than the buffer"
        case .skip(.sessionCap):
            return "never: the session is at its end"
        case .skip(let reason):
            return "not due: \(reason.rawValue)"
        }
    }
}
