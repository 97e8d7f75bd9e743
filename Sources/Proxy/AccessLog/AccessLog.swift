import Authentication
import Bytes
import EventLoop
import Glibc
import HTTP1
import JOSE
import Metrics
import Synchronization

/// The access log of one worker by one configuration: a line for each request that has ended.
///
/// Lines are composed straight into one buffer, in two parts: when a request's head is there, and when the request is over. They
/// are handed to the writer many at a time, or after a tenth of a second. A request keeps the log that has begun its line, so
/// that after a reload lines end as they have begun, where they have begun.
final class AccessLog {
    /// What is handed over at a time, in bytes; lines are whole.
    private static let portionBytes = 64 * 1024
    /// How long a line may wait for others, in milliseconds.
    private static let delay: Int64 = 100
    private static let methodBytesMax = 32

    let settings: AccessLogSettings
    private let loop: EventLoop
    let hash: ((Span<UInt8>) -> UInt64)?
    let serial: Int
    private var timer: LoopTimer?
    private var isTimed = false
    private var lines = ByteBuffer()
    /// What lines say of a token, while it is composed.
    var tokenText = ByteBuffer()
    private var count = 0
    private var clock = LogClock()
    private var addresses = AddressTexts()
    private var traces = TraceGenerator()
    /// Of the request whose head was seen last: the trace that it begins.
    private var begunTrace: TraceContext?

    /// Tells logs apart in what tokens keep of them.
    private static let serials = Atomic(0)

    init(_ settings: AccessLogSettings, on loop: EventLoop) throws(EventLoopError) {
        self.settings = settings
        self.loop = loop
        hash = settings.makeSubjectHash?()
        serial = Self.serials.add(1, ordering: .relaxed).newValue
        timer = try LoopTimer(on: loop) { [unowned self] in delayEnded() }
    }

    deinit { flush() }

    /// Hands over what there is.
    func flush() {
        guard count > 0 else { return }
        settings.writer.write(lines.bytes(), lines: count)
        lines.removeAll()
        count = 0
    }

    private func delayEnded() {
        isTimed = false
        flush()
    }
}

// MARK: - The request

extension AccessLog {
    /// Begins a line: composes what it needs of a request's head, which is gone when the request ends. Settles the request's trace.
    /// - Parameters:
    ///   - bytes: what `head` was parsed from.
    ///   - began: when it was there, by the loop's clock.
    ///   - version: of TLS; nil: the client speaks in clear.
    ///   - isForwarded: the request may go upstream, and a trace with it.
    func begin(
        _ head: inout RequestHead, _ bytes: Span<UInt8>, at began: Int64, from client: SocketAddress, tls version: StaticString?,
        isForwarded: Bool, into line: inout ByteBuffer
    ) {
        let trace = trace(of: &head, bytes, isForwarded: isForwarded)
        line.removeAll()
        let method = bytes.extracting(head.methodName.bounds)
        let path = bytes.extracting(head.path.bounds)
        let host = bytes.extracting(head.host.bounds)
        let agent = bytes.extracting(head.fields.first(.userAgent)?.value.bounds ?? 0..<0)
        let referer = bytes.extracting(head.fields.first(.referer)?.value.bounds ?? 0..<0)
        let form = head.targetForm
        let isHTTP11 = head.version == .http11
        let text = LineCursor.escapeBytesMax &* min(method.count, Self.methodBytesMax) &+ TextLimits.path.linesBytesMax(path.count)
            &+ TextLimits.host.linesBytesMax(host.count) &+ TextLimits.words.linesBytesMax(agent.count)
            &+ LineCursor.referenceBytesMax(referer.count)
        line.withSpareCapacity(minimum: text &+ 512) { memory in
            var cursor = LineCursor(memory)
            switch settings.format {
            case .json:
                cursor.put("{\"time\":\"")
                clock.putInternetTime(began, &cursor)
                cursor.put("\",\"client\":\"")
                addresses.put(client, &cursor)
                cursor.put("\",\"method\":\"")
                putMethod(method, .json, &cursor)
                cursor.put("\",\"path\":\"")
                putPath(path, form, .json, &cursor)
                if !host.isEmpty {
                    cursor.put("\",\"host\":\"")
                    cursor.put(host, within: .host, .json)
                }
                if isHTTP11 { cursor.put("\",\"protocol\":\"HTTP/1.1\"") } else { cursor.put("\",\"protocol\":\"HTTP/1.0\"") }
                if let version {
                    cursor.put(",\"tls\":\"")
                    cursor.put(version)
                    cursor.put(0x22)
                }
                if !agent.isEmpty {
                    cursor.put(",\"user_agent\":\"")
                    cursor.put(agent, within: .words, .json)
                    cursor.put(0x22)
                }
                if !referer.isEmpty {
                    cursor.put(",\"referer\":\"")
                    cursor.put(reference: referer, .json)
                    cursor.put(0x22)
                }
                if let trace {
                    cursor.put(",\"trace_id\":\"")
                    cursor.put(hexadecimal: trace.high)
                    cursor.put(hexadecimal: trace.low)
                    cursor.put(0x22)
                }
            case .combined:
                // The user comes between the client and the rest, and is not known yet.
                addresses.put(client, &cursor)
                let client = cursor.count
                cursor.put(" [")
                clock.putCommonTime(began, &cursor)
                cursor.put("] \"")
                putMethod(method, .hexadecimal, &cursor)
                cursor.put(0x20)
                putPath(path, form, .hexadecimal, &cursor)
                if isHTTP11 { cursor.put(" HTTP/1.1\" ") } else { cursor.put(" HTTP/1.0\" ") }
                let request = cursor.count
                cursor.put(" \"")
                if referer.isEmpty { cursor.put(0x2D) } else { cursor.put(reference: referer, .hexadecimal) }
                cursor.put("\" \"")
                if agent.isEmpty { cursor.put(0x2D) } else { cursor.put(agent, within: .words, .hexadecimal) }
                cursor.put("\"\n")
                cursor.put(marks: CombinedMarks(client: client, request: request))
            }
            return cursor.count
        }
    }

