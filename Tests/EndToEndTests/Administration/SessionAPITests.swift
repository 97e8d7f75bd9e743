import Foundation
import Testing

/// Goal: backends and operators begin, see and end sessions, and nobody without the secret does. Method: the administration
/// listener of the real program, and what its tokens are good for at the front.
@Suite("Session API")
struct SessionAPITests {
    private func object(_ answer: Message) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any], "\(answer.text)")
    }

    private func code(_ answer: Message) throws -> String {
        #expect(answer["Content-Type"] == "application/problem+json")
        #expect(try object(answer)["status"] as? Int == answer.status)
        return try #require(try object(answer)["code"] as? String)
    }

    private func ids(_ answer: Message) throws -> [String] {
        let sessions = try #require(try object(answer)["sessions"] as? [[String: Any]])
        return sessions.compactMap { $0["id"] as? String }
    }

    @Test(arguments: ["memory", "sqlite:$FOLDER/sessions.db"])
    func `a session that a backend begins is one like any other`(_ store: String) throws {
        let gateway = try Gateway.keepingSessions("store: \"\(store)\"")
        let answer = try gateway.api(
            "POST", "/sessions",
            #"{"claims":{"sub":"ann","role":"x"},"device":{"id":"d1","name":"Phone","application":"app"},"address":"192.0.2.7"}"#)
        #expect(answer.status == 201)
        let begun = try #require(BegunSession(answer))
        #expect(answer["Location"] == "/sessions/\(begun.id)")
        #expect(answer["Cache-Control"] == "no-store")
        #expect(try object(answer)["expires_in"] as? Int == 900)
        #expect(try object(answer)["token_type"] as? String == "Bearer")
        #expect(try gateway.status(with: begun.access) == 200)

        let shown = try object(try gateway.api("GET", "/sessions/\(begun.id)"))
        #expect(shown["subject"] as? String == "ann" && shown["alive"] as? Bool == true)
        #expect((shown["claims"] as? [String: String]) == ["sub": "ann", "role": "x"])
        #expect((shown["device"] as? [String: String]) == ["id": "d1", "name": "Phone", "application": "app"])
        #expect(shown["address"] as? String == "192.0.2.7")

        let refreshed = try gateway.refresh(begun.refresh)
        #expect(refreshed.status == 200)
        let next = try #require(try object(refreshed)["access_token"] as? String)
        #expect(try gateway.status(with: next) == 200)

        #expect(try gateway.api("DELETE", "/sessions/\(begun.id)").status == 204)
        #expect(try gateway.status(with: next) == 401)
        #expect(try gateway.status(with: begun.access) == 401)
        let second = try #require(try object(refreshed)["refresh_token"] as? String)
        #expect(try gateway.refresh(second).status == 400)
        #expect(try code(try gateway.api("DELETE", "/sessions/\(begun.id)")) == "session_not_found")
        #expect(try object(try gateway.api("GET", "/sessions/\(begun.id)"))["alive"] as? Bool == false)
        #expect(!gateway.logs.contains(begun.access) && !gateway.logs.contains(begun.refresh))
    }

    @Test func `sessions are listed by user, in pages, with those that have ended only when asked for`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let ann = try (0..<5).map { _ in try gateway.beginSession(of: "ann a+b@example.org").id }
        let bob = try gateway.beginSession(of: "bob").id
        let list = "/sessions?subject=ann+a%2Bb%40example.org"
        #expect(Set(try ids(try gateway.api("GET", list))) == Set(ann))
        #expect(Set(try ids(try gateway.api("GET", "/sessions"))) == Set(ann + [bob]))
        var paged: [String] = []
        var cursor: String? = ""
        while let next = cursor {
            let page = try object(try gateway.api("GET", "\(list)&limit=2" + (next.isEmpty ? "" : "&cursor=\(next)")))
            paged += (page["sessions"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            cursor = page["next"] as? String
            #expect(paged.count <= 5)
        }
        #expect(paged.count == 5 && Set(paged) == Set(ann))

        #expect(try object(try gateway.api("DELETE", list))["ended"] as? Int == 5)
        #expect(try ids(try gateway.api("GET", list)) == [])
        #expect(try ids(try gateway.api("GET", list + "&ended=true")).count == 5)
        #expect(try ids(try gateway.api("GET", "/sessions?subject=bob")) == [bob])
    }

    @Test func `tokens that no session here is of are revoked by jti, by sid and by subject`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let now = Token.now()
        func token(_ more: String) -> String { Token.with(left: 3000, more: more) }
        let (one, other) = (token(#","jti":"j1","sid":"s1""#), token(#","jti":"j2","sid":"s2""#))
        #expect(try gateway.api("POST", "/revocations", #"{"jti":"j1"}"#).status == 204)
        #expect(try gateway.status(with: one) == 401)
        #expect(try gateway.status(with: other) == 200)
        #expect(try gateway.api("POST", "/revocations", #"{"sid":"s2","expires_at":\#(now + 3600)}"#).status == 204)
        #expect(try gateway.status(with: other) == 401)
        // The tokens of `Token.with` began ten minutes ago; another of the user begins later.
        #expect(try gateway.api("POST", "/revocations", #"{"subject":"user-1","before":\#(now - 60)}"#).status == 204)
        let later = Token.signed(claims: #"{"sub":"user-1","iat":\#(now - 30),"exp":\#(now + 3000)}"#)
        #expect(try gateway.status(with: Token.fresh) == 401)
        #expect(try gateway.status(with: later) == 200)
        #expect(try gateway.api("POST", "/revocations", #"{"subject":"user-1"}"#).status == 204)
        #expect(try gateway.status(with: later) == 401)
        #expect(try #require(try gateway.metric("slidegate_revocation_entries", secret: Gateway.adminSecret)) >= 3)
        #expect(try gateway.metric("slidegate_store_up", secret: Gateway.adminSecret) == 1)
    }

    @Test func `revoking what of a user began until a date ends the sessions that did`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let (ann, bob) = (try gateway.beginSession(of: "ann"), try gateway.beginSession(of: "bob"))
        let before = Token.now() + 1
        #expect(try gateway.api("POST", "/revocations", #"{"subject":"ann","before":\#(before)}"#).status == 204)
        #expect(try gateway.status(with: ann.access) == 401)
        #expect(try gateway.refresh(ann.refresh).status == 400)
        #expect(try object(try gateway.api("GET", "/sessions/\(ann.id)"))["ended_by"] as? String == "revoked")
        #expect(try gateway.status(with: bob.access) == 200)
        #expect(try gateway.refresh(bob.refresh).status == 200)
    }

    @Test func `revoking the sid of a session ends the session`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let begun = try gateway.beginSession(of: "ann")
        #expect(try gateway.api("POST", "/revocations", #"{"sid":"\#(begun.id)"}"#).status == 204)
        #expect(try gateway.status(with: begun.access) == 401)
        #expect(try gateway.refresh(begun.refresh).status == 400)
        #expect(try object(try gateway.api("GET", "/sessions/\(begun.id)"))["ended_by"] as? String == "revoked")
    }

    @Test func `without the secret nothing is told or done`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let begun = try gateway.beginSession(of: "ann")
        for (method, target, content) in [
            ("GET", "/sessions", nil), ("GET", "/sessions/\(begun.id)", nil), ("DELETE", "/sessions/\(begun.id)", nil),
            ("DELETE", "/sessions?subject=ann", nil), ("POST", "/revocations", #"{"subject":"ann"}"#),
            ("POST", "/sessions", #"{"claims":{"sub":"eve"}}"#),
        ] as [(String, String, String?)] {
            for secret in [nil, "sixteen-bytes-or-mor", "sixteen-bytes-or-more-"] {
                #expect(try gateway.api(method, target, content, secret: secret).status == 401, "\(method) \(target)")
            }
        }
        #expect(try gateway.status(with: begun.access) == 200)
        #expect(try gateway.refresh(begun.refresh).status == 200)
    }

    @Test func `on loopback without a secret the API is closed, and the rest open as ever`() throws {
        let gateway = try Gateway(
            Gateway.admin + "sessions: { store: memory }", upstream: Origin.ok())
        for (method, target, content) in [
            ("GET", "/sessions", nil), ("DELETE", "/sessions?subject=a", nil), ("POST", "/revocations", #"{"jti":"a"}"#),
            ("GET", "/sessions/AAAAAAAAAAAAAAAAAAAAAA", nil),
        ] as [(String, String, String?)] {
            let answer = try gateway.api(method, target, content, secret: nil)
            #expect(answer.status == 403)
            #expect(try code(answer) == "secret_required")
        }
        #expect(try gateway.administer("/readyz").status == 200)
        #expect(try gateway.metric("slidegate_store_up") == 1)
    }

    @Test func `without sessions there is no such thing`() throws {
        let gateway = try Gateway(
            "admin: { address: \"127.0.0.1:0\", secret_file: $FOLDER/admin.secret }", upstream: Origin.ok(), files: Gateway.sessionFiles)
        #expect(try gateway.api("GET", "/sessions").status == 404)
        #expect(try gateway.api("POST", "/revocations", "{}").status == 404)
        #expect(try gateway.metric("slidegate_store_up", secret: Gateway.adminSecret) == nil)
    }

    @Test func `without endpoints nothing is issued, and revocation works`() throws {
        let gateway = try Gateway(
            """
            admin: { address: "127.0.0.1:0", secret_file: $FOLDER/admin.secret }
            sessions: { store: memory }
            """, upstream: Origin.ok(), files: Gateway.sessionFiles)
        let answer = try gateway.api("POST", "/sessions", #"{"claims":{"sub":"ann"}}"#)
        #expect(answer.status == 409)
        #expect(try code(answer) == "cannot_issue")
        #expect(try gateway.api("POST", "/revocations", #"{"subject":"user-1"}"#).status == 204)
        #expect(try gateway.status(with: Token.fresh) == 401)
    }

    @Test func `requests that make no sense are refused with a code`() throws {
        let gateway = try Gateway.keepingSessions("store: memory", "tokens: { issuer: \"https://i.example\" }")
        let long = String(repeating: "a", count: 600)
        for (method, target, content, status, expected) in [
            ("POST", "/sessions", "", 400, "invalid_request"), ("POST", "/sessions", "[]", 400, "invalid_request"),
            ("POST", "/sessions", "{}", 400, "invalid_request"), ("POST", "/sessions", #"{"claims":"x"}"#, 400, "invalid_request"),
            ("POST", "/sessions", #"{"claims":{"sub":"a"},"claims":{"sub":"b"}}"#, 400, "invalid_request"),
            ("POST", "/sessions", #"{"claims":{"sub":"a"},"extra":1}"#, 400, "invalid_request"),
            ("POST", "/sessions", #"{"claims":{"sub":"a"},"device":"x"}"#, 400, "invalid_request"),
            ("POST", "/sessions", #"{"claims":{"sub":"a"},"device":{"id":7}}"#, 400, "invalid_request"),
            ("POST", "/sessions", #"{"claims":{"role":"a"}}"#, 422, "claims_without_sub"),
            ("POST", "/sessions", #"{"claims":{"sub":"\#(long)"}}"#, 422, "claims_sub_too_long"),
            ("POST", "/sessions", #"{"claims":{"sub":"a","iss":"https://other.example"}}"#, 422, "claims_unacceptable"),
            ("GET", "/sessions?limit=0", nil, 400, "invalid_request"), ("GET", "/sessions?limit=1001", nil, 400, "invalid_request"),
            ("GET", "/sessions?ended=maybe", nil, 400, "invalid_request"), ("GET", "/sessions?user=a", nil, 400, "invalid_request"),
            ("GET", "/sessions?subject=%FF", nil, 400, "invalid_request"), ("GET", "/sessions?subject=a&subject=b", nil, 400, "invalid_request"),
            ("GET", "/sessions?cursor=nonsense", nil, 400, "invalid_cursor"),
            ("GET", "/sessions/short", nil, 404, "session_not_found"), ("GET", "/sessions/AAAAAAAAAAAAAAAAAAAAAA", nil, 404, "session_not_found"),
            ("DELETE", "/sessions", nil, 400, "invalid_request"), ("DELETE", "/sessions?subject=", nil, 400, "invalid_request"),
            ("DELETE", "/sessions/AAAAAAAAAAAAAAAAAAAAAA", nil, 404, "session_not_found"),
            ("POST", "/revocations", "{}", 400, "invalid_request"), ("POST", "/revocations", #"{"jti":"a","sid":"b"}"#, 400, "invalid_request"),
            ("POST", "/revocations", #"{"jti":"a","before":1}"#, 400, "invalid_request"),
            ("POST", "/revocations", #"{"jti":"a","expires_at":1}"#, 400, "invalid_request"),
            ("POST", "/revocations", #"{"jti":"a","expires_at":1e3}"#, 400, "invalid_request"),
            ("POST", "/revocations", #"{"jti":""}"#, 400, "invalid_request"), ("POST", "/revocations", #"{"jti":7}"#, 400, "invalid_request"),
            ("PUT", "/sessions", nil, 405, "method_not_allowed"), ("GET", "/revocations", nil, 405, "method_not_allowed"),
        ] as [(String, String, String?, Int, String)] {
            let answer = try gateway.api(method, target, content)
            #expect(answer.status == status, "\(method) \(target) \(content ?? ""): \(answer.text)")
            #expect(try code(answer) == expected, "\(method) \(target) \(content ?? "")")
        }
        #expect(try ids(try gateway.api("GET", "/sessions?ended=true")) == [])
    }

    @Test func `content is bounded, may come in chunks and pieces, and may be waited for`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let secret = "Authorization: Bearer \(Gateway.adminSecret)\r\n"
        let head = "POST /sessions HTTP/1.1\r\nHost: localhost\r\n\(secret)"
        let content = #"{"claims":{"sub":"ann"}}"#
        let client = try Client(to: gateway.adminPort(), of: gateway)
        try client.send(head + "Content-Length: \(content.utf8.count)\r\nExpect: 100-continue\r\n\r\n")
        #expect(try client.receiveAny(to: "POST").status == 100)
        for byte in content.utf8 { try client.send(String(UnicodeScalar(byte))) }
        #expect(try client.receive().status == 201)
        let chunks = content.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
        #expect(try client.exchange(head + "Transfer-Encoding: chunked\r\n\r\n" + chunks).status == 201)
        // Two at once, the second in the same piece.
        let whole = head + "Content-Length: \(content.utf8.count)\r\n\r\n" + content
        try client.send(whole + whole)
        #expect(try client.receive().status == 201)
        #expect(try client.receive().status == 201)
        client.close()

        for much in ["Content-Length: 20000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5000\r\n" + String(repeating: "a", count: 20_480)] {
            let client = try Client(to: gateway.adminPort(), of: gateway)
            #expect(try client.exchange(head + much).status == 413)
            #expect(try client.isClosedByPeer())
        }
        let broken = try Client(to: gateway.adminPort(), of: gateway)
        #expect(try broken.exchange(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n").status == 400)
        #expect(try broken.isClosedByPeer())
    }

    @Test func `a store that is away is told of, and asked again`() throws {
        let gateway = try Gateway.keepingSessions("store: \"redis://127.0.0.1:1\"")
        let answer = try gateway.api("POST", "/sessions", #"{"claims":{"sub":"ann"}}"#)
        #expect(answer.status == 503)
        #expect(answer["Retry-After"] != nil)
        #expect(try code(answer) == "sessions_unavailable")
    }
}
