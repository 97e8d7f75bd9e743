import ArgumentParser
import Bytes
import JOSE

/// `slidegate token inspect`
struct TokenInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what a token says, without believing it.",
        usage: "slidegate token inspect [TOKEN] [--json]",
        discussion: """
            Prints header and claims, with the dates in words. Nothing is verified: anyone can write a token that says \
            anything. Whether it is good, `slidegate token verify` tells.

            EXAMPLES
              slidegate token inspect < token.txt
              xclip -o | slidegate token inspect
              slidegate token inspect --json < token.txt | jq .claims.sub

            \(ExitStatus.discussion)
            """)

    @OptionGroup var input: TokenArgument

    @Flag(help: "Print {\"header\":…,\"claims\":…} as it was written, and nothing else.")
    var json = false

    @Option(help: .hidden)
    var now: Int64?

    func run() throws {
        try reporting {
            let bytes = try input.read()
            let token: UnverifiedToken
            let claims: ClaimsSet
            do {
                token = try UnverifiedToken(bytes.span, limits: .keyFile)
                claims = try token.claims()
            } catch {
                throw CommandFailure("this is no token: \(error)", status: ExitStatus.dataError)
            }
            if json {
                Console.write("{\"header\":\(text(of: token.header.parameters)),\"claims\":\(text(of: claims))}")
            } else {
                Console.write(describe(token, claims, now: now ?? currentTime()))
            }
        }
    }

    private func describe(_ token: UnverifiedToken, _ claims: ClaimsSet, now: Int64) -> String {
        let signatureBytes = token.signature.count
        var lines = ["NOT VERIFIED. Anyone can write a token that says this; `slidegate token verify` tells whether it is good."]
        lines += ["", "HEADER"] + members(of: token.header.parameters) { _ in nil }
        lines += ["", "CLAIMS"]
        lines += members(of: claims) { member in
            guard Self.dates.contains(claims.name(of: member)), let seconds = claims.integer(of: member) else { return nil }
            return InstantText.describe(seconds, now: now)
        }
        lines += ["", "SIGNATURE", "  \(signatureBytes) bytes, not checked"]
        return lines.joined(separator: "\n")
    }

    private static let dates = ["exp", "nbf", "iat", "orig_iat", "auth_time", "updated_at"]

    private func members(of object: JSONObject, remark: (JSONMember) -> String?) -> [String] {
        let names = object.members.map { printable(object.name(of: $0)) }
        let width = min(20, names.map(\.count).max() ?? 0)
        return zip(names, object.members).map { name, member in
            let value = object.withValue(of: member) { String(copying: $0) }
            let padding = String(repeating: " ", count: max(0, width - name.count))
            return "  \(name)\(padding)  \(printable(value))" + (remark(member).map { "  (\($0))" } ?? "")
        }
    }

    private func text(of object: JSONObject) -> String { object.withText { String(copying: $0) } }
}
