import Bytes
import EventLoop
import HTTP1

/// The server behind the demo: a page, a login that takes anybody, and an API. Of tokens it knows nothing; who asks, the
/// gateway tells it.
final class SampleAPI {
    private let loop: EventLoop
    private let page: DemoPage
    private var listener: Listener?
    private var connections: [ObjectIdentifier: Connection] = [:]

    var address: SocketAddress { listener!.address }

    init(on loop: EventLoop, page: DemoPage) throws {
        self.loop = loop
        self.page = page
        let socket = try ListeningSocket(boundTo: .ipv4(address: 0x7F00_0001, port: 0))
        listener = try Listener(socket, on: loop) { [unowned self] event in
            guard case .accepted(let socket) = event else { return }
            let connection = Connection(socket, api: self)
            connections[ObjectIdentifier(connection)] = connection
        }
    }

    /// - Parameter content: of the request, whole.
    private func answer(_ head: RequestHead, _ bytes: Span<UInt8>, content: Span<UInt8>) -> SampleAnswer {
        let path = String(copying: bytes.extracting(head.path.bounds))
        switch (head.method, path) {
        case (.post, "/login"):
            guard let login = SampleLogin(content) else {
                return SampleAnswer(status: "400 Bad Request", json: ["error": "expected {\"user\":\"NAME\"}"])
            }
            return SampleAnswer(fields: "X-Session-Claims: \(login.claims)\r\n", json: ["user": login.user])
        case (.get, "/api/hello"), (.head, "/api/hello"): return SampleAnswer(json: ["message": "Hello, \(user(head, bytes))"])
        case (.get, "/api/poll"), (.head, "/api/poll"): return SampleAnswer(json: ["news": "none"])
        case (.get, let path), (.head, let path):
            if let file = page.file(at: path) { return file }
            fallthrough
        default: return SampleAnswer(status: "404 Not Found", json: ["error": "no such resource"])
        }
    }

    /// Whom the gateway has verified, percent-encoded where it is not ASCII.
    private func user(_ head: RequestHead, _ bytes: Span<UInt8>) -> String {
        for line in head.fields.lines where bytes.extracting(line.name.bounds).equalsIgnoringCase("x-user") {
            return String(copying: bytes.extracting(line.value.bounds))
        }
        return "nobody"
    }

    private final class Connection: ByteStreamHandler {
        private static let contentBytesMax = 64 << 10
        private static let inputBytesMax = 256 << 10

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
            input.count <= Self.inputBytesMax ? answerAll() : close()
        }

        private func answerAll() {
            while !input.isEmpty, stream.queuedBytes == 0 {
                guard let used = answerNext() else { return close() }
                if used == 0 { return }
                input.removeFirst(used)
            }
        }

        /// The bytes of the request that was answered, 0 when it is not all here, nil when the connection is to end.
        private func answerNext() -> Int? {
            input.withSpan { (bytes) -> Int? in
                guard let isWhole = try? head.parse(bytes) else { return nil }
                guard isWhole else { return 0 }
                var contentLength = 0
                if case .length(let length) = head.framing { contentLength = length }
                guard contentLength <= Self.contentBytesMax, head.framing != .chunked else { return nil }
                let length = head.length + contentLength
                guard length <= bytes.count else { return 0 }
                let answer = api.answer(head, bytes, content: bytes.extracting(head.length..<length))
                let message = answer.message(withContent: head.method != .head)
                if case .failed = stream.write(message.span) { return nil }
                return length
            }
        }

        func streamEnded() { close() }
        func streamDrained() { answerAll() }
        func streamConnected() {}
        func streamFailed(_ error: SocketError) { close() }

        private func close() {
            stream.close()
            api.connections[ObjectIdentifier(self)] = nil
        }
    }
}
