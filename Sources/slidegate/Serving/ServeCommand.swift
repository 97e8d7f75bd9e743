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
              SIGUSR1          open the file of the access log again, for whoever has moved it away
              SIGUSR2          hand over: start the program anew, as it is on disk now, with the listening sockets; when it
                               serves, drain and exit; when it does not come to that, go on

            SERVICE MANAGERS
              Listening sockets are taken over by the socket-activation convention (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), those
              whose address is configured. With NOTIFY_SOCKET set, readiness, reloads, the main process after a hand-over
              and signs of life (WATCHDOG_USEC) are told. deploy/systemd has units.

            EXAMPLES
              slidegate serve slidegate.yaml
              kill -HUP "$(pidof slidegate)"
              kill -USR2 "$(pidof slidegate)"

            \(ExitStatus.discussion)
            """)

    @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Option(help: ArgumentHelp("Write the process's id to this file while it serves.", valueName: "file"))
    var pidFile: String?

    func run() throws {
        ignoreEarlySignals()
        try reporting {
            let inherited = InheritedSockets.take()
            let configuration = try Configuration(readingFile: config)
            let log = try LogWriter(descriptor: configuration.logs.destination.descriptor)
            let service = try Service(
                configuration, path: config, pidFile: pidFile.map { PidFile(path: $0) }, inheriting: inherited,
                on: EventLoop(), log: log)
            service.run()
        }
    }
}
