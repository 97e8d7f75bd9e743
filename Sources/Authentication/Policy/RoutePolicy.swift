/// What holds for the requests under a path prefix.
package struct RoutePolicy: Sendable, Equatable {
    package enum Authentication: Sendable, Equatable {
        /// No valid token, no entry.
        case required
        /// Without a token the request passes; with a bad one it is refused.
        case optional
        /// Tokens are not looked at.
        case none
    }

    /// What becomes of the token on the way to the upstream, wherever the request carried it.
    package enum TokenForwarding: Sendable, Equatable {
        case original
        /// The successor in the token's place when one is due and could be minted, else the original.
        case renewed
        case stripped
    }

    /// What becomes of a request with a token while nobody knows what has been revoked lately.
    package enum StoreAway: Sendable, Equatable {
        /// It is refused with 503.
        case closed
        /// It passes, unless its token is known to be revoked.
        case open
    }

    /// Whether decisions have effect.
    package enum Mode: Sendable, Equatable {
        case enforce
        /// They are made, and requests pass as if tokens were not looked at here; see `Admission.wouldRefuse`.
        case shadow
    }

    /// The claim must be present and, with `values`, be or contain one of them. `scope` is read as the
    /// space-separated list that RFC 8693 §4.2 makes of it.
    package struct Requirement: Sendable, Equatable {
        package var claim: String
        package var values: [String]

        package init(claim: String, values: [String]) {
            self.claim = claim
            self.values = values
        }
    }

    /// A request field set from a claim. Copies sent by clients are removed on every route.
    package struct ClaimHeader: Sendable, Equatable {
        package var header: String
        package var claim: String

        package init(header: String, claim: String) {
            self.header = header
            self.claim = claim
        }
    }

    /// Begins with `/`, in normal form. `/a` holds for `/a` and everything under `/a/`, and not for `/ab`; `/a/` only
    /// for what is under it.
    package var pathPrefix: String
    /// Only `pathPrefix` itself, and nothing under it.
    package var isExact = false
    /// Host names in lower case without port: exact, or `*.` and a suffix (any depth). Empty: any.
    package var hosts: [String]
    /// In upper case. Empty: any.
    package var methods: [String]
    package var authentication: Authentication
    /// False: requests here are no activity; tokens are not renewed.
    package var slides: Bool
    /// All must hold, else 403.
    package var requirements: [Requirement]
    package var forwarding: TokenForwarding
    package var claimHeaders: [ClaimHeader]
    /// Concerns gateways with a `RevocationSet` only.
    package var storeAway = StoreAway.closed
    package var mode = Mode.enforce
    /// Index into the upstreams; opaque here.
    package var upstream: Int
    /// Index into `SessionPolicy.logins`: the answers here are captured, and carry no successor. With `isExact` and without
    /// authentication.
    package var login: Int?

    package init(
        pathPrefix: String, hosts: [String] = [], methods: [String] = [], authentication: Authentication = .required,
        slides: Bool = true, requirements: [Requirement] = [], forwarding: TokenForwarding = .original,
        claimHeaders: [ClaimHeader] = [], upstream: Int = 0
    ) {
        self.pathPrefix = pathPrefix
        self.hosts = hosts
        self.methods = methods
        self.authentication = authentication
        self.slides = slides
        self.requirements = requirements
        self.forwarding = forwarding
        self.claimHeaders = claimHeaders
        self.upstream = upstream
    }
}
