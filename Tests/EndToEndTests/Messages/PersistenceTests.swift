import Testing

/// Goal: connections persist as RFC 9112 §9.3 says, on both sides, each side for itself.
/// Method: count connections at the origin, and see which side closes when.
@Suite("Persistent connections")
struct PersistenceTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `one client connection carries many requests over one upstream connection`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<50 { #expect(try client.exchange(Self.request).text == "ok") }
        #expect(origin.connections.count == 1)
        #expect(origin.requests.count == 50)
    }

    @Test func `clients that come one after the other share an upstream connection`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        for _ in 0..<10 { #expect(try gateway.exchange(Self.request).text == "ok") }
        #expect(origin.connections.count == 1)
    }

    @Test func `requests at the same time get upstream connections of their own`() throws {
        let gate = Gate(4)
        let waiting = try Origin { connection in
            while try connection.nextRequest() != nil {
                try gate.arriveAndWait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(openToAll, upstream: waiting)
        let answers = try inParallel(4) { _ in try gateway.exchange(Self.request).status }
        #expect(answers == [200, 200, 200, 200])
        #expect(waiting.connections.count == 4)
    }

    @Test func `a client's Connection close is obeyed and not passed on`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(answer.members(of: "Connection").contains("close"))
        #expect(try client.isClosedByPeer())
        #expect(try gateway.exchange(Self.request).status == 200)
        #expect(origin.connections.count == 1)
        #expect(origin.requests.allSatisfy { !$0.members(of: "Connection").contains("close") })
    }

    @Test func `an origin's Connection close ends its connection and not the client's`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            try connection.waitForEnd(within: .seconds(5))
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<3 {
            let answer = try client.exchange(Self.request)
            #expect(answer.text == "ok")
            #expect(!answer.members(of: "Connection").contains("close"))
        }
        #expect(origin.connections.count == 3)
        #expect(origin.failures == [], "a connection that the origin wants closed is closed by the gateway")
    }

    @Test func `an HTTP/1.0 client is answered and disconnected, unless it asks to stay`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let plain = try gateway.connect()
        #expect(try plain.exchange("GET / HTTP/1.0\r\n\r\n").text == "ok")
        #expect(try plain.isClosedByPeer())
        let staying = try gateway.connect()
        for _ in 0..<2 {
            let answer = try staying.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(answer.text == "ok")
            #expect(answer.members(of: "Connection").map { $0.lowercased() } == ["keep-alive"])
        }
    }

    @Test func `an HTTP/1.0 origin's connection is not used again`() throws {
        let origin = try Origin.answering { _ in "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok" }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 {
            let answer = try client.exchange(Self.request)
            #expect(answer.text == "ok")
            #expect(answer.startLine.hasPrefix("HTTP/1.1 "))
        }
        #expect(origin.connections.count == 2)
    }

    @Test func `the request to the origin is HTTP/1.1 whatever the client speaks`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.exchange("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(origin.requests.map(\.startLine) == ["GET / HTTP/1.1"])
    }

    @Test func `bytes that an origin sends without being asked never answer the next request`() throws {
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<5 { #expect(try client.exchange(Self.request).text == "ok") }
        #expect(origin.connections.count == 5, "a connection with unread bytes is closed, not pooled")
    }

    @Test func `a client that finished writing still gets its answer`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request)
        client.finishWriting()
        #expect(try client.receive().text == "ok")
        #expect(try client.isClosedByPeer())
    }
}

/// Pipelining: RFC 9112 §9.3.2.
@Suite("Pipelined requests")
struct PipeliningTests {
    @Test func `are answered in order, each with its own answer`() throws {
        let origin = try Origin.answering { request in
            "HTTP/1.1 200 OK\r\nContent-Length: \(request.target.count)\r\n\r\n\(request.target)"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        let targets = (0..<40).map { "/\($0)" }
        try client.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for target in targets { #expect(try client.receive().text == target) }
        #expect(origin.requests.map(\.target) == targets)
    }

    @Test func `with content between them keep their content apart`() throws {
        let origin = try Origin.answering { "HTTP/1.1 200 OK\r\nContent-Length: \($0.body.count)\r\n\r\n\($0.text)" }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(
            "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\nGET /x HTTP/1.1\r\n\r"
                + "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"
                + "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n" + "\r\nPOST /4 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nz")
        #expect(try client.receive().text == "GET /x HTTP/1.1\r\n\r")
        #expect(try client.receive().text == "GET /")
        #expect(try client.receive().text == "")
        #expect(try client.receive().text == "z")
        #expect(origin.requests.map(\.target) == ["/1", "/2", "/3", "/4"])
    }

    @Test func `behind a refused one are answered too, in order`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        try client.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n" + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
                + "GET /3 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n")
        #expect(try client.receive().status == 200)
        #expect(try client.receive().status == 401)
        #expect(try client.receive().status == 200)
        #expect(origin.requests.map(\.target) == ["/1", "/3"])
    }

    @Test func `behind Connection close are not answered and not forwarded`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.receive().status == 200)
        #expect(try client.isClosedByPeer())
        #expect(origin.requests.map(\.target) == ["/1"])
    }

    @Test func `in front of a malformed one are answered before its 400`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost : a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.receive().status == 200)
        expectProblem(try client.receive(), status: 400)
        #expect(try client.isClosedByPeer())
        #expect(origin.requests.map(\.target) == ["/1"])
    }

    @Test func `beyond any buffer are held back, not dropped`() throws {
        let origin = try Origin.answering { request in
            "HTTP/1.1 200 OK\r\nContent-Length: \(request.target.count)\r\n\r\n\(request.target)"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect(keepsLog: false)
        let padding = String(repeating: "p", count: 4000)
        let count = 300
        startThread {
            for number in 0..<count { try? client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\nX: \(padding)\r\n\r\n") }
        }
        for number in 0..<count { #expect(try client.receive().text == "/\(number)") }
    }
}
