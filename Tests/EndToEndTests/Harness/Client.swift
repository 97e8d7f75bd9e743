import Glibc

/// A client that sends exactly the bytes it is told and reads answers strictly.
final class Client: Sendable {
    let socket: Socket
    let reader: MessageReader
    /// Kept so that the program lives as long as anyone talks to it.
    private let gateway: Gateway?

    init(
        to port: UInt16, of gateway: Gateway? = nil, receiveBuffer: Int32? = nil, keepsLog: Bool = true
    ) throws {
        socket = try Socket.connected(to: port, receiveBuffer: receiveBuffer)
        reader = MessageReader(socket, keepsLog: keepsLog)
        self.gateway = gateway
    }

    init(_ socket: Socket, of gateway: Gateway? = nil) {
        self.socket = socket
        reader = MessageReader(socket, keepsLog: true)
        self.gateway = gateway
    }

    func send(_ text: String, within duration: Duration = Deadline.usual) throws {
        try send(text.latin1, within: duration)
    }

    func send(_ bytes: [UInt8], within duration: Duration = Deadline.usual) throws {
        try socket.write(bytes, by: .after(duration))
    }

    /// The next message whatever its status: an interim one too.
    func receiveAny(to method: String = "GET", within duration: Duration = Deadline.usual) throws -> Message {
        let deadline = Deadline.after(duration)
        let head = try reader.readHead(by: deadline)
        return try reader.readBody(of: head, framing: head.responseFraming(answering: method), by: deadline)
    }

    /// The next final answer; 1xx before it are passed over.
    func receive(to method: String = "GET", within duration: Duration = Deadline.usual) throws -> Message {
        while true {
            let message = try receiveAny(to: method, within: duration)
            if !message.isInterim { return message }
        }
    }

    /// Sends `text` and reads the final answer.
    func exchange(_ text: String, within duration: Duration = Deadline.usual) throws -> Message {
        try send(text)
        return try receive(to: String(text.prefix { $0 != " " }), within: duration)
    }

    /// Whether the peer ends the connection in order, with nothing sent before that.
    func isClosedByPeer(within duration: Duration = Deadline.usual) throws -> Bool {
        do {
            return try reader.readToEnd(by: .after(duration)).isEmpty
        } catch WireError.timedOut {
            return false
        }
    }

    /// Whether nothing comes, and no end of the stream either, for that long.
    func isSilent(for duration: Duration) throws -> Bool {
        do {
            _ = try reader.readSome(upTo: 1, by: .after(duration))
            return false
        } catch WireError.timedOut {
            return true
        }
    }

    func finishWriting() { socket.finishWriting() }
    func close() { socket.close() }
    func reset() { socket.reset() }
}

/// Waits until nobody listens at `port` any more.
func waitUntilRefused(at port: UInt16) throws {
    let deadline = Deadline.after()
    while !deadline.hasPassed {
        do {
            let probe = try Client(to: port)
            // Taken just before the end, perhaps; whoever takes it answers nothing, as nothing is asked.
            _ = try? probe.reader.readToEnd(by: .after(.milliseconds(20)))
            probe.close()
        } catch WireError.system(call: "connect", errno: ECONNREFUSED) {
            return
        } catch WireError.system(call: "connect", errno: ECONNRESET) {
            continue  // the handshake was under way as the socket closed
        }
    }
    throw WireError.timedOut(waitingFor: "port \(port) to be closed")
}
