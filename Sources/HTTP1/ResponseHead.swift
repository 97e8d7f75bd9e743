/// A response head, parsed in one pass into offsets (RFC 9112 §4, 6, 9).
///
/// One per worker, reused, and as strict as `RequestHead`, with two exceptions for what origins are known to send: the space
/// behind the status code may be missing when the reason is, and `Connection` may name any field.
///
/// Marked as dropped: `Connection` and the fields it names, `Keep-Alive`, `Proxy-Connection`, `Proxy-Authenticate`, `TE`,
/// `Transfer-Encoding`, `Content-Length`, `Upgrade`, `HTTP2-Settings`. `Trailer` stays.
package struct ResponseHead {
    package let limits: HeadLimits

    /// 100 to 599.
    package internal(set) var status = 0
    /// Whether another head follows: 1xx but 101 (RFC 9110 §15.2). Stored, as `isUpgrade` is: to compute it, the compiler copies
    /// the whole head.
    package internal(set) var isInterim = false
    /// 101 (Switching Protocols): what follows the head is not HTTP.
    package internal(set) var isUpgrade = false
    package internal(set) var reason = ByteRange.empty
    package internal(set) var version = Version.http11
    package var fields = FieldSection()
    /// Bytes from the start of the span to the first byte of content.
    package internal(set) var length = 0

    package internal(set) var framing = ContentFraming.none
    /// The value of `Content-Length`, also where it describes content that is not sent (HEAD, 304).
    package internal(set) var contentLength: Int?
    /// Whether the connection can take another request after this response (RFC 9112 §9.3).
    package internal(set) var isPersistent = true

    package init(limits: HeadLimits = HeadLimits()) { self.limits = limits }
}
