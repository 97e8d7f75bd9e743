import Testing

/// One way in which an upstream fails and all that must follow from it: a row of the matrix, and of the table in `Faults.md`.
struct Fault: Sendable, CustomTestStringConvertible {
    /// What the upstream is, or does on each of its connections.
    enum Upstream: Sendable {
        /// Nobody listens at its address.
        case absent
        /// It listens, and its backlog is full.
        case unreachable
        /// A script for each connection. A request that it reads whole counts as executed.
        case script(Origin.Script)
    }

    /// What the client gets.
    enum Result: Sendable, Equatable {
        /// An answer of the gateway's own.
        case answered(status: Int, code: String)
        /// The upstream's answer as far as it came, then a cut that nobody takes for its end.
        case cutShort(code: String)
        /// The upstream's answer, whole.
        case passed
    }

    enum Occasion: Sendable {
        case newConnection
        /// The request goes out on a connection that has served one before.
        case reusedConnection
        /// The connection has served a request, and the fault has happened before the next one comes.
        case betweenRequests
    }

    /// As in the table's first column.
    let name: String
    let upstream: Upstream
    /// For a request that may be repeated.
    let get: Result
    /// For a request that may not.
    let post: Result
    /// How often the upstream may have executed the GET. The POST's bound is the lower one: nothing repeats it.
    let executions: ClosedRange<Int>
    /// The gateway finds out by waiting for so long, and no longer than it must.
    var isFoundByWaiting = false
    var occasion = Occasion.newConnection
    /// The counter that tells of a fault which costs no request.
    var counter: String?

    var testDescription: String { name }

    func result(of method: String) -> Result { method == "GET" ? get : post }
}

extension Fault {
    /// The same for every method.
    fileprivate init(
        _ name: String, _ upstream: Upstream, _ result: Result, executions: ClosedRange<Int>, isFoundByWaiting: Bool = false,
        occasion: Occasion = .newConnection, counter: String? = nil
    ) {
        self.init(
            name: name, upstream: upstream, get: result, post: result, executions: executions,
            isFoundByWaiting: isFoundByWaiting, occasion: occasion, counter: counter)
    }

    private static let whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let half = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"
    private static let halfInChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    private static let partOfHead = "HTTP/1.1 200 OK\r\nContent-Le"

    /// Reads a whole request on each connection and does that.
    private static func executing(_ then: @escaping Origin.Script) -> Upstream {
        .script { connection in
            guard try connection.nextRequest() != nil else { return }
            try then(connection)
        }
    }

    /// Reads a whole request, sends that, and ends as `leave` says.
    private static func sending(_ bytes: String, _ leave: @escaping Origin.Script) -> Upstream {
        executing { connection in
            if !bytes.isEmpty { try connection.send(bytes) }
            try leave(connection)
        }
    }

    private static let reset: Origin.Script = { $0.reset() }
    private static let close: Origin.Script = { $0.close() }
    private static let fallSilent: Origin.Script = { try $0.waitForEnd() }
    /// A reset overtakes what the gateway has not read yet: it comes once the client has had its half.
    private static let resetLater: Origin.Script = { connection in
        try connection.pause()
        connection.reset()
    }

    /// Serves the first request of its first connection, then what `then` does; further connections serve everything.
    private static func afterOne(_ then: @escaping Origin.Script) -> Upstream {
        .script { connection in
            if connection.number == 0 {
                guard try connection.nextRequest() != nil else { return }
                try connection.send(whole)
                return try then(connection)
            }
            while try connection.nextRequest() != nil { try connection.send(whole) }
        }
    }

