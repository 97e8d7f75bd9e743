import Bytes

/// What the fields of a request say together. The order is fixed: framing, host, connection, expectation.
extension RequestHead {
    mutating func readFields(_ bytes: Span<UInt8>) throws(MessageError) {
        try readFraming(bytes)
        try readHost(bytes)
        try readConnection(bytes)
        try readExpectation(bytes)
        acceptsTrailers = fields.contains("trailers", in: .te, bytes)
    }

    /// RFC 9112 §6.3, with every doubt resolved by refusal.
    private mutating func readFraming(_ bytes: Span<UInt8>) throws(MessageError) {
        let contentLength = try fields.contentLength(bytes)
        if try fields.isChunked(bytes) {
            guard contentLength == nil else { throw .transferEncodingWithContentLength }
            guard version == .http11 else { throw .transferEncodingNotAllowed }  // RFC 9112 §6.1
            framing = .chunked
        } else if let contentLength {
            framing = .length(contentLength)
        } else {
            framing = .none
        }
    }

    /// RFC 9112 §3.2: exactly one `Host` in HTTP/1.1. Its value must be sound even where the target overrules it.
    private mutating func readHost(_ bytes: Span<UInt8>) throws(MessageError) {
        guard let line = fields.first(.host) else {
            guard version == .http10 else { throw .hostMissing }
            return
        }
        guard fields.count(of: .host) == 1 else { throw .hostRepeated }
        guard let parsed = Authority(bytes, line.value.bounds) else { throw .hostMalformed }
        if targetForm == .origin || targetForm == .asterisk { take(parsed) }
    }

    private mutating func readConnection(_ bytes: Span<UInt8>) throws(MessageError) {
        let options = try fields.readConnection(bytes, isRequest: true, limits: limits)
        isPersistent = options.isPersistent(version)
        wantsUpgrade =
            options.upgrade && version == .http11 && !framing.hasContent && fields.asksForTunnelledProtocol(bytes)
    }

    /// RFC 9110 §10.1.1. HTTP/1.0 clients do not know 100 (Continue), and without content there is nothing to wait for.
    private mutating func readExpectation(_ bytes: Span<UInt8>) throws(MessageError) {
        expectsContinue = false
        guard let line = fields.first(.expect) else { return }
        guard
            fields.count(of: .expect) == 1, bytes.extracting(line.value.bounds).equalsIgnoringCase("100-continue")
        else { throw .expectationUnsupported }
        if version == .http11 && framing.hasContent {
            expectsContinue = true
        } else {
            fields.drop(.expect)
        }
    }
}