    /// Begins the line of a request whose head never came whole.
    func beginWithoutHead(from client: SocketAddress, into line: inout ByteBuffer) {
        begunTrace = nil
        line.removeAll()
        let now = loop.nanoseconds()
        line.withSpareCapacity(minimum: 512) { memory in
            var cursor = LineCursor(memory)
            switch settings.format {
            case .json:
                cursor.put("{\"time\":\"")
                clock.putInternetTime(now, &cursor)
                cursor.put("\",\"client\":\"")
                addresses.put(client, &cursor)
                cursor.put(0x22)
            case .combined:
                addresses.put(client, &cursor)
                let client = cursor.count
                cursor.put(" [")
                clock.putCommonTime(now, &cursor)
                cursor.put("] \"-\" ")
                let request = cursor.count
                cursor.put(" \"-\" \"-\"\n")
                cursor.put(marks: CombinedMarks(client: client, request: request))
            }
            return cursor.count
        }
    }

    private func putPath(_ path: Span<UInt8>, _ form: TargetForm, _ escaping: LineCursor.Escaping, _ cursor: inout LineCursor) {
        switch form {
        case .asterisk: cursor.put(0x2A)
        case .authority: cursor.put(0x2D)
        case .absolute where path.isEmpty: cursor.put(0x2F)
        case .origin, .absolute: cursor.put(path, within: .path, escaping)
        }
    }

    private func putMethod(_ method: Span<UInt8>, _ escaping: LineCursor.Escaping, _ cursor: inout LineCursor) {
        cursor.put(method.extracting(0..<min(method.count, Self.methodBytesMax)), escaping)
    }
}

// MARK: - The trace

extension AccessLog {
    /// `tracestate` says more about a trace, and nothing without it (W3C Trace Context §3.3).
    private static let traceState = Array("tracestate".utf8)
    private static let traceStateHash = canonicalHash(traceState.span)

    /// The trace that the request is part of. Where it is part of none and is to begin one, fields that say otherwise are dropped.
    private func trace(of head: inout RequestHead, _ bytes: Span<UInt8>, isForwarded: Bool) -> TraceContext? {
        begunTrace = nil
        // §4.3: several lines are as bad as a wrong one.
        if head.fields.count(of: .traceparent) == 1, let field = head.fields.first(.traceparent),
            let context = TraceContext(bytes.extracting(field.value.bounds)) {
            return context
        }
        guard settings.startsTraces, isForwarded else { return nil }
        head.fields.drop(.traceparent)
        head.fields.drop(Self.traceState.span, hash: Self.traceStateHash, from: bytes)
        let context = traces.next()
        begunTrace = context
        return context
    }

    /// Appends the field that tells upstream of the trace that the request in the worker's `requestHead` begins, if it does.
    func appendBegunTrace(to request: inout ByteBuffer) {
        guard let begunTrace else { return }
        request.append("traceparent: ")
        begunTrace.append(to: &request)
        request.append("\r\n")
    }
}

// MARK: - What became of it

