internal import Bytes
internal import HTTP1

/// Whether a page of another site may have made a browser send a request (semantics §3.8).
///
/// Browsers attach cookies to requests whoever caused them, so a token that came in a cookie says who the user is, and not that
/// the user wanted this. What a browser adds to such a request does (Fetch standard): `Origin`, with every method that is not safe and
/// with WebSocket handshakes, and `Sec-Fetch-Site`. Each that is present must be right. A request with neither was
/// made by no browser of these years, and what is none attaches cookies only because it means to.
extension Authenticator {
    /// - Parameters:
    ///   - head: of a request whose token came in a cookie.
    ///   - origin: what its `Origin` means under the CORS policy.
    func isCrossSite(_ head: borrowing RequestHead, _ origin: CrossOrigin, bytes: Span<UInt8>) -> Bool {
        guard !head.method.isSafe || head.wantsUpgrade else { return false }
        // An origin that may read answers with credentials may ask as well, whatever site it is of.
        if origin.listed >= 0 { return false }
        if let line = head.fields.first(.origin) {
            guard head.fields.count(of: .origin) == 1,
                Self.isOwn(origin: bytes.extracting(line.value.bounds), authority: bytes.extracting(head.authority.bounds))
            else { return true }
        }
        guard let line = head.fields.first(.secFetchSite) else { return false }
        guard head.fields.count(of: .secFetchSite) == 1 else { return true }
        let site = bytes.extracting(line.value.bounds)
        return !(site.elementsEqual("same-origin") || site.elementsEqual("same-site") || site.elementsEqual("none"))
    }

    /// Whether a serialized origin (RFC 6454 §6.2) names the host and port that the request is for. Its scheme does not count: the
    /// gateway may be behind something that speaks TLS for it, which is also why the default ports of both count as none.
    package static func isOwn(origin: Span<UInt8>, authority: Span<UInt8>) -> Bool {
        let host: Span<UInt8>
        if origin.count > 8, origin.extracting(0..<8).elementsEqual("https://") {
            host = origin.extracting(8...)
        } else if origin.count > 7, origin.extracting(0..<7).elementsEqual("http://") {
            host = origin.extracting(7...)
        } else {
            return false
        }
        let (own, named) = (authority.countWithoutDefaultPort, host.countWithoutDefaultPort)
        guard own == named, own > 0 else { return false }
        for index in 0..<own where authority[index].asciiLowercased != host[index].asciiLowercased { return false }
        return true
    }
}

extension Span<UInt8> {
    fileprivate var countWithoutDefaultPort: Int {
        if count > 4, extracting((count &- 4)...).elementsEqual(":443") { return count &- 4 }
        if count > 3, extracting((count &- 3)...).elementsEqual(":80") { return count &- 3 }
        return count
    }
}
