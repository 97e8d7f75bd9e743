package import ProxyProtocol
package import Throttling

/// What holds for connections and requests before anybody looks at a token, as configured.
package struct EdgeSettings: Sendable {
    package var trustedPeers = TrustedPeers.nobody
    package var forwardedFields = ForwardedFields.xForwarded
    /// Connections of one client. Nil: no limit.
    package var connectionsPerClientMax: Int?
    /// Requests under way in the whole process. Nil: no limit.
    package var requestsMax: Int?
    /// Nil: any number.
    package var failedVerifications: Rate?
    package var minimumRate = MinimumRate.none
    /// Bytes that one worker may have buffered.
    package var bufferedBytesMax = Int.max / 2

    package init() {}
}

/// Which fields name the client to the upstream, and are believed from trusted peers.
package enum ForwardedFields: Sendable {
    case xForwarded, rfc7239, both

    var hasXForwarded: Bool { self != .rfc7239 }
    var hasForwarded: Bool { self != .xForwarded }
}

/// The settings of one snapshot, and what follows from them.
final class EdgeRules {
    let trustedPeers: TrustedPeers
    let forwardedFields: ForwardedFields
    let connectionsPerClientMax: Int?
    let requestsMax: Int?
    let failedVerifications: Rate?
    /// Whether some rule here wants to see each request.
    let concernsRequests: Bool
    /// Whether upstreams get what they got before there were any of these rules: X-Forwarded-For, -Proto and -Host of the peer.
    let forwardsPlainly: Bool

    init(_ settings: EdgeSettings) {
        trustedPeers = settings.trustedPeers
        forwardedFields = settings.forwardedFields
        connectionsPerClientMax = settings.connectionsPerClientMax
        requestsMax = settings.requestsMax
        failedVerifications = settings.failedVerifications
        concernsRequests = !trustedPeers.isEmpty || requestsMax != nil || failedVerifications != nil
        forwardsPlainly = trustedPeers.isEmpty && forwardedFields == .xForwarded
    }
}
