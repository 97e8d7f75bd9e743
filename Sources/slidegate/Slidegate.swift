import ArgumentParser

/// The program: a subcommand each for what it can do.
@main
struct Slidegate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slidegate",
        abstract: "Keeps the sessions of an HTTP API alive while they are used.",
        discussion: """
            slidegate stands in front of an API that takes short-lived JWTs. It refuses bad tokens before they reach the \
            API, and when a good one is near its end, the answer carries its successor.

            \(ExitStatus.discussion)
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, CheckCommand.self, ExplainCommand.self, HealthCommand.self, TokenCommand.self, KeysCommand.self, SessionsCommand.self,
            DemoCommand.self,
        ])
}
