import ArgumentParser
import Configuration
import EventLoop
import Proxy

/// `slidegate health`
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a running gateway whether it is ready.",
        discussion: """
            Asks the administration listener that the file names (admin.address, with its secret where there is one) for \
            /readyz, prints what it says, and exits with 0 only if that is yes. For probes of containers, which hold \
            no other program that could ask, and for scripts that wait until a gateway serves.

            The gateway is not ready before what is revoked is known, nor while it drains. It is asked from this machine: where the \
            address is 0.0.0.0 or [::], over loopback.

            EXAMPLES
              slidegate health slidegate.yaml
              until slidegate health --timeout 1s slidegate.yaml; do sleep 1; done
              HEALTHCHECK CMD ["slidegate", "health", "/etc/slidegate/slidegate.yaml"]

            \(ExitStatus.discussion)
            """)

    @Argument(help: "The configuration file of the gateway.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Flag(help: "Ask whether it lives (/livez), which it does while it loads and drains, too.")
    var live = false

    @Option(help: ArgumentHelp("How long to wait for its answer.", valueName: "duration"))
    var timeout = DurationArgument(seconds: 2)

    private static let contentBytesMax = 4096

    func validate() throws {
        guard (1...3600).contains(timeout.seconds) else { throw ValidationError("--timeout is from 1s to 1h.") }
    }

    func run() throws {
        try reporting {
            let request = try self.request(by: Configuration(readingFile: config))
            let response: Fetch.Response
            do {
                response = try Self.answer(to: request)
            } catch let error as FetchError {
                throw CommandFailure("the gateway does not answer on \(request.authority): \(error)", status: ExitStatus.negative)
            }
            let text = String(decoding: response.content.prefix { $0 != 0x0A }, as: UTF8.self)
            guard response.status == 200 else {
                throw CommandFailure("it answers with \(response.status): \(printable(text))", status: ExitStatus.negative)
            }
            Console.write(printable(text))
        }
    }

    private func request(by configuration: Configuration) throws -> Fetch.Request {
        guard let admin = configuration.admin else {
            throw CommandFailure("\(configuration.file) has no administration listener to ask (admin)", status: ExitStatus.configuration)
        }
        let address = admin.address.value
        guard address.isUnix || address.port != 0 else {
            throw CommandFailure("nobody knows which port the administration listener has (port 0)", status: ExitStatus.configuration)
        }
        let secret = try admin.secret.map { source in
            try LoadedSecret(source, bytesMin: Administration.secretBytesMin, of: configuration).bytes
        }
        // What a header cannot carry, nobody can bring; it must not become a line of its own.
        guard secret?.allSatisfy({ (0x20...0x7E).contains($0) }) ?? true else {
            throw CommandFailure("the secret of admin has bytes that no header can carry", status: ExitStatus.configuration)
        }
        return Fetch.Request(
            .addresses(try SocketAddress.resolve(address)), tls: nil, authority: address.authority, target: live ? "/livez" : "/readyz",
            fields: secret.map { [("Authorization", "Bearer \(String(decoding: $0, as: UTF8.self))")] } ?? [],
            timeout: timeout.seconds * 1000, contentBytesMax: Self.contentBytesMax)
    }

    /// Waits for it.
    private static func answer(to request: Fetch.Request) throws -> Fetch.Response {
        let loop = try EventLoop()
        var result: Result<Fetch.Response, FetchError>?
        let fetch = try Fetch(request, on: loop) {
            result = $0
            loop.stop()
        }
        return try withExtendedLifetime(fetch) {
            loop.run()
            guard let result else { throw FetchError.closed }
            return try result.get()
        }
    }
}
