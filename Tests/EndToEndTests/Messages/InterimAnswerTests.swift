import Testing

/// Interim answers: RFC 9110 §15.2 and §10.1.1.
@Suite("Interim answers and Expect")
struct InterimAnswerTests {
    @Test func `1xx are relayed in order before the final answer`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 102 Processing\r\nX-Step: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                + "HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.receiveAny().startLine == "HTTP/1.1 102 Processing")
        #expect(try client.receiveAny()["Link"] == "</a.css>; rel=preload")
        #expect(try client.receiveAny()["Link"] == "</b.css>; rel=preload")
        #expect(try client.receiveAny().text == "ok")
    }

    @Test func `a 103 passes before the origin has a final answer`() throws {
        let hintsSeen = Gate()
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            try hintsSeen.wait()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.receiveAny().status == 103)
        hintsSeen.open()
        #expect(try client.receiveAny().status == 200)
    }

    @Test func `an HTTP/1.0 client never sees a 1xx`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try client.receiveAny().status == 200)
    }

    @Test func `Expect 100-continue works end to end`() throws {
        let origin = try Origin { connection in
            while let head = try connection.nextHead() {
                #expect(head["Expect"]?.lowercased() == "100-continue")
                #expect(connection.reader.unread.isEmpty)
                try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                try connection.finish(head)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            #expect(try client.receiveAny(to: "POST").status == 100)
            try client.send("body")
            #expect(try client.receiveAny(to: "POST").text == "ok")
        }
        #expect(origin.requests.map(\.text) == ["body", "body"])
        #expect(origin.failures == [])
    }

    @Test func `a client that does not wait for 100 loses nothing`() throws {
        let origin = try Origin { connection in
            while let head = try connection.nextHead() {
                try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                try connection.finish(head)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody")
        #expect(answer.text == "ok")
        #expect(origin.requests.map(\.text) == ["body"])
    }

    @Test func `a final answer instead of 100 reaches the client that waits`() throws {
        let origin = try Origin { connection in
            guard try connection.nextHead() != nil else { return }
            try connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
            try connection.waitForEnd()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        let answer = try client.receiveAny(to: "POST")
        #expect(answer.status == 413)
        #expect(answer.text == "big")
        #expect(origin.requests.isEmpty)
    }

    @Test func `a refused request with Expect gets its refusal and no 100`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        let answer = try client.receiveAny(to: "POST")
        expectProblem(answer, status: 401, code: "token_missing")
        #expect(origin.received.isEmpty)
    }

    @Test func `another expectation is a 417`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        expectProblem(try gateway.get("/", "Expect: 200-ok"), status: 417)
        #expect(origin.received.isEmpty)
    }

    @Test func `Expect from an HTTP/1.0 client is ignored`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody")
        #expect(try client.receiveAny(to: "POST").status == 200)
        #expect(origin.requests.map { $0.has("Expect") } == [false])
    }
}

/// RFC 9112 §9.5 and §9.6: an origin may answer, and even refuse, before it has read the request's content.
@Suite("Answers that begin before the request's content has ended")
struct EarlyAnswerTests {
    @Test func `reach the client while it still writes`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
            try connection.finish(head)
            try connection.send("4\r\nlate\r\n0\r\n\r\n")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array("early".utf8))
        try client.send("56789")
        #expect(try client.reader.readChunk(by: .after()) == Array("late".utf8))
        #expect(origin.requests.map(\.text) == ["0123456789"])
    }

    @Test func `that are complete leave a connection in step: the next request is understood`() throws {
        let origin = try Origin { connection in
            while let head = try connection.nextHead() {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(head.target.count)\r\n\r\n\(head.target)")
                try connection.finish(head)
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n")
        #expect(try client.receive(to: "POST").text == "/1")
        // Either the gateway reads on and keeps the connection, or it closes it; never does content become a request.
        let content = "GET /smuggled HTTP/1.1\r\nHost:a"
        #expect(content.utf8.count == 30)
        do {
            try client.send(content)
            try client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.receive().text == "/2")
        } catch WireError.endOfStream, WireError.reset {
        }
        #expect(origin.requests.allSatisfy { $0.target != "/smuggled" })
    }

    @Test func `that refuse a large upload and close reach the client whole`() throws {
        let origin = try Origin { connection in
            guard try connection.nextHead() != nil else { return }
            try connection.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        startThread { try? client.send([UInt8](repeating: 120, count: 1_000_000)) }
        let answer = try client.receive(to: "POST")
        #expect(answer.status == 413)
        #expect(answer.text == "big")
    }
}
