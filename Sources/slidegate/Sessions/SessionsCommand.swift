import ArgumentParser
import Configuration
import JOSE
import Sessions

/// `slidegate sessions`
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "List, show and end sessions.",
        discussion: """
            Works on the store that the configuration names, beside gateways that run: what is ended here, they refuse at once \
            (Redis) or within `sessions.revocation.poll` (SQLite). Sessions kept in memory nobody sees but the gateway itself.
            """,
        subcommands: [SessionsListCommand.self, SessionsShowCommand.self, SessionsRevokeCommand.self, SessionsSweepCommand.self])
}

/// What all of its commands are given.
struct SessionsOptions: ParsableArguments {
    @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Flag(help: "Answer in JSON, for programs.")
    var json = false

    @Option(help: .hidden)
    var now: Int64?

    /// Runs `body` with the store that the file names.
    func visit(_ body: (StoreVisit) throws -> Void) throws {
        let visit = try StoreVisit(try Configuration(readingFile: config), now: NumericDate(seconds: now ?? currentTime()))
        defer { visit.close() }
        try body(visit)
    }
}

/// `slidegate sessions sweep`
struct SessionsSweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Remove what has ended or expired.",
        discussion: """
            Gateways do the same by themselves (`sessions.sweep`). What is gone is no longer listed; access tokens of ended sessions \
            stay refused as long as they could be valid.

            EXAMPLES
              slidegate sessions sweep slidegate.yaml

            \(ExitStatus.discussion)
            """)

    @OptionGroup var options: SessionsOptions

    func run() throws {
        try reporting {
            try options.visit { visit in
                guard case .swept(sessions: let sessions, revocations: let revocations) = try visit.ask(.sweep) else { throw visit.misunderstanding }
                Console.write(
                    options.json
                        ? "{\"sessions\":\(sessions),\"revocations\":\(revocations)}"
                        : "Removed \(counted(sessions, "session")) and \(counted(revocations, "revocation")).")
            }
        }
    }
}
