import ArgumentParser
import Configuration
import EventLoop
import Glibc
import Proxy

/// `slidegate demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the gateway in front of a small sample API with a page, to watch sessions slide.",
        discussion: """
            Needs no file: the configuration is built in and printed, the secrets are made anew each time. Tokens live \(times.lifetime) \
            seconds and are renewed in their last \(times.buffer), so that sliding can be watched: in a browser, or with the commands that \
            are printed.

            EXAMPLES
              slidegate demo
              slidegate demo --listen 127.0.0.1:9090
            """)

    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "address:port"))
    var listen = "127.0.0.1:8080"

    /// Name the variables that the demo's secrets are in, for this process alone.
    private static let keyVariable = "SLIDEGATE_DEMO_SECRET"
    private static let refreshVariable = "SLIDEGATE_DEMO_REFRESH_SECRET"
    private static let times = DemoTimes()

    func run() throws {
        try reporting {
            setenv(Self.keyVariable, Self.makeSecret(), 1)
            setenv(Self.refreshVariable, Self.makeSecret(), 1)
            let loop = try EventLoop()
            let api = try SampleAPI(on: loop, page: DemoPage(Self.times))
            let yaml = Self.yaml(listen: listen, upstream: api.address)
            var configuration = try Configuration(yaml: yaml, file: "demo.yaml")
            configuration.warnings = []  // a demo may forget its sessions
            let log = try LogWriter(descriptor: STDERR_FILENO)
            let service = try Service(configuration, path: nil, on: loop, log: log)
            Console.write(Self.walkThrough(yaml: yaml, address: service.addresses[0]))
            service.run()
        }
    }

    private static func makeSecret() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        var generator = SystemRandomNumberGenerator()
        return String((0..<48).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] })
    }

    private static func yaml(listen: String, upstream: SocketAddress) -> String {
        """
        listen: \(listen)
        upstream: \(upstream)
        key: { algorithm: HS256, secret_env: \(keyVariable) }
        sliding: { buffer: \(times.buffer)s, session_cap: \(times.cap)s }
        sessions:
          store: memory
          secret_env: \(refreshVariable)
          access: { lifetime: \(times.lifetime)s }
          refresh: { lifetime: \(times.cap)s, policy: fixed }
          endpoints:
            login: { path: /login }
            refresh: /auth/refresh
            logout: /auth/logout
            logout_everywhere: /auth/logout-everywhere
            sessions: /auth/sessions
        browser: /slidegate
        routes:
          - { path: /api, forward: { claims: { X-User: sub } } }
          - { path: /api/poll, slide: false }
          - { path: /, auth: none }

        """
    }

    private static func walkThrough(yaml: String, address: SocketAddress) -> String {
        """
        slidegate is running in front of a sample API, with this configuration:

        \(yaml.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))

        Watch it in a browser:  http://\(address)/

        Or in another terminal:

        1. No token, no entry:
             curl -i http://\(address)/api/hello

        2. Log in; the API says who it is, and the gateway adds a token that lives \(times.lifetime) seconds:
             TOKEN=$(curl -s -X POST http://\(address)/login | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

        3. It opens the door. The answer carries no successor yet:
             curl -i http://\(address)/api/hello -H "Authorization: Bearer $TOKEN"

        4. Wait until less than \(times.buffer) seconds are left, and ask again: X-Refresh-Token is the successor.
             sleep \(times.buffer + 1); curl -i http://\(address)/api/hello -H "Authorization: Bearer $TOKEN"

        5. A session that is used stays alive, here for as long as the loop runs (\(times.cap / 60) minutes at most, the session cap):
             while sleep 2; do
               NEXT=$(curl -s -D - -o /dev/null http://\(address)/api/hello -H "Authorization: Bearer $TOKEN" \\
                 | tr -d '\\r' | sed -n 's/^X-Refresh-Token: //p')
               TOKEN=${NEXT:-$TOKEN}; echo "$(date +%T) ${NEXT:+renewed}"
             done

        Stop with Ctrl-C.

        """
    }
}
