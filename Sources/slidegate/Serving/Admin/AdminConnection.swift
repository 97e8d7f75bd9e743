import Authentication
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
    /// For an answer to be made and read, and between two requests: scrapers come every minute at the latest.
    private static let patience: Int64 = 90_000
    /// For a request to arrive, content and all.
    private static let requestPatience: Int64 = 10_000

    private let stream: ByteStream
    private unowned let server: AdminServer
    private var timer: LoopTimer?
    private var head = RequestHead(limits: AdminConnection.limits)
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var isAnswering = false
    private var closesAfterwards = false
    /// To the request that is being received.
    private var hasSaidContinue = false

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
        // More than once where requests come together and are answered at once.
        while !isAnswering, stream.isOpen, !input.isEmpty {
            var pending = ByteBuffer()
            swap(&pending, &input)
            let used = pending.withSpan { consume($0) }
            pending.removeFirst(used)
            swap(&pending, &input)
            if used == 0 { return }
        }
    }

    /// Begins to answer the request at the start of `bytes`; the bytes used, none while it is not whole.
    private func consume(_ bytes: Span<UInt8>) -> Int {
        do {
            guard try head.parse(bytes) else { return 0 }
            closesAfterwards = !head.isPersistent || server.isLeaving
            let (method, path) = (text(head.methodName, bytes), text(head.path, bytes))
            if let refusal = refusal(bytes, path: path) ?? server.refusal(method: method, path: path) {
                refuse(refusal)
                return bytes.count
            }
            let contentBytesMax = server.contentBytesMax(method: method, path: path)
            let (content, end): ([UInt8], Int)
            switch try self.content(bytes, bytesMax: contentBytesMax) {
            case .whole(let whole, let next): (content, end) = (whole, next)
            case .unfinished:
                sayContinue()
                return 0
            case .tooLarge:
                let text = contentBytesMax == 0 ? "No content is taken here." : "At most \(contentBytesMax) bytes are taken."
                refuse(AdminAnswer(status: 413, text))
                return bytes.count
            }
            isAnswering = true
            timer?.schedule(afterMilliseconds: Self.patience)
            hasSaidContinue = false
            let isHead = head.method == .head
            let query = Array(copying: bytes.extracting(head.query.bounds))
            let request = AdminRequest(method: isHead ? "GET" : method, path: path, query: query, content: content)
            // Strong: an answer that comes late must find a connection to be told that it is closed.
            server.answer(request) { [self] answer in send(answer, withContent: !isHead) }
            return end
        } catch {
            refuse(AdminAnswer(status: 400, error.description))
            return bytes.count
        }
    }

    private func text(_ range: ByteRange, _ bytes: Span<UInt8>) -> String { String(copying: bytes.extracting(range.bounds)) }

    private enum Content {
        /// And where the next request begins.
        case whole([UInt8], end: Int)
        case unfinished
        case tooLarge
    }

    private func content(_ bytes: Span<UInt8>, bytesMax: Int) throws(MessageError) -> Content {
        if case .length(let count) = head.framing, count > bytesMax { return .tooLarge }
        var decoder = ContentDecoder(head.framing)
        var content: [UInt8] = []
        var offset = head.length
        while true {
            switch try decoder.next(bytes, from: &offset) {
            case .content(let range):
                guard content.count + range.count <= bytesMax else { return .tooLarge }
                content += Array(copying: bytes.extracting(range))
            case .end(let end): return .whole(content, end: end)
            case .needsMore: return .unfinished
            }
        }
    }

    /// For clients that wait with their content until it is wanted (RFC 9110 §10.1.1).
    private func sayContinue() {
        guard head.expectsContinue, !hasSaidContinue else { return }
        hasSaidContinue = true
        output.removeAll()
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
        if case .failed = output.withSpan({ stream.write($0) }) { close() }
    }

    /// Why the request is not let in; nil when it is.
    private func refusal(_ bytes: Span<UInt8>, path: String) -> AdminAnswer? {
        if let secret = server.secret {
            guard server.isOpen(path) || isBearer(bytes, secret) else {
                return .problem(
                    401, "secret_required", "A secret is needed.", fields: "WWW-Authenticate: Bearer realm=\"slidegate\"\r\n")
            }
        } else if !isLocalHost(bytes.extracting(head.host.bounds)) {
            // A page in a browser on this machine can have its own name resolve to 127.0.0.1; it cannot hide that name.
            return AdminAnswer(status: 421, "Without a secret only localhost and IP addresses are answered for.")
        }
        // Whatever it brings along: a page of another site has no business with what changes anything.
        guard head.method.isSafe || !isCrossSite(bytes) else {
            return .problem(403, "cross_site", "A page of another site may not ask for this.")
        }
        return nil
    }

    /// Whether a browser says that the request was made by a page from elsewhere (Fetch standard).
    private func isCrossSite(_ bytes: Span<UInt8>) -> Bool {
        if let line = head.fields.first(.origin) {
            let (origin, authority) = (bytes.extracting(line.value.bounds), bytes.extracting(head.authority.bounds))
            guard head.fields.count(of: .origin) == 1, Authenticator.isOwn(origin: origin, authority: authority) else { return true }
        }
        guard let line = head.fields.first(.secFetchSite) else { return false }
        let site = bytes.extracting(line.value.bounds)
        return head.fields.count(of: .secFetchSite) > 1 || !(site.elementsEqual("same-origin") || site.elementsEqual("none"))
    }

    private func isBearer(_ bytes: Span<UInt8>, _ secret: [UInt8]) -> Bool {
        guard head.fields.count(of: .authorization) == 1, let field = head.fields.first(.authorization) else { return false }
        let value = bytes.extracting(field.value.bounds)
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
        output.appendStatusLine(answer.status)
        if answer.status != 204 {
            output.append("Content-Type: ")
            output.append(answer.type)
            output.append("\r\nContent-Length: ")
            output.append(decimal: answer.content.count)
            output.append("\r\n")
        }
        output.append("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n")
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
        if input.isEmpty, !isAnswering { timer?.schedule(afterMilliseconds: Self.requestPatience) }
        input.append(bytes)
        consumeInput()
    }

    func streamEnded() { close() }

    func streamDrained() { sent() }

    func streamConnected() {}

    func streamFailed(_ error: SocketError) { close() }
}
