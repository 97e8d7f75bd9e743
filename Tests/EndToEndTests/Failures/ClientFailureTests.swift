import Testing

/// Goal: a client that goes away takes only its own exchange with it. Method: leave at each point, then look at the
/// origin's record and at the program's open descriptors.
@Suite("A client that goes away")
struct ClientFailureTests {
    @Test(arguments: [true, false])
    func `in the middle of an upload ends the upstream's request unfinished`(_ resets: Bool) throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        for framing in ["Content-Length: 100\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
            let client = try gateway.connect()
            let before = origin.connections.count
            try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)")
            try origin.waitForConnections(before + 1)
            if resets { client.reset() } else { client.close() }
            try origin.waitUntilIdle()
        }
        #expect(origin.requests.isEmpty, "half an upload is never a whole one")
        #expect(!String(latin1: origin.received).contains("\r\n0\r\n\r\n"))
        #expect(try gateway.get().status == 200)
    }

    @Test func `before its answer frees the upstream's connection`() throws {
        let requested = Gate()
        let origin = try Origin { connection in
            guard let request = try connection.nextRequest() else { return }
            if request.target == "/next" { return try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
            requested.open()
            try connection.waitForEnd()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try requested.wait()
        client.reset()
        try origin.waitUntilIdle()
        #expect(try gateway.get("/next").status == 200)
    }

    @Test func `in the middle of its answer frees the upstream's connection`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while true { try connection.send("5\r\nhello\r\n") }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.reader.readHead(by: .after())
        client.reset()
        try origin.waitUntilIdle()
    }

    @Test func `leaves no descriptor open, however often`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        #expect(try gateway.get().status == 200)
        let before = try gateway.process.openDescriptors()
        for number in 0..<100 {
            let client = try gateway.connect()
            switch number % 4 {
            case 0: client.reset()
            case 1: try client.send("GET / HT")
            case 2: try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
            default: try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            client.reset()
        }
        let deadline = Deadline.after()
        while try gateway.process.openDescriptors() > before + 2, !deadline.hasPassed {
            #expect(try gateway.get().status == 200)
        }
        #expect(try gateway.process.openDescriptors() <= before + 2)
    }
}
