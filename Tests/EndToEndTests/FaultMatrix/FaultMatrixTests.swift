import Testing

/// Goal: whatever an upstream does wrong costs the one request it was done to, is named to the client, in the log and in the
/// metrics alike, within a bounded time, and is never repaired by executing twice what may not be.
/// Method: each fault of the matrix by a scripted origin on a real socket, with a request that may be repeated and with one
/// that may not; a second upstream shows that nothing else suffers.
@Suite("Every fault of an upstream")
struct FaultMatrixTests {
    /// What the gateway waits for an upstream in these tests.
    private static let patience = Duration.milliseconds(400)
    /// Where nothing is waited for, and beyond what is: far more than any correct run needs on a loaded machine.
    private static let slack = Duration.seconds(8)

    private static func settings(_ fault: Fault, faulty: FaultyUpstream, healthy: Origin) -> String {
        // The timeouts are short only where they are what ends the wait.
        let timeouts = fault.isFoundByWaiting ? ", timeouts: { connect: 400ms, response: 400ms }" : ""
        return Gateway.admin + """
            routes:
              - { path: /healthy, auth: none, upstream: healthy }
              - { path: /, auth: none, upstream: faulty }
            upstreams:
              healthy: 127.0.0.1:\(healthy.port)
              faulty: { servers: [ "127.0.0.1:\(faulty.port)" ]\(timeouts) }
            """
    }

    private static func request(_ method: String) -> String {
        method == "GET"
            ? "GET /fault HTTP/1.1\r\nHost: a\r\n\r\n" : "POST /fault HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
    }

    @Test(arguments: Fault.matrix, ["GET", "POST"])
    func `costs its own request, is named, and repeats nothing unsafe`(_ fault: Fault, _ method: String) throws {
        let healthy = try Origin.ok()
        let faulty = try FaultyUpstream(fault.upstream)
        let gateway = try Gateway(Self.settings(fault, faulty: faulty, healthy: healthy), upstream: healthy)
        var client = try gateway.connect()
        if fault.occasion != .newConnection {
            #expect(try client.exchange("GET /before HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        }
        if fault.occasion == .betweenRequests { try faulty.waitForFirstConnectionToEnd() }

        let start = ContinuousClock.now
        try client.send(Self.request(method))
        switch fault.result(of: method) {
        case .answered(let status, let code):
            expectProblem(try client.receive(to: method), status: status, code: code)
        case .cutShort:
            try expectHalfAnAnswer(client)
            client = try gateway.connect()
        case .passed:
            let answer = try client.receive(to: method)
            #expect(answer.status == 200)
            #expect(answer.text == "ok")
        }
        let took = start.duration(to: .now)
        #expect(took < Self.patience + Self.slack)
        // A little earlier by the clock that the loop reads once a turn.
        if fault.isFoundByWaiting { #expect(took >= Self.patience - .milliseconds(50)) }

        // The same client goes on where it was answered, and everyone else does anyway.
        #expect(try client.exchange("GET /healthy HTTP/1.1\r\nHost: a\r\n\r\n").text == "ok")
        try expectLogged(fault.result(of: method), by: gateway)
        try expectCounted(fault.result(of: method), fault.counter, by: gateway)
        let executions = method == "GET" ? fault.executions : fault.executions.lowerBound...fault.executions.lowerBound
        #expect(executions.contains(faulty.executions(of: "/fault")))
    }

    /// The head and half of the content, and then an end that no client takes for the answer's.
    private func expectHalfAnAnswer(_ client: Client) throws {
        let head = try client.reader.readHead(by: .after())
        #expect(head.status == 200)
        if case .chunked = head.responseFraming(answering: "GET") {
            #expect(try client.reader.readChunk(by: .after()) == Array("half".utf8))
            #expect(throws: (any Error).self) { try client.reader.readChunk(by: .after()) }
        } else {
            #expect(try client.reader.read(4, by: .after()) == Array("half".utf8))
            #expect(throws: (any Error).self) { try client.reader.read(1, by: .after()) }
        }
        #expect(client.reader.unread.isEmpty, "nothing is made up to fill the length")
    }

    /// One line for one failure, with the status and code that the client got; none where there was none.
    private func expectLogged(_ result: Fault.Result, by gateway: Gateway) throws {
        switch result {
        case .answered(let status, let code):
            try gateway.process.waitForLine(containing: " failed status=\(status) code=\(code)")
        case .cutShort(let code):
            try gateway.process.waitForLine(containing: " cut_short code=\(code)")
        case .passed: break
        }
        let lines = gateway.logs.split(separator: "\n").filter { $0.contains(" failed ") || $0.contains(" cut_short ") }
        #expect(lines.count == (result == .passed ? 0 : 1), "\(lines)")
    }

    private func expectCounted(_ result: Fault.Result, _ counter: String?, by gateway: Gateway) throws {
        switch result {
        case .answered(_, let code):
            #expect(try gateway.metric("slidegate_own_answers_total{code=\"\(code)\"}") == 1)
        case .cutShort(let code):
            #expect(try gateway.metric("slidegate_answers_cut_short_total{code=\"\(code)\"}") == 1)
        case .passed: break
        }
        #expect(try gateway.metric("slidegate_failures_total") == (result == .passed ? 0 : 1))
        guard let counter else { return }
        #expect(try gateway.metric(counter) == 1)
        // It is named after the counter.
        try gateway.process.waitForLine(containing: " \(counter.dropFirst("slidegate_".count).dropLast("_total".count)) server=")
    }
}
