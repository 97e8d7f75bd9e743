import Bytes
import EventLoop
import HTTP1

/// One connection to the administration listener: a request, its answer, the next request.
final class AdminConnection {
    private static let limits: HeadLimits = {
        var limits = HeadLimits()
        limits.headBytesMax = 8 << 10
        return limits
    }()
    /// For a head to arrive, an answer to be read, and between two requests: scrapers come every minute at the latest.
    private static let patience: Int64 = 90_000

    private let stream: ByteStream
    private unowned let server: AdminServer
    private var timer: LoopTimer?
    private var head = RequestHead(limits: AdminConnection.limits)
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var isAnswering = false
    private var closesAfterwards = false

    init(_ stream: ByteStream, of server: AdminServer) throws(EventLoopError) {
        self.stream = stream
        self.server = server
        timer = try LoopTimer(on: server.loop) { [unowned self] in close() }
    }

    func start() {
        timer?.schedule(afterMilliseconds: Self.patience)
        stream.start(for: self)
    }

    func close() {
        guard stream.isOpen else { return }
        timer?.cancel()
        stream.close()
        server.connectionClosed(self)
    }

    private func consumeInput() {
        guard !isAnswering, stream.isOpen, !input.isEmpty else { return }
        var pending = ByteBuffer()
        swap(&pending, &input)
        let used = pending.withSpan { consume($0) }
        pending.removeFirst(used)
        swap(&pending, &input)
    }

    /// Begins to answer the request at the start of `bytes`; the bytes used, none while its head is not whole.
    private func consume(_ bytes: Span<UInt8>) -> Int {
        do {
            guard try head.parse(bytes) else { return 0 }
        } catch {
            refuse(AdminAnswer(status: 400, error.description))
            return bytes.count
        }
        isAnswering = true
        closesAfterwards = !head.isPersistent || server.isLeaving
        let isHead = head.method == .head
        if let refusal = refusal(bytes) {
            refuse(refusal)
            return bytes.count
        }
        let path = bytes.withUnsafeBytes { _ in String(copying: bytes.extracting(head.path.bounds)) }
        // Strong: an answer that comes late must find a connection to be told that it is closed.
        server.answer(path: path) { [self] answer in send(answer, withContent: !isHead) }
        return head.length
    }

    /// Why the request is not let in; nil when it is.
    private func refusal(_ bytes: Span<UInt8>) -> AdminAnswer? {
        if let secret = server.secret {
            guard head.fields.count(of: .authorization) == 1, let field = head.fields.first(.authorization),
                isBearer(bytes.extracting(field.value.bounds), secret)
            else { return AdminAnswer(status: 401, fields: "WWW-Authenticate: Bearer realm=\"slidegate\"\r\n", "A secret is needed.") }
        } else if !isLocalHost(bytes.extracting(head.host.bounds)) {
            // A page in a browser on this machine can have its own name resolve to 127.0.0.1; it cannot hide that name.
            return AdminAnswer(status: 421, "Without a secret only localhost and IP addresses are answered for.")
        }
        guard head.method == .get || head.method == .head else {
            return AdminAnswer(status: 405, fields: "Allow: GET, HEAD\r\n", "Only GET and HEAD.")
        }
        guard !head.framing.hasContent else { return AdminAnswer(status: 413, "No content is taken here.") }
        return nil
    }

    private func isBearer(_ value: Span<UInt8>, _ secret: [UInt8]) -> Bool {
        guard value.count > 7, value.extracting(0..<7).equalsIgnoringCase("bearer ") else { return false }
        return value.extracting(7...).isEqualInConstantTime(to: secret.span)
    }

    private func isLocalHost(_ host: Span<UInt8>) -> Bool {
        if host.isEmpty || host[0] == 0x5B || host.equalsIgnoringCase("localhost") { return true }
        for index in host.indices where !host[index].isASCIIDigit && host[index] != 0x2E { return false }
        return true
    }

    /// Ends the connection with it: what follows is not looked at.
    private func refuse(_ answer: AdminAnswer) {
        isAnswering = true
        closesAfterwards = true
        send(answer, withContent: head.method != .head)
    }

    private func send(_ answer: AdminAnswer, withContent: Bool) {
        guard stream.isOpen else { return }
        output.removeAll()
        output.append("HTTP/1.1 ")
        output.append(decimal: answer.status)
        output.append(" ")
        output.append(answer.reason)
        output.append("\r\nContent-Type: ")
        output.append(answer.type)
        output.append("\r\nContent-Length: ")
        output.append(decimal: answer.content.count)
        output.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n")
        output.append(answer.fields)
        if closesAfterwards {
            output.append("Connection: close\r\n")
        } else if head.version == .http10 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
        if withContent { output.append(answer.content) }
        timer?.schedule(afterMilliseconds: Self.patience)
        switch output.withSpan({ stream.write($0) }) {
        case .written: sent()
        case .queued: break
        case .failed: close()
        }
        output.release()
    }

    private func sent() {
        guard isAnswering else { return }
        isAnswering = false
        guard !closesAfterwards else {
            // The client closes when it has read the answer; closing at once could destroy it on its way.
            stream.shutdownOutput()
            input.release()
            isAnswering = true
            return
        }
        consumeInput()
    }
}

extension AdminConnection: ByteStreamHandler {
    func streamReceived(_ bytes: Span<UInt8>) {
        guard !(isAnswering && closesAfterwards) else { return }
        guard input.count + bytes.count <= 64 << 10 else { return close() }
        input.append(bytes)
        consumeInput()
    }

    func streamEnded() { close() }

    func streamDrained() { sent() }

    func streamConnected() {}

    func streamFailed(_ error: SocketError) { close() }
}
