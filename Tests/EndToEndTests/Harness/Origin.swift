import Foundation
import Synchronization

/// A scripted origin server on a free port: each connection runs the script on a thread of its own, and every byte that
/// came is on record.
final class Origin: Sendable {
    typealias Script = @Sendable (OriginConnection) throws -> Void

    let port: UInt16
    private let listener: ListeningSocket
    private let log: OriginLog

    /// - Parameter keepsLog: whether every byte that comes is kept for `received`; off where gigabytes come.
    convenience init(keepsLog: Bool = true, _ script: @escaping Script) throws {
        try self.init(on: ListeningSocket(), keepsLog: keepsLog, script)
    }

    init(on listener: ListeningSocket, keepsLog: Bool = true, _ script: @escaping Script) throws {
        let log = OriginLog(keepsBytes: keepsLog)
        self.listener = listener
        self.log = log
        port = listener.port
        startThread {
            while let socket = listener.accept() {
                let connection = log.open(socket)
                startThread {
                    do {
                        try script(connection)
                    } catch {
                        log.note(error, on: connection)
                    }
                    connection.socket.close()
                    log.connectionEnded()
                }
            }
        }
    }

    /// An origin that answers each request of every persistent connection with the bytes `answer` gives for it.
    static func answering(_ answer: @escaping @Sendable (Message) throws -> String) throws -> Origin {
        try Origin { connection in
            while let request = try connection.nextRequest() {
                try connection.send(try answer(request))
            }
        }
    }

    /// An origin that answers everything with `200` and two bytes.
    static func ok() throws -> Origin { try answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" } }

    deinit { stop() }

    /// Refuses further connections and ends those that are open.
    func stop() {
        listener.stop()
        for connection in connections { connection.socket.shutDown() }
    }

    /// In order of acceptance, ended ones too.
    var connections: [OriginConnection] { log.connections }

    /// Whole requests in order of completion, over all connections.
    var requests: [Message] { log.requests }

    /// Every byte that came over any connection.
    var received: [UInt8] { connections.flatMap(\.reader.received) }

    /// What went wrong in scripts, other than the gateway ending the connection.
    var failures: [String] { log.failures }

    func waitForRequests(_ count: Int, within duration: Duration = Deadline.usual) throws -> [Message] {
        try log.wait(for: "\(count) requests at the origin", within: duration) { $0.requests.count >= count }
        return requests
    }

    func waitForConnections(_ count: Int, within duration: Duration = Deadline.usual) throws {
        try log.wait(for: "\(count) connections at the origin", within: duration) { $0.connections.count >= count }
    }

    /// Waits until that many connections have ended.
    func waitForEnded(_ count: Int, within duration: Duration = Deadline.usual) throws {
        try log.wait(for: "\(count) connections to end at the origin", within: duration) { $0.ended >= count }
    }

    /// Waits until every connection so far has ended.
    func waitUntilIdle(within duration: Duration = Deadline.usual) throws {
        try log.wait(for: "the origin's connections to end", within: duration) { $0.ended == $0.connections.count }
    }
}

/// One accepted connection, driven by a script.
final class OriginConnection: Sendable {
    /// 0 for the first connection that the origin accepted.
    let number: Int
    let socket: Socket
    let reader: MessageReader
    private let log: OriginLog

    fileprivate init(number: Int, socket: Socket, log: OriginLog, keepsBytes: Bool) {
        self.number = number
        self.socket = socket
        self.log = log
        reader = MessageReader(socket, keepsLog: keepsBytes)
    }

    /// The next whole request, or nil when the gateway ended the connection before one began.
    func nextRequest(within duration: Duration = Deadline.usual) throws -> Message? {
        guard let head = try nextHead(within: duration) else { return nil }
        return try finish(head, within: duration)
    }

    /// The next head alone, or nil at the end of the connection.
    func nextHead(within duration: Duration = Deadline.usual) throws -> Message? {
        do {
            return try reader.readHead(by: .after(duration))
        } catch WireError.endOfStream(let rest) where rest.isEmpty {
            return nil
        } catch WireError.reset where reader.unread.isEmpty {
            return nil
        }
    }

