import Testing

/// The instruments before the measurement: what the tests of this target rely on, without the program under test.
@Suite("The end-to-end harness itself")
struct HarnessTests {
    @Test func `a client and a scripted origin exchange exact bytes`() throws {
        let origin = try Origin.answering { request in
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\(request.body.count) \r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\n"
        }
        let client = try Client(to: origin.port)
        let answer = try client.exchange("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789")
        #expect(answer.text == "10 !")
        #expect(answer.trailers == [.init(name: "A", value: "b")])
        let request = try #require(try origin.waitForRequests(1).first)
        #expect(request.target == "/a")
        #expect(request.text == "0123456789")
    }

    @Test func `an origin's reset is seen as a reset, and its close as an end of stream`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            if connection.number == 0 { connection.close() }
        }
        let client = try Client(to: origin.port)
        #expect(throws: WireError.endOfStream(after: Array("half".utf8))) {
            try client.exchange("GET / HTTP/1.1\r\n\r\n")
        }
        let resetting = try Origin { connection in
            _ = try connection.nextRequest()
            connection.reset()
        }
        let other = try Client(to: resetting.port)
        #expect(throws: WireError.reset) { try other.exchange("GET / HTTP/1.1\r\n\r\n") }
    }

    @Test func `a wait for what never comes fails at its deadline`() throws {
        let origin = try Origin { try $0.waitForEnd() }
        let client = try Client(to: origin.port)
        #expect(throws: WireError.timedOut(waitingFor: "a message head")) {
            _ = try client.receive(within: .milliseconds(20))
        }
    }

    @Test func `a child's output and ending are seen`() throws {
        let child = try ChildProcess(["/bin/sh", "-c", "echo hello >&2; exit 3"])
        #expect(try child.waitForLine(containing: "hell") == "hello")
        #expect(try child.waitForExit() == .exited(3))
        let killed = try ChildProcess(["/bin/sh", "-c", "sleep 60"])
        killed.signal(9)
        #expect(try killed.waitForExit() == .killed(signal: 9))
    }

    /// RFC 7515 appendix A.1.
    @Test func `tokens are signed as the standard's example is`() throws {
        let key = try #require(
            decodeBase64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
        let compact =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
            + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        let token = try #require(Token(verifying: compact, secret: key))
        #expect(token.integer("exp") == 1_300_819_380)
        #expect(Token.signed(claims: token.claims, header: token.header, secret: key) == compact)
        #expect(Token(verifying: compact) == nil)
    }
}
