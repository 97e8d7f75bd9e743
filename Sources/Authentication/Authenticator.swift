internal import Bytes
internal import HTTP1
package import JOSE
package import Sessions

/// Decides about requests and their answers. One for a worker and a configuration snapshot: a reload makes a new one, and
/// with it an empty cache, so that nothing verified under old keys or rules outlives them.
///
/// The life of a token here: `authenticate` when the request's head is there; `appendRequestFields` while the head is
/// written upstream; `prepareResponse` and `appendResponseFields` around the answer's head. Apart from its caches it has no
/// state, and time is an argument.
package final class Authenticator {
    package let policy: AuthenticationPolicy

    let routes: RouteTable
    let rules: [RouteRules]
    let requirements: [RequirementSet]
    let claimHeaders: [ClaimHeaderSet]
    let sources: [TokenSource]
    /// Whether one of them is a cookie.
    let readsCookies: Bool
    let reserved: ReservedFields
    /// The known names that a survey takes note of.
    let concerns: FieldNameSet = [.authorization, .cookie, .secWebSocketProtocol, .origin, .accessControlRequestMethod]
    let crossOrigin: CrossOriginRules?
    let delivery: SuccessorDelivery?
    let realm: [UInt8]

    let verifier: TokenVerifier
    let signer: (any TokenSigner)?
    let hasher: any TokenHasher
    let mintCache: any MintCache
    var cache: VerifiedTokenCache
    /// Nil: nothing is ever revoked here. Set by the worker, whose it is.
    package var revocations: RevocationView?
    /// By index of the key; what this authenticator has done.
    package internal(set) var keyUse: [KeyUse]
    package internal(set) var tokenCounts = TokenCounts()
    /// Verified tokens that are remembered now.
    package var cachedTokenCount: Int { cache.count }

    /// - Parameter mintCache: one for the process, for signing algorithms that are not deterministic.
    package init(policy: AuthenticationPolicy, keys: KeySet, hasher: any TokenHasher, mintCache: any MintCache) {
        self.policy = policy
        self.hasher = hasher
        self.mintCache = mintCache
        signer = keys.signer
        verifier = TokenVerifier(keys: keys, rules: policy.validation)
        keyUse = [KeyUse](repeating: KeyUse(), count: keys.verifiers.count)
        cache = VerifiedTokenCache(policy.cache)
        routes = RouteTable(policy.routes)
        crossOrigin = policy.cors.map(CrossOriginRules.init)
        delivery = policy.sliding.map(SuccessorDelivery.init)
        sources = policy.tokens.sources.map(TokenSource.init)
        readsCookies = policy.tokens.sources.contains { if case .cookie = $0 { true } else { false } }
        realm = Array(policy.realm.utf8)

        var requirements: [RequirementSet] = []
        var claimHeaders: [ClaimHeaderSet] = []
        rules = policy.routes.map { route in
            RouteRules(
                authentication: route.authentication, slides: route.slides && route.login == nil, forwarding: route.forwarding,
                requirements: Self.index(of: RequirementSet(route.requirements), in: &requirements),
                claimHeaders: Self.index(of: ClaimHeaderSet(route.claimHeaders), in: &claimHeaders),
                storeAway: route.storeAway, isShadow: route.mode == .shadow)
        }
        self.requirements = requirements
        self.claimHeaders = claimHeaders
        reserved = Self.reservedFields(of: policy)
    }

    /// The index of a set equal to `set`, which is appended if there is none; -1 for an empty one. Routes commonly share
    /// theirs, and tokens remember what came of each.
    private static func index<Set: IndexedSet>(of set: Set, in sets: inout [Set]) -> Int32 {
        if set.isEmpty { return -1 }
        if let index = sets.firstIndex(of: set) { return Int32(index) }
        sets.append(set)
        return Int32(sets.count - 1)
    }

    private static func reservedFields(of policy: AuthenticationPolicy) -> ReservedFields {
        var names: [(name: String, role: ReservedFields.Role)] = []
        for (index, source) in policy.tokens.sources.enumerated() {
            if case .header(let name) = source { names.append((name, .token(source: index))) }
        }
        for name in policy.connectionHeaders { names.append((name, .dropped)) }
        for route in policy.routes {
            for claimHeader in route.claimHeaders { names.append((claimHeader.header, .dropped)) }
        }
        if let sliding = policy.sliding {
            if let name = sliding.optOutHeader { names.append((name, .optOut)) }
            if case .header(let name) = sliding.delivery { names.append((name, .dropped)) }
            if let name = sliding.tokenExpiryHeader { names.append((name, .dropped)) }
            if let name = sliding.sessionExpiryHeader { names.append((name, .dropped)) }
        }
        return ReservedFields(names)
    }
}

extension Authenticator {
    /// The sets of keys that are fetched have been found whole again.
    package func confirmKeys(until date: NumericDate) { verifier.fetched?.confirmedUntil = date }
}

/// A route's policy without what needs memory management: read on every request.
struct RouteRules: Sendable {
    var authentication: RoutePolicy.Authentication
    var slides: Bool
    var forwarding: RoutePolicy.TokenForwarding
    /// Index into the requirement sets; -1: none.
    var requirements: Int32
    /// Index into the claim header sets; -1: none.
    var claimHeaders: Int32
    var storeAway: RoutePolicy.StoreAway
    var isShadow: Bool
}

/// What routes share by index.
protocol IndexedSet: Equatable {
    var isEmpty: Bool { get }
}
