import Testing

/// Semantics section 5, and the CORS protocol of the Fetch standard.
@Suite("Cross-origin pages")
struct CORSTests {
    static let cors = #"cors: { origins: [ "https://app.example", "http://localhost:3000" ], credentials: true }"#
    static let page = "Origin: https://app.example"

    private func exposed(_ answer: Message) -> Set<String> {
        Set(answer.members(of: "Access-Control-Expose-Headers").map { $0.lowercased() })
    }

    @Test func `can read the successor: its header is exposed, beside what the upstream exposed`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nAccess-Control-Expose-Headers: X-Total, ETag\r\naccess-control-expose-headers: X-Page\r\nContent-Length: 0\r\n\r\n"
        }
        let gateway = try Gateway(Self.cors, upstream: origin)
        let answer = try gateway.get("/", Self.page, "Authorization: Bearer \(Token.ending)")
        #expect(exposed(answer).isSuperset(of: ["x-refresh-token", "x-total", "etag", "x-page"]), "\(answer.headText)")
        #expect(!exposed(answer).contains("*"))
        #expect(answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(answer["Access-Control-Allow-Credentials"] == "true")
        #expect(answer.members(of: "Vary").map { $0.lowercased() }.contains("origin"))
    }

    @Test func `of another origin are granted nothing`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.cors, upstream: origin)
        for foreign in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:444", "null", "https://app.exampl"] {
            let answer = try gateway.get("/", "Origin: \(foreign)", "Authorization: Bearer \(Token.ending)")
            #expect(!answer.has("Access-Control-Allow-Origin"), "\(foreign)")
            #expect(!answer.has("Access-Control-Allow-Credentials"))
            #expect(answer.members(of: "Vary").map { $0.lowercased() }.contains("origin"))
        }
    }

    @Test func `are told of refusals too`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.cors, upstream: origin)
        let answer = try gateway.get("/", Self.page)
        expectProblem(answer, status: 401, code: "token_missing")
        #expect(answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(answer["Access-Control-Allow-Credentials"] == "true")
        #expect(answer.members(of: "Vary").map { $0.lowercased() }.contains("origin"))
        #expect(try !gateway.get("/", "Origin: https://evil.example").has("Access-Control-Allow-Origin"))
    }

    @Test func `are told of an upstream that fails too`() throws {
        let origin = try Origin { _ = try $0.nextRequest() }
        let gateway = try Gateway(Self.cors, upstream: origin)
        let answer = try gateway.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\n\(Self.page)\r\nAuthorization: Bearer \(Token.fresh)\r\nContent-Length: 0\r\n\r\n")
        expectProblem(answer, status: 502)
        #expect(answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
    }

    static let preflight =
        "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\(page)\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: authorization,content-type\r\n\r\n"

    @Test func `ask beforehand without a token, and are answered`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.cors, upstream: origin)
        let answer = try gateway.exchange(Self.preflight)
        #expect(answer.status == 204 || answer.status == 200)
        #expect(answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(answer.members(of: "Access-Control-Allow-Methods").contains("PUT"))
        let headers = Set(answer.members(of: "Access-Control-Allow-Headers").map { $0.lowercased() })
        #expect(headers.isSuperset(of: ["authorization", "content-type"]))
        #expect(!answer.has("X-Refresh-Token"))
    }

    @Test func `of another origin that ask beforehand are granted nothing`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.cors, upstream: origin)
        let answer = try gateway.exchange(
            "OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
        #expect(!answer.has("Access-Control-Allow-Origin"))
    }

    @Test func `that ask beforehand reach the upstream where the gateway has no rules of its own`() throws {
        let origin = try Origin.answering { _ in "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\n\r\n" }
        let gateway = try Gateway(upstream: origin)
        let answer = try gateway.exchange(Self.preflight)
        #expect(answer.status == 204)
        #expect(answer["Access-Control-Allow-Origin"] == "*")
        #expect(origin.requests.map(\.method) == ["OPTIONS"])
    }

    @Test(arguments: [
        "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n",
        "OPTIONS /x HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
    ])
    func `what only resembles a preflight needs a token`(_ request: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.cors, upstream: origin)
        expectProblem(try gateway.exchange(request), status: 401, code: "token_missing")
        #expect(origin.received.isEmpty)
    }

    @Test func `that ask beforehand carry no content past the policy`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.cors, upstream: origin)
        let client = try gateway.connect()
        let content = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        // The last Character of the preflight is its empty line.
        try client.send(Self.preflight.dropLast() + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)")
        _ = try client.receive(to: "OPTIONS")
        #expect(origin.requests.allSatisfy { $0.target != "/smuggled" })
    }

    @Test func `an upstream's own grant is replaced, not doubled`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://app.example\r\nAccess-Control-Allow-Credentials: true\r\nVary: Accept\r\nContent-Length: 0\r\n\r\n"
        }
        let gateway = try Gateway(Self.cors, upstream: origin)
        let answer = try gateway.get("/", Self.page, "Authorization: Bearer \(Token.fresh)")
        #expect(answer.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(answer.values(of: "Access-Control-Allow-Credentials") == ["true"])
        #expect(Set(answer.members(of: "Vary").map { $0.lowercased() }).isSuperset(of: ["accept", "origin"]))
    }

    @Test func `without rules of the gateway's, the successor is exposed where the upstream grants the page access`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://app.example\r\nAccess-Control-Expose-Headers: X-Total\r\nContent-Length: 0\r\n\r\n"
        }
        let gateway = try Gateway(upstream: origin)
        let answer = try gateway.get("/", Self.page, "Authorization: Bearer \(Token.ending)")
        #expect(answer.has("X-Refresh-Token"))
        #expect(exposed(answer).isSuperset(of: ["x-refresh-token", "x-total"]))
    }

    @Test func `of any origin are granted access without credentials where the file says so`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("cors: { origins: [ \"*\" ], max_age: 5m }", upstream: origin)
        let answer = try gateway.get("/", "Origin: https://anyone.example", "Authorization: Bearer \(Token.ending)")
        #expect(["*", "https://anyone.example"].contains(answer["Access-Control-Allow-Origin"]))
        #expect(!answer.has("Access-Control-Allow-Credentials"))
        #expect(exposed(answer).contains("x-refresh-token"))
        let asked = try gateway.exchange(Self.preflight)
        #expect(asked["Access-Control-Max-Age"] == "300")
        #expect(!asked.has("Access-Control-Allow-Credentials"))
    }

    @Test func `answers to no page carry no grant`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.cors, upstream: origin)
        let answer = try gateway.get("/", "Authorization: Bearer \(Token.ending)")
        #expect(!answer.has("Access-Control-Allow-Origin"))
    }
}
