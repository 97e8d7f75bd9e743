import ArgumentParser
import Configuration
import EventLoop

/// `slidegate check`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration, and say in words what it does.",
        discussion: """
            Reads the file and loads every key and certificate it names, as `serve` would, but opens no socket and resolves no name, \
            unless --fetch is given: then sets of keys are fetched, and one that is not to be had is an error. \
            Errors go to standard error, one line each, as FILE:LINE:COLUMN: PATH: what is wrong; all of them at once.

            EXAMPLES
              slidegate check slidegate.yaml
              slidegate check --quiet slidegate.yaml && systemctl reload slidegate

            \(ExitStatus.discussion)
            """)

    @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Flag(name: .shortAndLong, help: "Say nothing but errors and warnings.")
    var quiet = false

    @Flag(help: "Take warnings for errors.")
    var strict = false

    @Flag(help: "Fetch the keys that the configuration wants fetched.")
    var fetch = false

    func run() throws {
        try reporting {
            let configuration = try Configuration(readingFile: config)
            var keys = try LoadedKeys(configuration)
            if fetch { keys = try FetchedKeySets.fill(keys, configuration) }
            // As each worker will: not by loading again, since a key may come from a pipe.
            _ = try keys.makeKeySet()
            let tls = try LoadedTLS(configuration, ticketKeys: TicketKeys())
            let sessions = try LoadedSessions(configuration)
            let accessWarnings = try AccessLogKeeper.check(configuration)
            let absent = fetch ? keys.remote.filter { remote in !keys.entries.contains { $0.source == remote.index } } : []
            let warnings = configuration.warnings + keys.warnings + tls.warnings + (sessions?.warnings ?? []) + accessWarnings
            for warning in warnings { Console.complain(warning.line(file: configuration.file)) }
            if strict && !warnings.isEmpty || !absent.isEmpty { throw ExitCode(ExitStatus.configuration) }
            if !quiet { Console.write(Explanation(configuration, keys, tls, sessions, isFetched: fetch).text) }
        }
    }
}
