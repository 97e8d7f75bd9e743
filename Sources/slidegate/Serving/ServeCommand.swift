import ArgumentParser
import Configuration
import EventLoop
import Proxy

/// `slidegate serve`
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the gateway.",
        discussion: """
            Serves in the foreground until a signal ends it, and logs to standard error (or as the configuration says).

            SIGNALS
              SIGTERM, SIGINT  stop accepting, finish what is under way within timeouts.drain, exit; twice: at once
              SIGHUP           read the configuration again; a bad one is refused and the old one stays in force

            EXAMPLES
              slidegate serve slidegate.yaml
              kill -HUP "$(pidof slidegate)"

            \(ExitStatus.discussion)
            """)

    @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    func run() throws {
        try reporting {
            let configuration = try Configuration(readingFile: config)
            let log = try LogWriter(descriptor: configuration.logs.destination.descriptor)
            let service = try Service(configuration, path: config, on: EventLoop(), log: log)
            service.run()
        }
    }
}
