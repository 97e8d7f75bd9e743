internal import Bytes

/// A path where a proxy in front asks whether a request that it has may pass (forward authentication).
///
/// What the request is, each proxy says in its own way, and only the fields that this one is known to write itself are
/// read: the same field from another would be whatever its client likes.
package struct DecisionPoint: Sendable {
    package enum FrontProxy: Sendable, CaseIterable {
        /// nginx, and HAProxy with the script of ours: `X-Original-Method`, `X-Original-URI` and `X-Original-Host`.
        case originalFields
        /// Caddy and Traefik: `X-Forwarded-Method`, `X-Forwarded-Uri` and `X-Forwarded-Host`.
        case forwardedFields
        /// Envoy: the request has the original's method and `Host`, and its path behind that of the decision point.
        case pathBehindPrefix
    }

    package enum Question: Sendable, Equatable {
        /// May it pass?
        case decision
        /// Why may it not? For proxies that can take no content along with a decision.
        case refusal
        /// Nothing that a proxy asks. Never answered with success, nor by anybody else.
        case unknown
    }

    /// In normal form, longer than `/`, without a slash at its end.
    let path: [UInt8]
    package let frontProxy: FrontProxy

    package init(path: String, frontProxy: FrontProxy) {
        self.path = Array(path.utf8)
        self.frontProxy = frontProxy
    }

    /// What a request asks; nil: it has nothing to do with decisions.
    ///
    /// - Parameter path: of the request, as sent: normalised, the part of it that a client of Envoy has chosen could leave
    ///   this place and have itself decided about by something that answers everybody with 200.
    package func question(at path: Span<UInt8>) -> Question? {
        guard path.starts(with: self.path.span) else { return nil }
        let rest = path.extracting(self.path.count...)
        switch frontProxy {
        case .pathBehindPrefix:
            return !rest.isEmpty && rest[0] == 0x2F || rest.elementsEqual("*") ? .decision : .unknown
        case .originalFields, .forwardedFields:
            if rest.isEmpty { return .decision }
            guard rest[0] == 0x2F else { return nil }
            return rest.elementsEqual("/refusal") ? .refusal : .unknown
        }
    }
}
