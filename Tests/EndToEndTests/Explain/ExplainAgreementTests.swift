import Foundation
import Testing

/// Goal: what `slidegate explain` says of a request is what the gateway does with it. Method: both are asked, with one file, and the
/// gateway's answers and its explaining field are compared with the command's object.
@Suite("The command and the gateway agree")
struct ExplainAgreementTests {
    private static let settings = """
        tokens: { audience: api, from: [ authorization, { cookie: session } ] }
        explain: { networks: 127.0.0.1 }
        cors: { origins: [ "https://a.example" ] }
        browser: /sg
        routes:
          - { path: /, name: all }
          - { path: /admin, require: { role: admin }, forward: { claims: { X-User-Id: sub } } }
          - { path: /open, auth: none }
          - { path: /maybe, auth: optional, methods: [ GET ] }
          - { path: /new, mode: shadow }
        """

    /// The command's one object, and how it exited.
    private static func explain(
        _ gateway: Gateway, _ method: String, _ path: String, _ lines: [String], _ options: String...
    ) throws -> (object: [String: Any], isRefused: Bool) {
        var command = [try Gateway.binary(), "explain", gateway.path("slidegate.yaml"), "--json", "--method", method, "--path", path, "--host", "api.example"]
        for line in lines { command += ["--header", line] }
        let process = try ChildProcess(command + options)
        let ending = try process.waitForExit()
        try process.waitUntilRead()
        let text = process.text(of: .output)
        #expect(ending == .exited(0) || ending == .exited(1), "\(process.text(of: .error))")
        let object = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
        return (object, ending == .exited(1))
    }

    @Test func `on status, decision, reason, fields for the API and the successor's end`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.settings, upstream: origin)
        func token(_ left: Int, _ more: String = #","aud":"api""#) -> String { "Authorization: Bearer \(Token.with(left: left, more: more))" }
        let good = token(3000), ending = token(300), admin = token(3000, #","aud":"api","role":"admin""#)
        let cases: [(method: String, path: String, lines: [String])] = [
            ("GET", "/", []), ("GET", "/", [good]), ("GET", "/", [ending]), ("GET", "/", [token(-5)]), ("GET", "/", [token(3000, "")]),
            ("POST", "/admin", [good]), ("POST", "/admin", [admin, "X-User-Id: mallory"]), ("GET", "/open", []), ("GET", "/open", [good]),
            ("GET", "/maybe", []), ("GET", "/maybe", ["Authorization: Bearer x"]), ("POST", "/maybe", [good]), ("GET", "/new", []),
            ("GET", "/new/x", [ending]), ("GET", "/a/..%2fb", [good]), ("GET", "/sg/session.js", []), ("GET", "/sg/x", []),
            ("GET", "/", [good, "X-No-Refresh: 1"]), ("GET", "/", ["Authorization: Basic eDp5"]), ("GET", "/open;x/../admin", [good]),
            ("OPTIONS", "/", ["Origin: https://a.example", "Access-Control-Request-Method: GET"]),
            ("OPTIONS", "/", ["Origin: https://b.example", "Access-Control-Request-Method: GET"]),
            ("POST", "/", ["Cookie: session=\(Token.with(left: 3000, more: #","aud":"api""#))", "Sec-Fetch-Site: cross-site"]),
        ]
        for (method, path, lines) in cases {
            let before = origin.requests.count
            let fields = (lines + ["X-Slidegate-Explain: 1", "Content-Length: 0"]).map { $0 + "\r\n" }.joined()
            let answer = try gateway.exchange("\(method) \(path) HTTP/1.1\r\nHost: api.example\r\n\(fields)\r\n")
            let told = answer.members(of: "X-Slidegate-Explain")
            let (object, isRefused) = try Self.explain(gateway, method, path, lines)
            #expect(isRefused == (answer.status >= 400), "\(method) \(path) \(lines)")
            #expect((object["answered_by"] as? String == "upstream") == (origin.requests.count > before), "\(method) \(path)")
            if let decision = object["decision"] as? String { #expect(told.contains("decision=\(decision)"), "\(method) \(path) \(told)") }
            if let reason = object["reason"] as? String, !reason.isEmpty { #expect(told.contains("reason=\"\(reason)\""), "\(method) \(path) \(told)") }
            if let refusal = object["refusal"] as? [String: Any], isRefused {
                #expect(refusal["status"] as? Int == answer.status && answer.problemCode == refusal["code"] as? String)
            }
            let upstream = (object["to_api"] as? [String: Any])?["with"] as? [[String: String]] ?? []
            for field in upstream { #expect(origin.requests.last?[field["name"] ?? ""] == field["value"], "\(field)") }
            if let successor = answer["X-Refresh-Token"] {
                let ends = ((object["later"] as? [String: Any])?["successor"] as? [String: Int])?["ends"]
                #expect(Token(verifying: successor)?.integer("exp") == ends)
            }
        }
    }

    @Test(arguments: ["sqlite", "redis"])
    func `a token that the store knows to be revoked`(_ store: String) throws {
        let redis = store == "redis" ? try RedisServer() : nil
        defer { withExtendedLifetime(redis) {} }
        let sessions = try SessionGateway(store: redis.map { "redis://127.0.0.1:\($0.port)" } ?? "sqlite:$FOLDER/sessions.db")
        let pair = try sessions.logIn()
        let gateway = sessions.gateway
        let line = "Authorization: Bearer \(pair.access)"
        #expect(try !Self.explain(gateway, "GET", "/x", [line], "--store").isRefused)
        let file = gateway.path("slidegate.yaml")
        let revoking = try ChildProcess([try Gateway.binary(), "sessions", "revoke", file, try #require(pair.session)])
        #expect(try revoking.waitForExit() == .exited(0))
        let (object, isRefused) = try Self.explain(gateway, "GET", "/x", [line], "--store")
        #expect(isRefused && (object["refusal"] as? [String: Any])?["code"] as? String == "token_revoked")
        #expect(try !Self.explain(gateway, "GET", "/x", [line]).isRefused, "nobody was asked")
        #expect(try sessions.refresh(pair).status == 400, "and the gateway goes on")
    }
}
