/// When a token is renewed, for how long, and how the successor is handed over.
package struct RenewalPolicy: Sendable, Equatable {
    /// `L`, how long a successor lives.
    package enum Lifetime: Sendable, Equatable {
        /// `exp - iat` of the presented token, at most `maxSeconds`.
        case inherited(maxSeconds: Int64)
        case fixed(seconds: Int64)
    }

    /// `B`: a token is renewed when no more than this is left of it.
    package enum BufferWindow: Sendable, Equatable {
        case seconds(Int64)
        /// Of `L`, rounded down, at least a second.
        case percent(Int)
    }

    /// How a successor reaches the client.
    package enum Delivery: Sendable, Equatable {
        /// The bare token in a response field of this name.
        case header(name: String)
        /// `Authorization: Bearer …` on the response.
        case authorization
        case cookie(CookieDelivery)
    }

    /// On which answers the relative headers stand.
    package enum RelativeHeaders: Sendable, Equatable {
        /// Those that carry a successor: they are never stored, so the seconds are always fresh.
        case renewals
        /// Every answer to a request that a token authorised. One that a cache kept tells old seconds: add its `Age`.
        case everyAnswer
    }

    package var lifetime: Lifetime
    package var bufferWindow: BufferWindow
    /// `q`: successors begin at multiples of this from the start of the window. Nil: `B`, one successor a token.
    package var quantumSeconds: Int64?
    /// `S`, the end of the session counted from its anchor. Nil: none.
    package var capSeconds: Int64?
    /// A renewal that the cap shortens to a gain below this percentage of `L` is skipped. 0 ... 100.
    package var leastGainPercent: Int
    /// A token that expired less than this ago may still be renewed.
    package var graceSeconds: Int64
    package var delivery: Delivery
    /// Upstream statuses whose answers never carry a successor.
    package var exceptStatuses: [Int]
    /// A request with this field does not renew; its value does not matter, and it does not go upstream. Nil: clients
    /// cannot opt out.
    package var optOutHeader: String?
    /// Response field that tells the seconds to the token's end. Nil: not sent.
    package var tokenExpiryHeader: String?
    /// Response field that tells the seconds to the session's end. Nil: not sent.
    package var sessionExpiryHeader: String?
    package var relativeHeaders: RelativeHeaders

    package init(
        lifetime: Lifetime = .inherited(maxSeconds: 30 * 86_400), bufferWindow: BufferWindow, quantumSeconds: Int64? = nil,
        capSeconds: Int64? = 12 * 3_600, leastGainPercent: Int = 10, graceSeconds: Int64 = 0,
        delivery: Delivery = .header(name: "X-Refresh-Token"), exceptStatuses: [Int] = [401],
        optOutHeader: String? = nil, tokenExpiryHeader: String? = nil, sessionExpiryHeader: String? = nil,
        relativeHeaders: RelativeHeaders = .renewals
    ) {
        self.lifetime = lifetime
        self.bufferWindow = bufferWindow
        self.quantumSeconds = quantumSeconds
        self.capSeconds = capSeconds
        self.leastGainPercent = leastGainPercent
        self.graceSeconds = graceSeconds
        self.delivery = delivery
        self.exceptStatuses = exceptStatuses
        self.optOutHeader = optOutHeader
        self.tokenExpiryHeader = tokenExpiryHeader
        self.sessionExpiryHeader = sessionExpiryHeader
        self.relativeHeaders = relativeHeaders
    }
}

/// A cookie that carries successors (RFC 6265 §4.1). Always `Secure` and `HttpOnly`; `Max-Age` is what remains of the
/// token.
package struct CookieDelivery: Sendable, Equatable {
    package enum SameSite: String, Sendable { case strict = "Strict", lax = "Lax", none = "None" }

    /// A reason why browsers would drop the cookie (RFC 6265bis §4.1.3).
    package enum Fault: Sendable, Equatable {
        /// The name is not a token (RFC 9110 §5.6.2).
        case name
        /// `path` does not begin with `/` or holds `;` or a control character.
        case path
        case domain
        /// `__Host-` cookies belong to one host: no `Domain`, and `Path=/`.
        case hostPrefixWithDomain, hostPrefixWithPath
    }

    package var name: String
    package var path: String
    package var domain: String?
    package var sameSite: SameSite

    package init(name: String = "__Host-token", path: String = "/", domain: String? = nil, sameSite: SameSite = .lax) {
        self.name = name
        self.path = path
        self.domain = domain
        self.sameSite = sameSite
    }

    /// What is wrong with the cookie, or nil. Browsers compare the prefix without case, and so does this.
    package var fault: Fault? {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenCharacter) else { return .name }
        let isAttributeText = { (text: String) in text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x3B } }
        guard path.utf8.first == 0x2F, isAttributeText(path) else { return .path }
        if let domain { guard !domain.isEmpty, isAttributeText(domain) else { return .domain } }
        guard name.lowercased().hasPrefix("__host-") else { return nil }
        if domain != nil { return .hostPrefixWithDomain }
        return path == "/" ? nil : .hostPrefixWithPath
    }
}
