import Glibc
import Testing

@Suite("slidegate check")
struct CheckTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    @Test func `a good file is explained: who gets in, when tokens slide, how long one may pause`() throws {
        let file = try directory.sample("routes: [ { path: /, require: { role: admin } }, { path: /open, auth: none } ]")
        let program = try Program(["check", file])
        #expect(program.status == 0)
        #expect(program.errors == "")
        #expect(program.output.contains("requests with a valid token whose role is or contains \"admin\""))
        #expect(program.output.contains("everyone; tokens are not looked at"))
        #expect(program.output.contains("renewed when 10m or less is left of it"))
        #expect(program.output.contains("Idle time a user can count on: 10m, with tokens that live 20m or longer"))
        #expect(program.output.contains("The session ends 12h after its first token"))
    }

    @Test func `who may ask for decisions is explained`() throws {
        let file = try directory.sample(
            "trusted_proxies: [ 127.0.0.1, 10.0.0.0/8, unix ]\nforward_auth: [ { path: /decide, proxy: nginx }, { path: /e, proxy: envoy } ]")
        let program = try Program(["check", file])
        #expect(program.status == 0 && program.errors == "")
        #expect(
            program.output.contains(
                "/decide tells nginx whether a request may pass; 127.0.0.1/32, 10.0.0.0/8 and whoever connects through a Unix socket may ask."))
        #expect(program.output.contains("/e tells envoy"))
        #expect(!program.output.contains("Nothing is proxied"))
        try directory.write(
            "alone.yaml",
            "listen: 127.0.0.1:8080\nkey: { algorithm: HS256, secret_file: jwt.secret }\ntrusted_proxies: unix\n"
                + "forward_auth: { path: /decide, proxy: haproxy }\nsliding: { buffer: 10m }\n")
        let alone = try Program(["check", directory.path("alone.yaml")])
        #expect(alone.status == 0 && alone.errors == "")
        #expect(alone.output.contains("Nothing is proxied: apart from decisions"))
        #expect(alone.output.contains("Goes on by the proxy in front."))
        #expect(alone.output.contains("is left of it; the answer carries its successor") && !alone.output.contains("Answers with status"))
    }

    @Test func `the access log is explained, and looked for without being made`() throws {
        let path = directory.path("access.log")
        let file = try directory.sample("logs: { access: { format: json, to: \(path), subject: hashed } }")
        let program = try Program(["check", file])
        #expect(program.status == 0 && program.errors == "")
        #expect(program.output.contains("A line for each request, an object in JSON, goes to \(path)."))
        #expect(program.output.contains("Subjects appear as pseudonyms, which change with each start."))
        #expect(access(path, F_OK) != 0)
        let missing = try Program(["check", try directory.sample("logs: { access: { format: json, to: \(path)/a.log } }")])
        #expect(missing.status != 0 && missing.errors.contains("logs.access.to: cannot log to \(path)/a.log: "))
        let folder = try Program(["check", try directory.sample("logs: { access: { format: json, to: \(directory.path("")) } }")])
        #expect(folder.status != 0 && folder.errors.contains("logs.access.to: "))
    }

    @Test func `what pages find is explained, and where their tokens are`() throws {
        let program = try Program(["check", try directory.sample("browser: /slidegate")])
        #expect(program.status == 0 && program.errors == "")
        #expect(program.output.contains("find their session in /slidegate/session.js"))
        #expect(program.output.contains("kept in the page, until its last tab closes"))
        let local = try Program(["check", try directory.sample("browser: { path: /sg, store: local }")])
        #expect(local.output.contains("kept in localStorage, where every script of the origin can read them"))
        let cookies = "tokens: { from: [ { cookie: __Host-token } ] }\nbrowser: /sg"
        #expect(try Program(["check", directory.sample(cookies)]).output.contains("Tokens are in cookies, which no script can read"))
        #expect(try !Program(["check", directory.sample()]).output.contains("PAGES"))
    }

    @Test func `quiet says nothing about a good file`() throws {
        let program = try Program(["check", "--quiet", try directory.sample()])
        #expect(program.status == 0)
        #expect(program.output + program.errors == "")
    }

    @Test func `errors go to standard error, all at once, with file, line, column and path`() throws {
        let file = try directory.write("bad.yaml", "listen: nowhere\nupstream: 127.0.0.1:9000\nkee: {}\n")
        let program = try Program(["check", file])
        #expect(program.status == 78)
        #expect(program.output == "")
        let lines = program.errors.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.contains { $0.hasPrefix("slidegate: \(file):1:9: listen: ") })
        #expect(lines.contains { $0.hasPrefix("slidegate: \(file):3:1: kee: unknown key \"kee\"; did you mean \"key\"?") })
    }

    @Test func `a file that is not there, a directory and a file that is not UTF-8 are told apart`() throws {
        #expect(try Program(["check", directory.path("none.yaml")]).status == 66)
        #expect(try Program(["check", directory.path(".")]).status == 66)
        #expect(try Program(["check", "/bin/true"]).status == 78)
        #expect(try Program(["check"]).status == 64)
        #expect(try Program(["chekc"]).status == 64)
    }

    @Test(arguments: [
        ("short\n", "HS256", "the secret has 5 bytes; HS256 needs at least 32"),
        ("0123456789abcdef0123456789abcde\n", "HS256", "the secret has 31 bytes"),
        ("0123456789abcdef0123456789ABCDEF\n", "HS384", "the secret has 32 bytes; HS384 needs at least 48"),
        ("", "HS256", "empty"),
    ])
    func `a secret shorter than the hash is refused at its place in the file`(
        _ text: String, _ algorithm: String, _ message: String
    ) throws {
        let file = try directory.sample()
        try directory.write("jwt.secret", text)
        try directory.write(
            "slidegate.yaml", "listen: 127.0.0.1:8080\nupstream: a:1\nkey: { algorithm: \(algorithm), secret_file: jwt.secret }\n")
        let program = try Program(["check", file])
        #expect(program.status == 78)
        #expect(program.errors.hasPrefix("slidegate: \(file):3:39: key.secret_file: "))
        #expect(program.errors.contains(message))
        #expect(!program.errors.contains("0123456789"))
    }

    @Test func `every key that cannot be loaded is reported`() throws {
        let file = try directory.write(
            "k.yaml",
            """
            listen: 127.0.0.1:8080
            upstream: a:1
            keys:
              - { algorithm: HS256, secret_file: none }
              - { algorithm: HS256, secret_env: SLIDEGATE_NONE }
              - { algorithm: RS256, public_key_file: k.yaml }
              - { jwk_file: k.yaml }
              - { jwks_file: k.yaml }
            """)
        let program = try Program(["check", file])
        #expect(program.status == 78)
        #expect(program.errors.split(separator: "\n").count == 5)
        #expect(program.errors.contains("\(file):4:38: keys[0].secret_file: cannot read"))
        #expect(program.errors.contains("\(file):5:37: keys[1].secret_env: the environment has no variable SLIDEGATE_NONE"))
    }

    @Test func `a secret comes from the environment, in any encoding`() throws {
        for (encoding, text) in [
            ("text", secret), ("hex", String(repeating: "0f", count: 32)),
            ("base64", String(repeating: "+/8=", count: 1) + ""), ("base64url", String(repeating: "A-_z", count: 11)),
        ] {
            let file = try directory.write(
                "e.yaml",
                "listen: a:1\nupstream: a:1\nkey: { algorithm: HS256, secret_env: KEY, encoding: \(encoding) }\n")
            let value = encoding == "base64" ? String(repeating: "+/9z", count: 11) : text
            #expect(try Program(["check", file], environment: ["KEY": value]).status == 0, "\(encoding)")
            #expect(try Program(["check", file], environment: [:]).status == 78)
        }
        let file = try directory.write(
            "e.yaml", "listen: a:1\nupstream: a:1\nkey: { algorithm: HS256, secret_env: KEY, encoding: hex }\n")
        let wrong = try Program(["check", file], environment: ["KEY": String(repeating: "xy", count: 32)])
        #expect(wrong.status == 78)
        #expect(!wrong.errors.contains("xyxy"))
    }

    @Test func `a secret that everyone can read is a warning, and an error where warnings are`() throws {
        let file = try directory.sample()
        try directory.write("jwt.secret", secret, mode: 0o644)
        let program = try Program(["check", file])
        #expect(program.status == 0)
        #expect(program.errors.contains("3:39: warning: key.secret_file: every user of this machine can read jwt.secret"))
        #expect(try Program(["check", "--strict", file]).status == 78)
    }

    @Test func `help is worth reading`() throws {
        for arguments in [["--help"], ["check", "--help"], ["token", "mint", "--help"], ["token", "verify", "--help"]] {
            let program = try Program(arguments)
            #expect(program.status == 0)
            #expect(program.output.contains("EXIT CODES"))
            if arguments.count > 1 { #expect(program.output.contains("EXAMPLES")) }
            #expect(program.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
        }
    }

    // MARK: Sessions

    private func explain(_ sessions: String, _ rest: String = "") throws -> Program {
        try directory.write("refresh.secret", secret + "\n")
        try directory.write("other.secret", "\(secret)\n")
        return try Program(["check", try directory.sample("sessions: { \(sessions) }\n\(rest)")])
    }

    @Test func `sessions are explained: what begins one, how long it lasts, where it is kept, what holds when nobody can tell`() throws {
        let program = try explain(
            "store: sqlite:/var/lib/s.db, secret_file: refresh.secret, access: { lifetime: 10m }, refresh: { lifetime: 2d, cap: 20d, per_user: 4 }, "
                + "revocation: { away_after: 3s }, endpoints: { login: { path: /in, preset: express }, refresh: { preset: cookie }, logout: /out }",
            "admin: { address: \"127.0.0.1:1\" }\nroutes: [ { path: / }, { path: /a, store_away: open } ]")
        #expect(program.status == 0)
        #expect(program.errors == "")
        for part in [
            "signs renewed tokens, and those of sessions",
            "are kept in /var/lib/s.db, a file of this machine; this check does not open it.",
            "POST /in goes to default, whose answer has claims in X-Session-Claims: that begins one, and gets the tokens added (express).",
            "An access token lives 10m.", "A session ends 2d after its last refresh, and 20d after its login at the latest.",
            "one that comes again ends the session, but for 10s after its use", "A user has 4 sessions at most",
            "POST /refresh takes a refresh token in the cookie __Host-refresh and answers with new tokens (cookie).",
            "Served too: logout at /out.", "within 250ms by others with this file",
            "At the latest after 3s: whoever has not heard of the store for so long refuses tokens with 503, but on open routes.",
            "logins and refreshes fail with 503", "The end of a session is remembered for 12h",
            "The session API at 127.0.0.1:1 answers 403: admin has no secret.",
            "Administration at 127.0.0.1:1, for whoever is on this machine; there is no secret.", "The status page: http://127.0.0.1:1/",
            "Open: lets valid tokens pass while the store of sessions is away.",
        ] { #expect(program.output.contains(part), "\(part)\n\(program.output)") }
    }

    @Test func `a store elsewhere and policies without rotation are explained`() throws {
        let program = try explain(
            "store: { redis: { address: 10.0.0.5:6379, password_file: other.secret } }, secret_file: refresh.secret, "
                + "refresh: { policy: fixed, lifetime: 1d, rotate: false }, endpoints: { refresh: /r }")
        #expect(program.status == 0)
        #expect(program.output.contains("are kept in Redis at 10.0.0.5:6379"))
        #expect(program.output.contains("A session ends 1d after its login, however it is used."))
        #expect(program.output.contains("A session keeps its one refresh token"))
        #expect(program.output.contains("as a rule within milliseconds by the others"))
        #expect(!program.output.contains(secret))
    }

    @Test func `a store in memory is warned of`() throws {
        let program = try explain("store: memory")
        #expect(program.status == 0)
        #expect(program.errors.contains("warning: sessions.store: memory is forgotten with the process"))
        #expect(try Program(["check", "--strict", directory.path("slidegate.yaml")]).status == 78)
    }

    @Test func `secrets of sessions are loaded, each with its place, and never repeated`() throws {
        try directory.write("short.secret", "0123456789abcdef0123456789ABCDE")
        let program = try explain(
            "store: { redis: { address: a:1, password_env: NO_SUCH_VARIABLE } }, secret_file: short.secret, previous_secret_file: none.secret, "
                + "endpoints: { introspection: { path: /i, secret_file: short.secret } }")
        #expect(program.status == 78)
        let lines = program.errors.split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines.contains { $0.contains("sessions.secret_file: the secret is too short; expected at least 32 bytes") })
        #expect(lines.contains { $0.contains("sessions.previous_secret_file: cannot read ") })
        #expect(lines.contains { $0.contains("sessions.endpoints.introspection.secret_file: the secret is too short") })
        #expect(lines.contains { $0.contains("sessions.store.redis.password_env: the environment has no variable NO_SUCH_VARIABLE") })
        #expect(!program.errors.contains("0123456789abcdef"))
    }

    @Test func `a secret that everyone can read is warned of`() throws {
        try directory.write("open.secret", secret, mode: 0o644)
        let program = try explain("store: sqlite:a.db, secret_file: open.secret, endpoints: { refresh: /r }")
        #expect(program.status == 0)
        #expect(program.errors.contains("sessions.secret_file: every user of this machine can read open.secret"))
    }
}
