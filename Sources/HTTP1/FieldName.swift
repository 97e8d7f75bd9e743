/// The field names that the gateway itself reads, writes or removes. Everything else is `.other`.
///
/// Raw values are below 64, so that a set of names is one word (`FieldNameSet`). A line gets a known name by its exact
/// spelling in any case; `Content_Length` is `.other` (see `FieldSection` for what becomes of such aliases).
package enum FieldName: UInt8, CaseIterable, Sendable {
    case other = 0
    case accept, acceptEncoding
    case accessControlAllowCredentials, accessControlAllowHeaders, accessControlAllowMethods, accessControlAllowOrigin
    case accessControlExposeHeaders, accessControlMaxAge, accessControlRequestHeaders, accessControlRequestMethod
    case age, authorization, cacheControl, cdnCacheControl, connection
    case contentEncoding, contentLength, contentRange, contentType
    case cookie, date, etag, expect, expires, forwarded, host, http2Settings, keepAlive, lastModified, location
    case maxForwards, origin, pragma, proxy, proxyAuthenticate, proxyAuthenticationInfo, proxyAuthorization
    case proxyConnection, proxyStatus, range, referer, retryAfter, secFetchSite
    case secWebSocketKey, secWebSocketProtocol, server, setCookie, surrogateControl
    case te, traceparent, trailer, transferEncoding, upgrade, userAgent, vary, via, wwwAuthenticate
    case xAccelExpires, xForwardedFor, xForwardedHost, xForwardedPort, xForwardedProto, xRealIP

    /// The name in lower case; empty for `.other`. At most 32 bytes (`FieldNameTable` relies on it).
    package var spelling: StaticString {
        switch self {
        case .other: ""
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .accessControlAllowCredentials: "access-control-allow-credentials"
        case .accessControlAllowHeaders: "access-control-allow-headers"
        case .accessControlAllowMethods: "access-control-allow-methods"
        case .accessControlAllowOrigin: "access-control-allow-origin"
        case .accessControlExposeHeaders: "access-control-expose-headers"
        case .accessControlMaxAge: "access-control-max-age"
        case .accessControlRequestHeaders: "access-control-request-headers"
        case .accessControlRequestMethod: "access-control-request-method"
        case .age: "age"
        case .authorization: "authorization"
        case .cacheControl: "cache-control"
        case .cdnCacheControl: "cdn-cache-control"
        case .connection: "connection"
        case .contentEncoding: "content-encoding"
        case .contentLength: "content-length"
        case .contentRange: "content-range"
        case .contentType: "content-type"
        case .cookie: "cookie"
        case .date: "date"
        case .etag: "etag"
        case .expect: "expect"
        case .expires: "expires"
        case .forwarded: "forwarded"
        case .host: "host"
        case .http2Settings: "http2-settings"
        case .keepAlive: "keep-alive"
        case .lastModified: "last-modified"
        case .location: "location"
        case .maxForwards: "max-forwards"
        case .origin: "origin"
        case .pragma: "pragma"
        case .proxy: "proxy"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthenticationInfo: "proxy-authentication-info"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyConnection: "proxy-connection"
        case .proxyStatus: "proxy-status"
        case .range: "range"
        case .referer: "referer"
        case .retryAfter: "retry-after"
        case .secFetchSite: "sec-fetch-site"
        case .secWebSocketKey: "sec-websocket-key"
        case .secWebSocketProtocol: "sec-websocket-protocol"
        case .server: "server"
        case .setCookie: "set-cookie"
        case .surrogateControl: "surrogate-control"
        case .te: "te"
        case .traceparent: "traceparent"
        case .trailer: "trailer"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .userAgent: "user-agent"
        case .vary: "vary"
        case .via: "via"
        case .wwwAuthenticate: "www-authenticate"
        case .xAccelExpires: "x-accel-expires"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedPort: "x-forwarded-port"
        case .xForwardedProto: "x-forwarded-proto"
        case .xRealIP: "x-real-ip"
        }
    }
}

/// A set of known field names in one word.
package struct FieldNameSet: Equatable, Sendable, ExpressibleByArrayLiteral {
    @usableFromInline var bits: UInt64

    @inlinable
    package init(arrayLiteral names: FieldName...) {
        bits = 0
        for name in names { bits |= 1 &<< UInt64(name.rawValue) }
    }

    @inlinable
    package func contains(_ name: FieldName) -> Bool { bits &>> UInt64(name.rawValue) & 1 != 0 }

    @inlinable
    package mutating func insert(_ name: FieldName) { bits |= 1 &<< UInt64(name.rawValue) }
}

extension FieldNameSet {
    /// See `RequestHead`.
    static let droppedFromRequests: FieldNameSet = [
        .connection, .contentLength, .host, .http2Settings, .keepAlive, .proxy, .proxyAuthorization, .proxyConnection,
        .te,
        .transferEncoding, .upgrade,
    ]

    /// See `ResponseHead`.
    static let droppedFromResponses: FieldNameSet = [
        .connection, .contentLength, .http2Settings, .keepAlive, .proxyAuthenticate, .proxyConnection, .te,
        .transferEncoding,
        .upgrade,
    ]

    /// What a client may name in `Connection`: fields that end at this hop whether named or not.
    static let connectionOptions: FieldNameSet = [
        .connection, .http2Settings, .keepAlive, .proxyAuthorization, .proxyConnection, .te, .trailer,
        .transferEncoding,
        .upgrade,
    ]

    /// Fields that decide where a message ends, where it goes or how long the connection lives: never trailers.
    static let refusedAsTrailers: FieldNameSet = [
        .connection, .contentLength, .host, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade,
    ]

    /// Known fields that mean something as trailers. The others are refused or left out there: what the gateway or an
    /// upstream decides by must have been in the head (RFC 9110 §6.5.1).
    static let passedAsTrailers: FieldNameSet = [.other, .etag, .traceparent]
}