    /// Reads the content that belongs to `head` and puts the request on record.
    @discardableResult
    func finish(_ head: Message, within duration: Duration = Deadline.usual) throws -> Message {
        let request = try reader.readBody(of: head, framing: head.requestFraming, by: .after(duration))
        log.completed(request)
        return request
    }

    func send(_ text: String) throws { try send(text.latin1) }

    func send(_ bytes: [UInt8], within duration: Duration = Deadline.usual) throws {
        try socket.write(bytes, by: .after(duration))
    }

    /// Waits for the gateway to end the connection, reading on; what came is returned.
    @discardableResult
    func waitForEnd(within duration: Duration = Deadline.usual) throws -> [UInt8] {
        do {
            return try reader.readToEnd(by: .after(duration))
        } catch WireError.reset {
            return reader.unread
        }
    }

    func close() { socket.close() }
    func reset() { socket.reset() }
}

/// What happened at one origin; shared by its threads, and outlives none of them.
private final class OriginLog: Sendable {
    struct State {
        var connections: [OriginConnection] = []
        var requests: [Message] = []
        var failures: [String] = []
        var ended = 0
    }

    private let keepsBytes: Bool
    private let state = Mutex(State())
    private let changed = NSCondition()

    init(keepsBytes: Bool) { self.keepsBytes = keepsBytes }

    var connections: [OriginConnection] { state.withLock { $0.connections } }
    var requests: [Message] { state.withLock { $0.requests } }
    var failures: [String] { state.withLock { $0.failures } }

    func open(_ socket: Socket) -> OriginConnection {
        defer { announce() }
        return state.withLock {
            let connection = OriginConnection(
                number: $0.connections.count, socket: socket, log: self, keepsBytes: keepsBytes)
            $0.connections.append(connection)
            return connection
        }
    }

    func completed(_ request: Message) {
        state.withLock { $0.requests.append(request) }
        announce()
    }

    func note(_ error: any Error, on connection: OriginConnection) {
        state.withLock { $0.failures.append("connection \(connection.number): \(error)") }
    }

    func connectionEnded() {
        state.withLock { $0.ended += 1 }
        announce()
    }

    func wait(for what: String, within duration: Duration, until isReached: (State) -> Bool) throws {
        let deadline = Deadline.after(duration)
        changed.lock()
        defer { changed.unlock() }
        while !state.withLock({ isReached($0) }) {
            guard !deadline.hasPassed else { throw WireError.timedOut(waitingFor: what) }
            _ = changed.wait(until: Date(timeIntervalSinceNow: deadline.secondsLeft))
        }
    }

    private func announce() {
        changed.lock()
        changed.broadcast()
        changed.unlock()
    }
}

/// Runs `body` on a thread of its own: scripts and parallel clients block, and must not hold the test runner's threads.
func startThread(_ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.stackSize = 512 * 1024
    thread.start()
}

/// Runs `body` for each number below `count` at the same time, on a thread each, and returns what they gave, in order.
func inParallel<Value: Sendable>(
    _ count: Int, within duration: Duration = .seconds(60), _ body: @escaping @Sendable (Int) throws -> Value
) throws -> [Value] {
    let results = ParallelResults<Value>()
    let done = DispatchSemaphore(value: 0)
    for number in 0..<count {
        startThread {
            results.set(number, Result { try body(number) })
            done.signal()
        }
    }
    let limit = DispatchTime.now() + duration.inSeconds
    for _ in 0..<count where done.wait(timeout: limit) == .timedOut {
        throw WireError.timedOut(waitingFor: "\(count) parallel tasks")
    }
    return try (0..<count).map { try results.get($0).get() }
}

private final class ParallelResults<Value: Sendable>: Sendable {
    private let results = Mutex<[Int: Result<Value, any Error>]>([:])
    func set(_ number: Int, _ result: Result<Value, any Error>) { results.withLock { $0[number] = result } }
    func get(_ number: Int) -> Result<Value, any Error> {
        results.withLock { $0[number] ?? .failure(WireError.timedOut(waitingFor: "task \(number)")) }
    }
}