extension AccessLog {
    /// Completes the line with what became of the request, and takes it.
    func end(_ record: inout RequestRecord) {
        switch settings.format {
        case .json: endJSON(&record)
        case .combined: endCombined(&record)
        }
        count += 1
        if lines.count >= Self.portionBytes {
            flush()
        } else if !isTimed {
            isTimed = true
            timer?.schedule(afterMilliseconds: Self.delay)
        }
    }

    private func endJSON(_ record: inout RequestRecord) {
        let token = record.token.map(text(of:)) ?? text(of: record)
        let route = record.route >= 0 ? record.routes?.names[Int(record.route)] ?? "" : ""
        let server = record.server?.settings.name ?? ""
        let reason = record.reason
        let text = LineCursor.escapeBytesMax &* (route.utf8.count &+ server.utf8.count &+ reason.utf8.count)
        lines.withSpareCapacity(minimum: record.line.count &+ token.count &+ text &+ 640) { memory in
            var cursor = LineCursor(memory)
            record.line.withSpan { cursor.put($0) }
            cursor.put(",\"status\":")
            cursor.put(decimal: Int(record.status))
            cursor.put(",\"bytes_in\":")
            cursor.put(decimal: record.bytesReceived)
            cursor.put(",\"bytes_out\":")
            cursor.put(decimal: record.bytesSent)
            if !route.isEmpty {
                cursor.put(",\"route\":\"")
                cursor.put(route.utf8.span, .json)
                cursor.put(0x22)
            }
            switch record.decision {
            case .admitted: cursor.put(",\"decision\":\"admitted\"")
            case .renewed: cursor.put(",\"decision\":\"renewed\"")
            case .refused: cursor.put(",\"decision\":\"refused\"")
            case .failed: cursor.put(",\"decision\":\"failed\"")
            case .answered: cursor.put(",\"decision\":\"answered\"")
            case .wouldRefuse: cursor.put(",\"decision\":\"would_refuse\"")
            case .wouldRenew: cursor.put(",\"decision\":\"would_renew\"")
            }
            if !reason.isEmpty {
                cursor.put(",\"reason\":\"")
                cursor.put(reason.utf8.span, .json)
                cursor.put(0x22)
            }
            if record.isAsked { cursor.put(",\"via\":\"forward_auth\"") }
            cursor.put(token)
            if !server.isEmpty {
                cursor.put(",\"upstream\":\"")
                cursor.put(server.utf8.span, .json)
                cursor.put("\",\"tries\":")
                cursor.put(decimal: Int(record.tries))
            }
            putDurations(record, &cursor)
            cursor.put("}\n")
            return cursor.count
        }
    }

    /// Each phase from the end of the one before that the request came to.
    private func putDurations(_ record: borrowing RequestRecord, _ cursor: inout LineCursor) {
        guard record.began > 0 else { return }
        cursor.put(",\"duration\":{")
        var instant = record.began
        if record.authenticated > 0 {
            cursor.put("\"authenticate\":")
            cursor.put(milliseconds: record.authenticated &- instant)
            cursor.put(0x2C)
            instant = record.authenticated
        }
        if record.forwarded > 0 {
            cursor.put("\"select\":")
            cursor.put(milliseconds: record.forwarded &- instant)
            cursor.put(0x2C)
            instant = record.forwarded
        }
        if record.answered > 0 {
            cursor.put("\"upstream\":")
            cursor.put(milliseconds: record.answered &- instant)
            cursor.put(",\"respond\":")
            cursor.put(milliseconds: record.ended &- record.answered)
            cursor.put(0x2C)
        }
        cursor.put("\"total\":")
        cursor.put(milliseconds: record.ended &- record.began)
        cursor.put(0x7D)
    }

    private func endCombined(_ record: inout RequestRecord) {
        let user = record.token.map(text(of:)) ?? [0x2D]
        lines.withSpareCapacity(minimum: record.line.count &+ user.count &+ 128) { memory in
            var cursor = LineCursor(memory)
            record.line.withSpan { line in
                let marks = CombinedMarks(endOf: line)
                cursor.put(line.extracting(0..<marks.client))
                cursor.put(" - ")
                cursor.put(user)
                cursor.put(line.extracting(marks.client..<marks.request))
                if record.status > 0 { cursor.put(decimal: Int(record.status)) } else { cursor.put(0x2D) }
                cursor.put(0x20)
                cursor.put(decimal: record.bytesSent)
                cursor.put(line.extracting(marks.request..<line.count &- CombinedMarks.bytes))
            }
            return cursor.count
        }
    }
}