    static let matrix: [Fault] = [
        // Connect.
        Fault(
            "refuses the connection", .absent, .answered(status: 502, code: "upstream_unreachable"), executions: 0...0),
        Fault(
            "does not accept in time", .unreachable, .answered(status: 504, code: "upstream_connect_timeout"),
            executions: 0...0, isFoundByWaiting: true),
        // Before the head.
        Fault(
            "resets before its head", sending("", reset), .answered(status: 502, code: "upstream_closed"), executions: 1...1),
        Fault(
            "closes before its head", sending("", close), .answered(status: 502, code: "upstream_closed"), executions: 1...1),
        Fault(
            "stalls before its head", sending("", fallSilent), .answered(status: 504, code: "upstream_timeout"),
            executions: 1...1, isFoundByWaiting: true),
        // Within the head.
        Fault(
            "resets within its head", sending(partOfHead, reset), .answered(status: 502, code: "upstream_closed"),
            executions: 1...1),
        Fault(
            "closes within its head", sending(partOfHead, close), .answered(status: 502, code: "upstream_closed"),
            executions: 1...1),
        Fault(
            "stalls within its head", sending(partOfHead, fallSilent), .answered(status: 504, code: "upstream_timeout"),
            executions: 1...1, isFoundByWaiting: true),
        // After the head.
        Fault(
            "resets within its content", sending(half, resetLater), .cutShort(code: "upstream_closed"), executions: 1...1),
        Fault("closes within its content", sending(half, close), .cutShort(code: "upstream_closed"), executions: 1...1),
        Fault(
            "closes within its chunks", sending(halfInChunks, close), .cutShort(code: "upstream_closed"), executions: 1...1),
        Fault(
            "stalls within its content", sending(half, fallSilent), .cutShort(code: "upstream_timeout"), executions: 1...1,
            isFoundByWaiting: true),
        // Garbage.
        Fault(
            "answers in no HTTP", sending("\u{0}\u{1}SSH-2.0-nothing\r\n\r\n", fallSilent),
            .answered(status: 502, code: "upstream_malformed"), executions: 1...1),
        Fault(
            "sends a head without end", executing { connection in
                try connection.send("HTTP/1.1 200 OK\r\n")
                for _ in 0..<100_000 { try connection.send("X-Filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n") }
            },
            .answered(status: 502, code: "upstream_malformed"), executions: 1...1),
        Fault(
            "tells two lengths", sending("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", fallSilent),
            .answered(status: 502, code: "upstream_malformed"), executions: 1...1),
        Fault(
            "switches protocols unasked",
            sending("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", fallSilent),
            .answered(status: 502, code: "upstream_malformed"), executions: 1...1),
        Fault(
            "sends a malformed chunk", executing { connection in
                try connection.send(halfInChunks)
                try connection.pause()
                try connection.send("zz\r\nno chunk\r\n")
                try connection.waitForEnd()
            },
            .cutShort(code: "upstream_malformed"), executions: 1...1),
        // Excess.
        Fault(
            "answers twice at once", afterOne { connection in
                guard try connection.nextRequest() != nil else { return }
                try connection.send(whole + stray)
                try connection.waitForEnd()
            },
            .passed, executions: 1...1, occasion: .reusedConnection, counter: "slidegate_upstream_excess_total"),
        Fault(
            "answers again while idle", afterOne { connection in
                try connection.pause()
                try connection.send(stray)
                try connection.waitForEnd()
            },
            .passed, executions: 1...1, occasion: .betweenRequests, counter: "slidegate_upstream_excess_total"),
        // An idle connection that ends.
        Fault(
            "closes an idle connection", afterOne { $0.close() }, .passed, executions: 1...1, occasion: .betweenRequests),
        Fault(
            name: "closes an idle connection as a request goes out",
            upstream: afterOne { connection in
                guard try connection.nextHead() != nil else { return }
                connection.reset()
            },
            get: .passed, post: .answered(status: 502, code: "upstream_closed"), executions: 0...1, occasion: .reusedConnection),
        Fault(
            name: "executes a request on an idle connection and resets",
            upstream: afterOne { connection in
                guard try connection.nextRequest() != nil else { return }
                connection.reset()
            },
            get: .passed, post: .answered(status: 502, code: "upstream_closed"), executions: 1...2, occasion: .reusedConnection),
    ]

    /// What must never reach a client.
    static let stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
}

extension OriginConnection {
    /// Long enough for the gateway to have read what was sent, short beside any timeout.
    fileprivate func pause() throws { _ = try? Gate().wait(within: .milliseconds(100)) }
}
