import ArgumentParser
import JOSE
import Sessions

/// `slidegate sessions list`
struct SessionsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List sessions.",
        usage: "slidegate sessions list CONFIG [--subject SUBJECT] [--ended] [--limit NUMBER] [--json]",
        discussion: """
            Those of one subject come in the order of their logins.

            EXAMPLES
              slidegate sessions list slidegate.yaml
              slidegate sessions list slidegate.yaml --subject alice --ended
              slidegate sessions list slidegate.yaml --limit 100000 --json | jq -r '.sessions[].subject' | sort | uniq -c

            \(ExitStatus.discussion)
            """)

    @OptionGroup var options: SessionsOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("Only those of this user: the sub of the tokens.", valueName: "subject"))
    var subject: String?

    @Flag(help: "Also those that have ended or expired, as long as they are remembered.")
    var ended = false

    @Option(help: ArgumentHelp("So many at most.", valueName: "1–1000000"))
    var limit = 100

    func validate() throws {
        guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit is from 1 to 1000000.") }
    }

    func run() throws {
        try reporting {
            try options.visit { visit in
                let (sessions, isWhole) = try collect(visit)
                Console.write(
                    options.json
                        ? "{\"sessions\":[\(sessions.map { SessionText($0, now: visit.now).json }.joined(separator: ","))],\"more\":\(!isWhole)}"
                        : SessionText.table(sessions, now: visit.now))
                if !isWhole, !options.json { Console.complain("there are more; --limit shows them") }
            }
        }
    }

    private func collect(_ visit: StoreVisit) throws -> (sessions: [Session], isWhole: Bool) {
        var (sessions, cursor): ([Session], String?) = ([], nil)
        repeat {
            // One more than wanted tells whether there are more.
            let query = SessionQuery(subject: subject, includesEnded: ended, cursor: cursor, limit: limit + 1 - sessions.count)
            guard case .page(let page) = try visit.ask(.list(query)) else { throw visit.misunderstanding }
            sessions += page.sessions
            cursor = page.next
        } while cursor != nil && sessions.count <= limit
        return (Array(sessions.prefix(limit)), sessions.count <= limit)
    }
}

/// `slidegate sessions show`
struct SessionsShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one session, with its claims.",
        usage: "slidegate sessions show CONFIG ID [--json]",
        discussion: """
            ID is what `sessions list` shows, and the sid of the session's access tokens.

            EXAMPLES
              slidegate sessions show slidegate.yaml ABEiM0RVZneImaq7zN3u_w
              slidegate sessions show slidegate.yaml ABEiM0RVZneImaq7zN3u_w --json | jq .claims

            \(ExitStatus.discussion)
            """)

    @OptionGroup var options: SessionsOptions

    @Argument(help: "The session.")
    var id: SessionID

    func run() throws {
        try reporting {
            try options.visit { visit in
                guard case .found(let found) = try visit.ask(.find(id)) else { throw visit.misunderstanding }
                guard let session = found else { throw CommandFailure("there is no session \(id)", status: ExitStatus.negative) }
                let text = SessionText(session, now: visit.now)
                Console.write(options.json ? text.jsonWithClaims : text.details)
            }
        }
    }
}

extension SessionID: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
