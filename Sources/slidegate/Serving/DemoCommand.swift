import ArgumentParser
import Configuration
import EventLoop
import Glibc
import JOSE
import Proxy
import Signatures

/// `slidegate demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the gateway in front of a small sample API, and say how to see it work.",
        discussion: """
            Needs no file: the configuration is built in and printed, the secret is made anew each time. Tokens live 20 \
            seconds and are renewed in their last 10, so that sliding can be watched.

            EXAMPLES
              slidegate demo
              slidegate demo --listen 127.0.0.1:9090
            """)

    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "address:port"))
    var listen = "127.0.0.1:8080"

    /// Names the variable that the demo's secret is in, for this process alone.
    private static let secretVariable = "SLIDEGATE_DEMO_SECRET"
    private static let lifetime: Int64 = 20

    func run() throws {
        try reporting {
            var generator = SystemRandomNumberGenerator()
            let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
            let secret = String((0..<48).map { _ in alphabet.randomElement(using: &generator)! })
            setenv(Self.secretVariable, secret, 1)
            let signer = try Key(secret: Array(secret.utf8), algorithm: .HS256).makeSigner()

            let loop = try EventLoop()
            let api = try SampleAPI(on: loop) { Self.mint(signer) }
            let yaml = Self.yaml(listen: listen, upstream: api.address)
            let configuration = try Configuration(yaml: yaml, file: "demo.yaml")
            let log = try LogWriter(descriptor: STDERR_FILENO)
            let service = try Service(configuration, path: nil, on: loop, log: log)
            Console.write(Self.walkThrough(yaml: yaml, address: service.addresses[0], token: Self.mint(signer)))
            service.run()
        }
    }

    private static func mint(_ signer: any TokenSigner) -> String {
        let now = currentTime()
        let claims = "{\"sub\":\"alice\",\"iat\":\(now),\"exp\":\(now + lifetime),\"jti\":\"\(UInt64.random(in: 0 ... .max))\"}"
        return CompactJWS.mint(claims: Array(claims.utf8), signer: signer).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func yaml(listen: String, upstream: SocketAddress) -> String {
        """
        listen: \(listen)
        upstream: \(upstream)
        key: { algorithm: HS256, secret_env: \(secretVariable) }
        sliding: { buffer: 10s, session_cap: 10m }
        routes:
          - { path: /login, auth: none }
          - { path: / }

        """
    }

    private static func walkThrough(yaml: String, address: SocketAddress, token: String) -> String {
        """
        slidegate is running in front of a sample API, with this configuration:

        \(yaml.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))

        In another terminal:

        1. No token, no entry:
             curl -i http://\(address)/api/hello

        2. Log in; the API hands out a token that lives \(lifetime) seconds:
             TOKEN=$(curl -s -X POST http://\(address)/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
           (or take this one, if you are quick: TOKEN=\(token))

        3. It opens the door. The answer carries no successor yet:
             curl -i http://\(address)/api/hello -H "Authorization: Bearer $TOKEN"

        4. Wait until less than 10 seconds are left, and ask again: X-Refresh-Token is the successor.
             sleep 11; curl -i http://\(address)/api/hello -H "Authorization: Bearer $TOKEN"

        5. A session that is used stays alive, here for as long as the loop runs (10 minutes at most, the session cap):
             while sleep 4; do
               NEXT=$(curl -s -D - -o /dev/null http://\(address)/api/hello -H "Authorization: Bearer $TOKEN" \\
                 | tr -d '\\r' | sed -n 's/^X-Refresh-Token: //p')
               TOKEN=${NEXT:-$TOKEN}; echo "$(date +%T) ${NEXT:+renewed}"
             done

        Stop with Ctrl-C.

        """
    }
}
