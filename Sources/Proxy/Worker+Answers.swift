import Authentication
import Bytes
import HTTP1
import Metrics

// MARK: - Answers of the gateway's own, composed into `headOutput`

extension Worker {
    /// Composes the problem details for a failure.
    /// - Parameters:
    ///   - origin: of the request, so that a page of another origin can read why it was refused.
    ///   - version: the client's.
    ///   - security: of the client's connection.
    func composeAnswer(
        to failure: Failure, _ problem: Problem, keepingConnection: Bool, origin: CrossOrigin, method: Method, version: Version,
        security: ListenerSecurity?
    ) {
        contentOutput.removeAll()
        contentOutput.append("{\"type\":\"about:blank\",\"title\":\"")
        contentOutput.append(reasonPhrase(of: problem.status))
        contentOutput.append("\",\"status\":")
        contentOutput.append(decimal: problem.status)
        contentOutput.append(",\"code\":\"")
        contentOutput.append(problem.code)
        contentOutput.append("\",\"detail\":\"")
        contentOutput.appendJSONEscaped(problem.detail)
        contentOutput.append("\"}\n")

        beginAnswer(problem.status, security)
        headOutput.append("Content-Type: application/problem+json\r\nProxy-Status: slidegate; error=")
        headOutput.append(problem.proxyError)
        headOutput.append("; details=\"")
        headOutput.append(problem.code)
        headOutput.append("\"\r\n")
        if case .refusal(let refusal) = failure {
            snapshot.authenticator.appendRefusalFields(refusal, to: &headOutput)
        } else {
            headOutput.append("Cache-Control: no-store\r\n")
            if let seconds = failure.retryAfterSeconds {
                headOutput.append("Retry-After: ")
                headOutput.append(decimal: seconds)
                headOutput.append("\r\n")
            }
            snapshot.authenticator.appendCrossOriginFields(for: origin, to: &headOutput)
        }
        explain(failure, problem)
        headOutput.append("Content-Length: ")
        headOutput.append(decimal: contentOutput.count)
        headOutput.append("\r\n")
        endAnswer(keepingConnection: keepingConnection, version)
        if method != .head { contentOutput.withSpan { headOutput.append($0) } }
    }

    func composePreflightAnswer(
        _ preflight: Preflight, keepingConnection: Bool, version: Version, security: ListenerSecurity?
    ) {
        beginAnswer(204, security)
        snapshot.authenticator.appendPreflightFields(preflight, to: &headOutput)
        explain(.answered, because: "preflight")
        endAnswer(keepingConnection: keepingConnection, version)
    }

    /// Composes the answer that sends a client to the same place under HTTPS (RFC 9110 §15.4.9: with the same method). The
    /// request is in `requestHead`, parsed from `bytes`, and has a host.
    func composeRedirect(_ bytes: Span<UInt8>, toPort port: Int, keepingConnection: Bool) {
        beginAnswer(308, nil)
        headOutput.append("Location: https://")
        headOutput.append(bytes.extracting(requestHead.host.bounds))
        if port != 443 {
            headOutput.append(":")
            headOutput.append(decimal: port)
        }
        if requestHead.path.isEmpty {
            headOutput.append("/")
        } else {
            headOutput.append(bytes.extracting(requestHead.path.bounds))
        }
        if requestHead.hasQuery {
            headOutput.append("?")
            headOutput.append(bytes.extracting(requestHead.query.bounds))
        }
        headOutput.append("\r\nContent-Length: 0\r\n")
        explain(.answered, because: "redirect")
        endAnswer(keepingConnection: keepingConnection, requestHead.version)
    }

    func beginAnswer(_ status: Int, _ security: ListenerSecurity?) {
        headOutput.removeAll()
        headOutput.appendStatusLine(status)
        appendDate(to: &headOutput)
        if let security { headOutput.append(security.strictTransportLine) }
    }

    func endAnswer(keepingConnection: Bool, _ version: Version) {
        if !keepingConnection {
            headOutput.append("Connection: close\r\n")
        } else if version == .http10 {
            headOutput.append("Connection: keep-alive\r\n")
        }
        headOutput.append("\r\n")
    }
}

extension ByteBuffer {
    /// Appends text as the inside of a JSON string (RFC 8259 §7).
    mutating func appendJSONEscaped(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                append(0x5C)
                append(byte)
            case 0..<0x20:
                append("\\u00")
                if byte < 0x10 { append(0x30) }
                append(hexadecimal: Int(byte))
            default: append(byte)
            }
        }
    }
}

/// The `Date` field line of the current second, formatted once for all answers in it (RFC 9110 §5.6.7).
struct DateField: ~Copyable {
    private var second = Int64.min
    private var line = ByteBuffer()

    mutating func append(_ seconds: Int64, to buffer: inout ByteBuffer) {
        if seconds != second {
            second = seconds
            let date = CivilDate(secondsSince1970: seconds)
            line.removeAll()
            line.append("Date: \(date.imfFixdate)\r\n")
        }
        line.withSpan { buffer.append($0) }
    }
}
