import Foundation
import Testing

@testable import slidegate

@Suite("slidegate explain")
struct ExplainTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    private let routes = """
        tokens: { issuer: here, audience: api }
        routes:
          - { path: /api/, require: { role: [ admin, owner ] }, forward: { claims: { X-User-Id: sub } } }
          - { path: /open, auth: none }
          - { path: /poll, slide: false }
          - { path: /new, mode: shadow, methods: [ GET ] }
        """

    private func token(_ config: String, _ arguments: String...) throws -> String {
        try Program(["token", "mint", "--config", config, "--subject", "alice", "--now", "1000000", "--lifetime", "1h"] + arguments)
            .output.split(separator: "\n").joined()
    }

    private func explain(_ config: String, _ token: String?, _ arguments: String..., at: String = "1000600") throws -> Program {
        let source = token == nil ? [] : ["--token-file", "-"]
        return try Program(["explain", config, "--at", at] + source + arguments, input: token ?? "")
    }

    private func json(_ program: Program) throws -> [String: Any] {
        #expect(program.output.filter { $0 == "\n" }.count == 1)
        return try #require(JSONSerialization.jsonObject(with: Data(program.output.utf8)) as? [String: Any])
    }

    private func checks(_ object: [String: Any]) throws -> [String: String] {
        let checks = try #require(object["checks"] as? [[String: Any]])
        return Dictionary(checks.map { ($0["check"] as? String ?? "", $0["result"] as? String ?? "") }) { first, _ in first }
    }

    // MARK: What is asked

    @Test(arguments: [
        (["--path", "api"], "--path wants a path that begins with /, not \"api\"."),
        (["--path", "/a b"], "--path wants text without spaces and line breaks, not \"/a b\"."),
        (["--host", ""], "--host wants text without spaces and line breaks, not \"\"."),
        (["--method", "GET\n"], "--method wants text without spaces and line breaks"),
        (["--header", "foo"], "--header wants \"name: value\", not \"foo\"."),
        (["--header", "foo: bar\r\nx: y"], "--header wants one line"),
    ])
    func `an option that makes no request is told of, with the usage of this command`(_ option: [String], _ complaint: String) throws {
        let program = try Program(["explain", try directory.sample("")] + option)
        #expect(program.status == 64 && program.output == "")
        #expect(program.errors.contains(complaint) && program.errors.contains("slidegate explain CONFIG"), "\(program.errors)")
    }

    // MARK: What is told

    @Test func `a good token: route, where it is, its claims, each check, and what comes later`() throws {
        let config = try directory.sample(routes)
        let token = try token(config, "--claim", "role=admin")
        let program = try explain(config, token, "--path", "/api/orders?x=1")
        #expect(program.status == 0 && program.errors == "", "\(program.errors)")
        let text = program.output
        #expect(text.hasPrefix("PASSES.\n"))
        for expected in [
            "GET /api/orders on localhost", "/api/ (routes[0] in line 7), the longest path that fits",
            "a valid token whose role is or contains \"admin\" or \"owner\"", "in Authorization: Bearer, called ",
            "by HS256 without kid (key)", "found \"here\", accepted \"here\"", "found \"admin\", wanted \"admin\" or \"owner\"",
            "1970-01-12T14:46:40Z, in 50m", "window opens", "1970-01-12T14:36:40Z, in 40m", "X-User-Id: alice",
            "no: more is left of the token than the buffer", "used every 10m",
        ] { #expect(text.contains(expected), "\(expected)\n\(text)") }
        #expect(!text.contains("NO  "))
    }

    @Test func `within the window: the successor's dates, and neither it nor a signature`() throws {
        let config = try directory.sample(routes)
        let token = try token(config, "--claim", "role=admin")
        for arguments in [[], ["--json"]] {
            let program = try Program(
                ["explain", config, "--at", "1003300", "--path", "/api/x", "--token-file", "-"] + arguments, input: token)
            #expect(program.status == 0)
            let parts = token.split(separator: ".")
            for part in parts { #expect(!program.output.contains(part)) }
            // What begins like a token would have been signed here.
            #expect(!program.output.contains("eyJ"))
        }
        let text = try explain(config, token, "--path", "/api/x", at: "1003300").output
        #expect(text.hasPrefix("PASSES, and its answer carries a successor of the token.\n"))
        #expect(text.contains("X-Refresh-Token: (the successor, which is not shown)"))
        #expect(text.contains("issued 1970-01-12T14:36:40Z, 5m ago; ends 1970-01-12T15:36:40Z, in 55m"))
        let object = try json(explain(config, token, "--path", "/api/x", "--json", at: "1003300"))
        #expect(object["decision"] as? String == "renewed")
        let later = try #require(object["later"] as? [String: Any])
        #expect(later["window_opens"] as? Int == 1_003_000 && later["token_ends"] as? Int == 1_003_600)
        #expect(later["session_ends"] as? Int == 1_000_000 + 12 * 3600)
        #expect((later["successor"] as? [String: Int]) == ["issued": 1_003_000, "ends": 1_006_600])
    }

    @Test(arguments: [
        (["--issuer", "there"], "iss", "wrong_issuer", "the issuer of the token is not accepted here: found \"there\", accepted \"here\""),
        (["--audience", "other"], "aud", "wrong_audience", "the token is not meant for this audience: found \"other\", accepted \"api\""),
        (["--claim", "role=guest"], "role", "insufficient_scope", "found \"guest\", wanted \"admin\" or \"owner\""),
        (["--claim", "nbf=2000000"], "nbf", "not_yet_valid", "the token is not valid for another 999400 seconds"),
        (["--claim", "exp=1000500"], "exp", "expired", "the token expired 100 seconds ago"),
    ])
    func `a token that fails: which check, what it saw and what it wanted`(
        _ mint: [String], _ check: String, _ reason: String, _ detail: String
    ) throws {
        let config = try directory.sample(routes)
        let role = check == "role" ? [] : ["--claim", "role=admin"]
        let token = try Program(
            ["token", "mint", "--config", config, "--now", "1000000", "--lifetime", "1h"] + role + mint
        ).output.split(separator: "\n").joined()
        let program = try explain(config, token, "--path", "/api/x")
        #expect(program.status == 1 && program.errors == "")
        #expect(program.output.hasPrefix("REFUSED: "))
        let line = try #require(program.output.split(separator: "\n").first { $0.hasPrefix("  NO  ") })
        #expect(line.contains("NO  \(check) ") && line.contains(detail), "\(line)")
        let object = try json(explain(config, token, "--path", "/api/x", "--json"))
        #expect(object["refused"] as? Bool == true)
        #expect((object["refusal"] as? [String: Any])?["reason"] as? String == reason)
        #expect(try checks(object)[check] == "failed")
    }

    @Test func `a key that is not known, and a signature that is not right`() throws {
        let config = try directory.sample(routes)
        let other = try directory.write("other", String(secret.reversed()))
        let forged = try Program(["token", "mint", "--secret-file", other, "--now", "1000000"]).output
        let program = try explain(config, forged, "--path", "/api/x")
        #expect(program.status == 1)
        #expect(program.output.contains("TOKEN, as it says: anyone could have written it"))
        #expect(program.output.contains("the signature is not valid: kid is none; tried HS256 without kid (key)"))
        let nonsense = try explain(config, "no.token", "--path", "/api/x")
        #expect(nonsense.status == 1 && nonsense.output.contains("the token has 2 segments, a signed token has 3"))
        #expect(try explain(config, nil, "--path", "/api/x").output.contains("NO  token  the request carries no token\n"))
    }

    @Test func `shadow mode passes and says what enforcing would do; --enforce does it`() throws {
        let config = try directory.sample(routes)
        let program = try explain(config, nil, "--path", "/new")
        #expect(program.status == 0)
        #expect(program.output.hasPrefix("PASSES, since the route is in shadow mode. It would be REFUSED: 401 token_missing."))
        #expect(program.output.contains("decision  would_refuse"))
        #expect(try explain(config, nil, "--path", "/new", "--enforce").status == 1)
        let token = try token(config)
        let renewal = try explain(config, token, "--path", "/new", at: "1003300")
        #expect(renewal.output.contains("were the route not in shadow mode") && renewal.output.contains("decision  would_renew"))
        #expect(try explain(config, token, "--path", "/new", "--enforce", at: "1003300").output.contains("X-Refresh-Token"))
    }

    @Test func `routes: none, another method, none asked for, and the path as routes see it`() throws {
        let config = try directory.sample(routes)
        #expect(try explain(config, nil, "--path", "/nowhere").output.contains("none: no route has this path and host"))
        let method = try explain(config, nil, "--path", "/new", "--method", "POST")
        #expect(method.status == 1 && method.output.hasPrefix("REFUSED: 405 method_not_allowed."))
        let open = try explain(config, nil, "--path", "/x/../open//a")
        #expect(open.status == 0 && open.output.hasPrefix("PASSES, as nobody in particular.\n"))
        #expect(open.output.contains("/open/a, as routes and the API see it"))
        let encoded = try explain(config, nil, "--path", "/open/..%2fapi")
        #expect(encoded.status == 1 && encoded.output.hasPrefix("REFUSED: 400 path_encoded_slash."))
        let poll = try explain(config, try token(config), "--path", "/poll", at: "1003300")
        #expect(poll.output.contains("never: requests on this route are no activity"))
    }

    @Test func `headers put a token anywhere, and two are one too many`() throws {
        let config = try directory.sample("tokens: { from: [ { cookie: session }, authorization ] }")
        let token = try token(config)
        let cookie = try explain(config, token)
        #expect(cookie.output.contains("in the cookie session, called "))
        let header = try explain(config, nil, "--header", "Authorization: Bearer \(token)")
        #expect(header.output.contains("in Authorization: Bearer, called "))
        let both = try explain(config, token, "--header", "Authorization: Bearer \(token)")
        #expect(both.status == 1 && both.output.contains("more than one, which is never right"))
        let foreign = try explain(config, token, "--method", "POST", "--header", "Sec-Fetch-Site: cross-site")
        #expect(foreign.status == 1 && foreign.output.contains("NO  same site"))
        let preflight = try directory.sample("cors: { origins: [ \"https://a.example\" ] }")
        let asked = try explain(
            preflight, nil, "--method", "OPTIONS", "--header", "Origin: https://a.example", "--header", "Access-Control-Request-Method: GET")
        #expect(asked.status == 0 && asked.output.hasPrefix("ANSWERED by the gateway itself: a preflight"))
    }

    // MARK: What else answers

    @Test func `files, endpoints and decisions are told apart from routes`() throws {
        try directory.write("refresh.secret", secret + secret)
        let config = try directory.sample(
            """
            browser: /sg
            sessions: { store: memory, secret_file: refresh.secret, endpoints: { refresh: /refresh, logout: /out, login: { path: /login } } }
            trusted_proxies: [ 127.0.0.1 ]
            forward_auth: { path: /decide, proxy: nginx }
            """)
        #expect(try explain(config, nil, "--path", "/sg/session.js").output.contains("with a file of its own"))
        #expect(try explain(config, nil, "--path", "/sg/none").status == 1)
        #expect(try explain(config, nil, "--path", "/refresh").output.contains("the endpoint sessions.endpoints.refresh, for POST"))
        #expect(try explain(config, nil, "--path", "/out").output.contains("sessions.endpoints.logout"))
        #expect(try explain(config, nil, "--path", "/login", "--method", "POST").output.contains("a login: its answer begins a session"))
        #expect(try explain(config, nil, "--path", "/decide").output.contains("a proxy in front asks here"))
        #expect(try explain(config, nil, "--path", "/decide/else").status == 1)
        let token = try token(config)
        #expect(try explain(config, token).output.contains("the store is not asked whether the token was revoked; --store does that"))
        let store = try explain(config, token, "--store")
        #expect(store.status == 78 && store.errors.contains("in the gateway's memory, where no other process sees them"))
    }

    @Test func `with decisions alone, the request is one that the proxy in front asks about`() throws {
        try directory.write("jwt.secret", secret)
        let config = try directory.write(
            "alone.yaml",
            "listen: 127.0.0.1:8080\nkey: { algorithm: HS256, secret_file: jwt.secret }\ntrusted_proxies: unix\n"
                + "forward_auth: { path: /decide, proxy: haproxy }\nsliding: { buffer: 10m }\nroutes: [ { path: /, forward: { claims: { X-User: sub } } } ]\n")
        let token = try token(config)
        let program = try explain(config, token, "--path", "/a", at: "1003300")
        #expect(program.status == 0 && program.output.contains("TO THE API, by the proxy in front"))
        #expect(program.output.contains("X-User: alice") && program.output.contains("X-Refresh-Token"))
        #expect(try explain(config, token, "--path", "/a/../b").output.hasPrefix("REFUSED: 400 path_ambiguous."))
    }

    @Test func `keys that are fetched are said not to be`() throws {
        try directory.write("jwt.secret", secret)
        let config = try directory.write(
            "remote.yaml",
            "listen: 127.0.0.1:8080\nupstream: 127.0.0.1:9000\nkeys:\n  - { algorithm: HS256, secret_file: jwt.secret }\n"
                + "  - { jwks_url: \"http://127.0.0.1:1/jwks.json\", algorithms: [ RS256 ] }\n")
        let header = #"{"alg":"RS256"}"#.utf8, claims = #"{"exp":2000000}"#.utf8
        let token = [header.map(\.self), claims.map(\.self), [1, 2, 3]].map { base64URL($0) }.joined(separator: ".")
        let program = try explain(config, token)
        #expect(program.status == 1 && program.output.hasPrefix("REFUSED: 503 keys_unavailable."))
        #expect(program.output.contains("those of http://127.0.0.1:1/jwks.json are not fetched here: --fetch does that"))
        let fetched = try explain(config, token, "--fetch")
        #expect(fetched.status == 1 && fetched.errors.contains("no keys from http://127.0.0.1:1/jwks.json"))
        #expect(!fetched.output.contains("--fetch"))
    }

    private func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    // MARK: The command line

    @Test func `an instant is seconds, a date, or a time from now`() throws {
        func seconds(_ text: String) -> Int64? { InstantArgument(argument: text)?.seconds(from: 1_000) }
        #expect(seconds("1700000000") == 1_700_000_000)
        #expect(seconds("2023-11-14T22:13:20Z") == 1_700_000_000)
        #expect(seconds("2000-02-29T00:00:00Z") == 951_782_400)
        #expect(seconds("+10m") == 1_600 && seconds("-10s") == 990 && seconds("+1h30m") == 6_400)
        for nonsense in ["", "+", "now", "2023-02-29T00:00:00Z", "2023-11-14", "2023-11-14T24:00:00Z", "+10", "-5", "1e3", "99999999999999999999", "2023-13-01T00:00:00Z"] {
            #expect(seconds(nonsense) == nil, "\(nonsense)")
        }
    }

    @Test func `every interval asked for is told`() throws {
        let config = try directory.sample()
        let program = try explain(config, try token(config), "--every", "5m")
        #expect(program.output.contains("used every 5m") && program.output.contains("it lives until 1970-01-1"))
        let rare = try explain(config, try token(config), "--every", "1h")
        #expect(rare.output.contains("used every 1h") && rare.output.contains("by 0 renewals"))
    }

    @Test(arguments: [
        ["--token", "a", "--token-file", "b"], ["--header", "no colon"], ["--method", "GET x"], ["--path", "/a b"], ["--at", "soon"],
        ["--header", "A: b\r\nC: d"], ["--every", "0s"],
    ])
    func `what makes no request is a wrong command line`(_ arguments: [String]) throws {
        let config = try directory.sample()
        #expect(try Program(["explain", config] + arguments).status == 64)
    }

    @Test func `a configuration with errors and a file that is not there have codes of their own`() throws {
        #expect(try Program(["explain", directory.path("none.yaml")]).status == 66)
        #expect(try Program(["explain", directory.write("bad.yaml", "listen: 1\n")]).status == 78)
        let config = try directory.sample()
        #expect(try Program(["explain", config, "--token-file", directory.path("none")]).status == 66)
    }

    // MARK: What check says

    @Test func `check says plainly where nothing is protected`() throws {
        let some = try Program(["check", directory.sample(routes)]).output
        #expect(some.contains("NOTHING IS PROTECTED below /new: there every request passes, with any token or none."))
        #expect(some.contains("In shadow mode: everyone gets in."))
        let all = try Program(["check", directory.sample("mode: shadow")]).output
        #expect(all.contains("NOTHING IS PROTECTED: every request passes, with any token or none."))
        #expect(try !Program(["check", directory.sample()]).output.contains("SHADOW"))
    }

    // MARK: Every example

    /// With secrets and keys that are there.
    private func localized(_ text: String) throws -> String {
        for name in ["jwt", "refresh", "admin", "introspection", "jwt-2026-11", "jwt-2026-05"] {
            try directory.write(name + ".secret", secret + secret)
        }
        try directory.write("redis.password", secret)
        let pair = try Program(["keys", "generate", "--algorithm", "EdDSA"])
        try directory.write("ed25519.pem", pair.output)
        return text.replacing("/etc/slidegate/", with: "").replacing("/var/lib/slidegate/", with: "")
    }

    @Test func `every example of a whole gateway is explained: with a token, without, and in a window`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let examples = root.appending(path: "deploy/examples")
        var files = try FileManager.default.contentsOfDirectory(at: examples, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "yaml" && $0.lastPathComponent != "complete.yaml" }
        files.append(root.appending(path: "deploy/slidegate.yaml"))
        #expect(files.count >= 4)
        for file in files {
            let config = try directory.write(file.lastPathComponent, localized(String(contentsOf: file, encoding: .utf8)))
            let environment = ["JWT_SECRET": secret]
            func run(_ arguments: [String], input: String = "") throws -> Program {
                try Program(arguments, input: input, environment: environment)
            }
            let token = try run(["token", "mint", "--config", config, "--now", "1000000", "--lifetime", "30m"]).output
            #expect(token.split(separator: ".").count == 3, "\(file)")
            let missing = try run(["explain", config, "--path", "/orders"])
            #expect(missing.status == 1 && missing.output.contains("token_missing"), "\(file): \(missing.output)\(missing.errors)")
            let good = try run(["explain", config, "--path", "/orders", "--token-file", "-", "--at", "1000010"], input: token)
            #expect(good.status == 0 && good.output.hasPrefix("PASSES.\n"), "\(file): \(good.output)\(good.errors)")
            let due = try run(["explain", config, "--path", "/orders", "--token-file", "-", "--at", "1001790"], input: token)
            let slides = try String(contentsOf: file, encoding: .utf8).contains("sliding:")
            #expect(due.output.contains("its answer carries a successor") == slides, "\(file): \(due.output)")
        }
    }
}
