import ArgumentParser
import Authentication
import Configuration
import JOSE
import Proxy

/// `slidegate explain`
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tell what becomes of a request, and why, step by step.",
        usage: "slidegate explain CONFIG [--token-file FILE] [--method GET] [--path PATH] [OPTIONS]",
        discussion: """
            Makes the request that the options describe and has the gateway's own code decide about it: which route it is for, where \
            its token is, what each check says, what the API and the client would get, when the token would be renewed and when the \
            session ends. Nothing is sent anywhere. Signatures and tokens are never printed.

            A token on the command line shows in the list of processes: `--token-file -` reads it from standard input. It is put \
            where the configuration looks first; a --header puts it anywhere else.

            What is revoked is known to the store alone, which is asked with --store. Keys that are fetched from an address are \
            fetched with --fetch.

            EXAMPLES
              slidegate explain slidegate.yaml --path /api/orders --token-file token.txt
              slidegate explain slidegate.yaml --path /api/orders --token-file - --at +25m < token.txt
              slidegate explain slidegate.yaml --path /api --method POST --header 'Cookie: session=…'
              slidegate explain slidegate.yaml --path /api --token-file t --json | jq .later

            EXIT CODES, beside those of all commands
              0   the request passes, or the gateway itself answers it
              1   it is refused

            \(ExitStatus.discussion)
            """)

    @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Option(help: "The token of the request; - reads it from standard input.")
    var token: String?

    @Option(help: ArgumentHelp("A file with the token; - reads it from standard input.", valueName: "file"), completion: .file())
    var tokenFile: String?

    @Option(help: "The method of the request.")
    var method = "GET"

    @Option(help: "The path of the request, with its query if it has one.")
    var path = "/"

    @Option(help: "The host that the request is for.")
    var host = "localhost"

    @Option(name: .customLong("header"), help: ArgumentHelp("A further field of the request; may be repeated.", valueName: "name: value"))
    var headers: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Decide as of this instant: seconds since 1970, a date such as 2026-11-21T03:10:06Z, or a time from now such as +25m or -1h. Default: now.",
            valueName: "date"))
    var at: InstantArgument?

    @Option(help: ArgumentHelp("Tell how long the session lasts when it is used at such intervals.", valueName: "duration"))
    var every: DurationArgument?

    @Flag(help: "As if every route were enforced, shadow mode or not.")
    var enforce = false

    @Flag(help: "Ask the store of the configuration what is revoked.")
    var store = false

    @Flag(help: "Fetch the keys that the configuration wants fetched.")
    var fetch = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard token == nil || tokenFile == nil else { throw ValidationError("Give --token or --token-file, not both.") }
        if let every, every.seconds < 1 { throw ValidationError("--every wants a second at least.") }
        for header in headers { _ = try ExplainedRequest.field(header) }
        for (option, text) in [("--method", method), ("--path", path), ("--host", host)] {
            guard !text.isEmpty, !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
                throw ValidationError("\(option) wants text without spaces and line breaks, not \"\(printable(text))\".")
            }
        }
        guard path.hasPrefix("/") || path == "*" || path.contains("://") else {
            throw ValidationError("--path wants a path that begins with /, not \"\(printable(path))\".")
        }
    }

    func run() throws {
        try reporting {
            let configuration = try Configuration(readingFile: config)
            var keys = try LoadedKeys(configuration)
            if fetch { keys = try FetchedKeySets.fill(keys, configuration) }
            let explainer = try RequestExplainer(configuration, keys, enforces: enforce)
            let request = ExplainedRequest(
                method: method, path: path, host: host, fields: try headers.map(ExplainedRequest.field),
                token: try readToken(), source: configuration.tokens.sources.first)
            let now = at?.seconds(from: currentTime()) ?? currentTime()
            let instant = try store ? StoreVisit.loadRevocations(of: configuration, into: explainer.authenticator) : 0
            let explanation = explainer.explain(try request.bytes(), now: NumericDate(seconds: now), instant: instant)
            let text = ExplanationText(
                explanation: explanation, configuration: configuration, keys: keys, now: now, interval: every?.seconds, asksStore: store,
                fetches: fetch)
            Console.write(json ? text.json : text.text)
            if explanation.isRefused { throw ExitCode(ExitStatus.negative) }
        }
    }

    private func readToken() throws -> [UInt8]? {
        if let token { return try TokenArgument.read(token) }
        return try tokenFile.map { try TokenArgument.read(file: $0) }
    }
}

/// A request head, made of what a command line says of it.
struct ExplainedRequest {
    var method: String
    var path: String
    var host: String
    var fields: [(name: String, value: String)]
    var token: [UInt8]?
    /// Where the token is put.
    var source: Configuration.Tokens.Source?

    /// `name: value`
    static func field(_ text: String) throws -> (name: String, value: String) {
        guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else {
            throw ValidationError("--header wants \"name: value\", not \"\(printable(text))\".")
        }
        guard !text.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else {
            throw ValidationError("--header wants one line, not \"\(printable(text))\".")
        }
        return (String(text[..<colon]), String(text[text.index(after: colon)...].drop { $0 == " " }))
    }

    /// - Throws: for a token that would make another request of it than the one that is meant.
    func bytes() throws -> [UInt8] {
        var text = Array("\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n".utf8)
        for (name, value) in fields { text += "\(name): \(value)\r\n".utf8 }
        if let token { text += try line(token) }
        return text + [0x0D, 0x0A]
    }

    private func line(_ token: [UInt8]) throws -> [UInt8] {
        guard !token.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else {
            throw CommandFailure("the token has line breaks in it", status: ExitStatus.dataError)
        }
        let before =
            switch source {
            case .authorization, nil: "Authorization: Bearer "
            case .cookie(let name): "Cookie: \(name)="
            case .header(let name): "\(name): "
            case .webSocketProtocol: "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: bearer, "
            }
        return Array(before.utf8) + token + [0x0D, 0x0A]
    }
}

/// An instant as people give it: seconds since 1970, an RFC 3339 date in UTC, or a time from now.
struct InstantArgument: ExpressibleByArgument {
    private enum Form { case absolute(Int64), relative(Int64) }

    private let form: Form

    init?(argument: String) {
        let sign: Int64? = argument.hasPrefix("+") ? 1 : argument.hasPrefix("-") ? -1 : nil
        if let sign {
            guard let duration = DurationArgument(argument: String(argument.dropFirst())) else { return nil }
            form = .relative(sign * duration.seconds)
        } else if let seconds = Int64(argument) ?? InstantText.parse(argument), NumericDate.range.contains(seconds) {
            form = .absolute(seconds)
        } else {
            return nil
        }
    }

    func seconds(from now: Int64) -> Int64 {
        switch form {
        case .absolute(let seconds): seconds
        case .relative(let seconds): NumericDate(seconds: now).advanced(bySeconds: seconds).seconds
        }
    }
}
