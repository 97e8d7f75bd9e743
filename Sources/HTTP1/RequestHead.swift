/// The forms of a request-target (RFC 9112 §3.2).
package enum TargetForm: UInt8, Sendable { case origin, absolute, authority, asterisk }

/// The scheme of an absolute-form target.
package enum Scheme: UInt8, Sendable { case http, https }

/// A request head, parsed strictly and in one pass into offsets (RFC 9112 §2–3, 6, 9).
///
/// One per worker, reused. All ranges refer to the span last parsed; nothing of it is kept. Where RFC 9112 lets a server
/// be lenient, this is not: a head that two parsers might read differently is refused, because the upstream is the other parser.
///
/// Marked as dropped, because they end at this hop (RFC 9110 §7.6.1) or because the proxy writes them itself:
/// `Connection` and the fields it names, `Keep-Alive`, `Proxy-Connection`, `Proxy-Authorization`, `TE`,
/// `Transfer-Encoding`, `Content-Length`, `Upgrade`, `HTTP2-Settings`, `Host`; `Expect` when there is nothing to
/// continue with; and `Proxy`, which no standard knows and CGI-like upstreams read as the proxy to use ("httpoxy").
/// `Trailer` stays, as trailers pass.
package struct RequestHead {
    package let limits: HeadLimits

    package internal(set) var method = Method.get
    package internal(set) var methodName = ByteRange.empty
    /// The request-target as sent.
    package internal(set) var target = ByteRange.empty
    package internal(set) var targetForm = TargetForm.origin
    /// Set in absolute form only.
    package internal(set) var scheme: Scheme?
    /// The path without the query. Empty in authority and asterisk form, and in absolute form when absent there.
    package internal(set) var path = ByteRange.empty
    /// The query without `?`.
    package internal(set) var query = ByteRange.empty
    /// Whether there is a `?`, even with nothing behind.
    package internal(set) var hasQuery = false
    /// `host[:port]` that counts: of the target in absolute and authority form (RFC 9112 §3.2.2), else of `Host`. Empty
    /// only for HTTP/1.0 without `Host`. An empty port's colon is not part of it.
    package internal(set) var authority = ByteRange.empty
    /// The host of `authority`, an IP literal with its brackets.
    package internal(set) var host = ByteRange.empty
    /// The port of `authority`, if given.
    package internal(set) var port: Int?
    package internal(set) var version = Version.http11
    package var fields = FieldSection()
    /// Bytes from the start of the span to the first byte of content, leading empty lines and the blank line included.
    package internal(set) var length = 0

    /// `.none`, `.length` or `.chunked`.
    package internal(set) var framing = ContentFraming.none
    /// Whether the client wants the connection to persist (RFC 9112 §9.3).
    package internal(set) var isPersistent = true
    /// Whether the client waits for 100 (Continue) before it sends content (RFC 9110 §10.1.1).
    package internal(set) var expectsContinue = false
    /// Whether the client asks for another protocol that can be tunnelled: HTTP/1.1, without content, `upgrade` among the
    /// connection options, and neither HTTP/2 nor TLS, which would carry requests past the gateway unseen.
    package internal(set) var wantsUpgrade = false
    /// Whether the client takes trailers (RFC 9110 §10.1.4).
    package internal(set) var acceptsTrailers = false

    package init(limits: HeadLimits = HeadLimits()) { self.limits = limits }
}
