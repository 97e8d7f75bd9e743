import Bytes
import EventLoop
import HTTP1

/// The API behind the demo: an origin server that knows nothing of tokens but how to hand out the first one.
final class SampleAPI {
    private let loop: EventLoop
    private let makeToken: () -> String
    private var listener: Listener?
    private var connections: [ObjectIdentifier: Connection] = [:]

    var address: SocketAddress { listener!.address }

    /// - Parameter makeToken: mints the token that `POST /login` answers.
    init(on loop: EventLoop, makeToken: @escaping () -> String) throws {
        self.loop = loop
        self.makeToken = makeToken
        let socket = try ListeningSocket(boundTo: .ipv4(address: 0x7F00_0001, port: 0))
        listener = try Listener(socket, on: loop) { [unowned self] event in
            guard case .accepted(let socket) = event else { return }
            let connection = Connection(socket, api: self)
            connections[ObjectIdentifier(connection)] = connection
        }
    }

    /// The answer to one request: status line and JSON.
    private func answer(_ head: RequestHead, _ bytes: Span<UInt8>) -> (status: String, body: String) {
        let path = String(copying: bytes.extracting(head.path.bounds))
        switch (head.method, path) {
        case (.post, "/login"): return ("200 OK", "{\"token\":\"\(makeToken())\"}\n")
        case (.get, "/api/hello"): return ("200 OK", "{\"message\":\"Hello from the API behind the gateway\"}\n")
        case (.get, "/"): return ("200 OK", "{\"try\":[\"POST /login\",\"GET /api/hello\"]}\n")
        default: return ("404 Not Found", "{\"error\":\"no such resource\"}\n")
        }
    }

    private final class Connection: ByteStreamHandler {
        private unowned let api: SampleAPI
        private let stream: ByteStream
        private var head = RequestHead(limits: HeadLimits())
        private var input = ByteBuffer()

        init(_ socket: AcceptedSocket, api: SampleAPI) {
            self.api = api
            stream = ByteStream(socket, on: api.loop)
            stream.start(for: self)
        }

        func streamReceived(_ bytes: Span<UInt8>) {
            input.append(bytes)
            while !input.isEmpty {
                guard let used = answerNext() else { return close() }
                if used == 0 { return }
                input.removeFirst(used)
            }
        }

        /// The bytes of the request that was answered, 0 when it is not all here, nil when the connection is to end.
        private func answerNext() -> Int? {
            input.withSpan { bytes in
                guard let isWhole = try? head.parse(bytes) else { return nil }
                guard isWhole else { return 0 }
                var length = head.length
                if case .length(let content) = head.framing { length += content }
                guard length <= 1 << 20, head.framing != .chunked else { return nil }
                guard length <= bytes.count else { return 0 }
                let (status, body) = api.answer(head, bytes)
                var answer = ByteBuffer()
                answer.append("HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                if head.method != .head { answer.append(body) }
                let result = answer.withSpan { stream.write($0) }
                return result == .written ? length : nil
            }
        }

        func streamEnded() { close() }
        func streamDrained() {}
        func streamConnected() {}
        func streamFailed(_ error: SocketError) { close() }

        private func close() {
            stream.close()
            api.connections[ObjectIdentifier(self)] = nil
        }
    }
}
