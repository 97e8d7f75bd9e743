import Bytes
package import EventLoop
import HTTP1

/// Why a fetch has no answer.
package enum FetchError: Error, Equatable, CustomStringConvertible {
    case unresolved(LookupError)
    case failed(SocketError)
    case timedOut
    case closed
    case malformed(String)
    case tooLarge(limit: Int)

    package var description: String {
        switch self {
        case .unresolved(let error): error.description
        case .failed(let error): error.description
        case .timedOut: "no answer in time"
        case .closed: "the connection was closed before the answer was complete"
        case .malformed(let reason): "the answer is not valid HTTP: \(reason)"
        case .tooLarge(let limit): "the answer has more than \(limit) bytes"
        }
    }
}

/// One GET of the program's own, from looking the name up to the end of the answer: bounded in time and size, on a
/// connection of its own that is closed afterwards. No redirect is followed: the address that is configured is the one meant.
///
/// Letting go of it cancels it.
package final class Fetch {
    package enum Destination {
        /// Tried one after another until one accepts.
        case addresses([SocketAddress])
        case name(String, port: UInt16, NameResolver)
    }

    package struct Request {
        package var destination: Destination
        package var tls: TLSClient?
        /// The value of `Host`.
        package var authority: String
        /// In origin-form. Like `authority` and `fields`, it holds no control characters.
        package var target: String
        package var fields: [(name: String, value: String)]
        /// For all of it, in milliseconds.
        package var timeout: Int64
        /// Nil: only the head matters; the connection is closed behind it.
        package var contentBytesMax: Int?
        /// Sent ahead of all else, TLS too.
        package var preface: [UInt8] = []

        package init(
            _ destination: Destination, tls: TLSClient?, authority: String, target: String,
            fields: [(name: String, value: String)] = [], timeout: Int64, contentBytesMax: Int?
        ) {
            self.destination = destination
            self.tls = tls
            self.authority = authority
            self.target = target
            self.fields = fields
            self.timeout = timeout
            self.contentBytesMax = contentBytesMax
        }
    }

    package struct Response {
        package var status: Int
        /// Those of a final answer, names in lower case.
        package var fields: [(name: String, value: String)]
        package var content: [UInt8]

        /// All values of a field, as one list (RFC 9110 §5.3); nil when it is absent.
        package func value(of name: String) -> String? {
            let values = fields.filter { $0.name == name }.map(\.value)
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
    }

    /// More than one makes little sense for a GET; a server that sends them without end is cut off.
    private static let interimHeadsMax = 8
    private static let headLimits: HeadLimits = {
        var limits = HeadLimits()
        limits.headBytesMax = 16 << 10
        return limits
    }()

    private let loop: EventLoop
    private let request: Request
    private let onEnd: (Result<Response, FetchError>) -> Void
    private var timer: LoopTimer?
    private var lookup: Lookup?
    private var addresses: [SocketAddress] = []
    private var stream: ByteStream?
    private var lastError = FetchError.closed

    private var input = ByteBuffer()
    private var interimHeadCount = 0
    private var head = ResponseHead(limits: Fetch.headLimits)
    private var response: Response?
    private var decoder = ContentDecoder(.none)

    /// - Parameter onEnd: called once, in a later turn, unless the fetch is let go of.
    package init(
        _ request: Request, on loop: EventLoop, onEnd: @escaping (Result<Response, FetchError>) -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.request = request
        self.onEnd = onEnd
        timer = try LoopTimer(on: loop) { [unowned self] in end(.failure(.timedOut)) }
        timer?.schedule(afterMilliseconds: request.timeout)
        switch request.destination {
        case .addresses(let addresses):
            self.addresses = addresses
            connect(mayEnd: false)
        case .name(let name, let port, let resolver):
            lookup = try resolver.lookUp(name) { [unowned self] answer in resolved(answer, port) }
        }
    }

    deinit { stream?.close() }

    private func resolved(_ answer: Result<Resolution, LookupError>, _ port: UInt16) {
        switch answer {
        case .success(let resolution):
            addresses = resolution.addresses.map { $0.withPort(port) }
            connect(mayEnd: true)
        case .failure(let error): end(.failure(.unresolved(error)))
        }
    }

    /// - Parameter mayEnd: false while the owner does not hold the fetch yet; the end then comes by the timer.
    private func connect(mayEnd: Bool) {
        stream?.close()
        stream = nil
        while !addresses.isEmpty {
            do throws(SocketError) {
                let stream = try ByteStream(connectingTo: addresses.removeFirst(), on: loop, tls: request.tls)
                self.stream = stream
                let preface = request.preface
                if !preface.isEmpty { stream.writeInClear(preface.span) }
                stream.start(for: FetchStreamHandler(self))
                return
            } catch {
                lastError = .failed(error)
            }
        }
        if mayEnd { return end(.failure(lastError)) }
        let error = lastError
        timer = try? LoopTimer(on: loop) { [unowned self] in end(.failure(error)) }
        timer?.schedule(afterMilliseconds: 0)
    }

    private func end(_ result: Result<Response, FetchError>) {
        guard timer != nil else { return }
        timer?.cancel()
        timer = nil
        lookup = nil
        stream?.close()
        stream = nil
        onEnd(result)
    }
}

/// Stands between a stream and its fetch: stream and handler keep each other, and whoever lets go of the fetch is to end both.
private final class FetchStreamHandler: ByteStreamHandler {
    private unowned let fetch: Fetch

    init(_ fetch: Fetch) { self.fetch = fetch }

    func streamConnected() { fetch.streamConnected() }
    func streamReceived(_ bytes: Span<UInt8>) { fetch.streamReceived(bytes) }
    func streamEnded() { fetch.streamEnded() }
    func streamDrained() {}
    func streamFailed(_ error: SocketError) { fetch.streamFailed(error) }
}

extension Fetch {
    fileprivate func streamConnected() {
        addresses = []  // one answer is enough; a second try elsewhere would take the deadline's time
        var output = ByteBuffer()
        output.append("GET ")
        output.append(request.target)
        output.append(" HTTP/1.1\r\nHost: ")
        output.append(request.authority)
        output.append("\r\nUser-Agent: slidegate\r\nConnection: close\r\n")
        for (name, value) in request.fields {
            output.append(name)
            output.append(": ")
            output.append(value)
            output.append("\r\n")
        }
        output.append("\r\n")
        let result = output.withSpan { stream?.write($0) }
        if case .failed(let error)? = result { end(.failure(.failed(error))) }
    }

    fileprivate func streamReceived(_ bytes: Span<UInt8>) {
        input.append(bytes)
        do throws(FetchError) {
            while response == nil {
                guard try takeHead() else { return }
            }
            guard let limit = request.contentBytesMax, let finished = response else {
                return end(.success(response!))
            }
            guard try takeContent(limit) else { return }
            end(.success(response ?? finished))
        } catch {
            end(.failure(error))
        }
    }

    fileprivate func streamEnded() {
        guard response != nil, (try? decoder.endOfStream()) != nil, let response else { return end(.failure(.closed)) }
        end(.success(response))
    }

    fileprivate func streamFailed(_ error: SocketError) {
        guard response == nil, !addresses.isEmpty else { return end(.failure(.failed(error))) }
        lastError = .failed(error)
        connect(mayEnd: true)
    }

    /// False when more bytes are needed.
    private func takeHead() throws(FetchError) -> Bool {
        let bytes = input.bytes()
        let span = bytes.span
        do throws(MessageError) {
            guard try head.parse(span, answering: .get) else { return false }
        } catch {
            throw .malformed(error.description)
        }
        input.removeFirst(head.length)
        if head.isInterim {
            interimHeadCount += 1
            guard interimHeadCount <= Self.interimHeadsMax else { throw .malformed("too many interim answers") }
            return true
        }
        guard !head.isUpgrade else { throw .malformed("the protocol is switched unasked") }
        let fields = head.fields.lines.map { line in
            (
                name: String(copying: span.extracting(line.name.bounds)).lowercased(),
                value: String(copying: span.extracting(line.value.bounds))
            )
        }
        response = Response(status: head.status, fields: fields, content: [])
        decoder = ContentDecoder(head.framing)
        return true
    }

    /// False when more bytes are needed.
    private func takeContent(_ limit: Int) throws(FetchError) -> Bool {
        let bytes = input.bytes()
        input.removeAll()
        let span = bytes.span
        var offset = 0
        while true {
            let event: ContentDecoder.Event
            do throws(MessageError) {
                event = try decoder.next(span, from: &offset)
            } catch {
                throw .malformed(error.description)
            }
            switch event {
            case .content(let range):
                guard (response?.content.count ?? 0) + range.count <= limit else { throw .tooLarge(limit: limit) }
                response?.content += bytes[range]
            case .end: return true
            case .needsMore:
                if offset < bytes.count { input.append(span.extracting(offset...)) }
                return false
            }
        }
    }
}
