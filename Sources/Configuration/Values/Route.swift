extension Configuration {
    /// What holds for the requests under a path prefix.
    package struct Route: Sendable, Equatable {
        /// Begins with `/`, in normal form (no dot segments, no empty segments, no needless escapes).
        package var pathPrefix: String
        /// Host names in lower case: exact, or `*.` and a suffix. Empty: any.
        package var hosts: [String]
        /// In upper case. Empty: any.
        package var methods: [String]
        package var authentication: Authentication
        /// False: requests here are no activity, tokens are not renewed.
        package var slides: Bool
        /// Each claim must have, or contain, one of the values.
        package var require: [Requirement]
        package var authorization: Authorization
        /// Request fields set from claims; copies sent by the client are removed first, on every route.
        package var claimHeaders: [ClaimHeader]
        /// Index into `Configuration.upstreams`; 0 where there are none.
        package var upstream: Int
        /// The largest content of a request here.
        package var body = BodyLimit.asElsewhere
        package var streams: Streams
        package var storeAway = Defaults.storeAway
        package var mode = Defaults.mode
        /// What logs and metrics call it; nil: nothing of its own.
        package var givenName: String?
        /// Whether its requests are written to the access log.
        package var isLogged = true
        /// Index into the logins of `sessions`: made by one, and for its very path alone. Nil in what a file's `routes` say.
        package var login: Int?
        package var place: Place

        /// What logs and metrics call it: its name, or its path behind the first of its hosts.
        package var name: String { givenName ?? (hosts.first ?? "") + pathPrefix }

        /// The largest content of a request.
        package enum BodyLimit: Sendable, Equatable {
            /// `limits.body`
            case asElsewhere
            case none
            case bytes(Int)
        }

        package enum Authentication: String, Sendable, CaseIterable {
            /// No valid token, no entry.
            case required
            /// Without a token the request passes; with a bad one it is refused.
            case optional
            /// Tokens are not looked at.
            case none
        }

        /// What becomes of `Authorization` on the way to the upstream.
        package enum Authorization: String, Sendable, CaseIterable { case original, renewed, stripped }

        /// Which answers end with the session of their request.
        package enum Streams: String, Sendable, CaseIterable {
            /// Those of type `text/event-stream`.
            case events
            /// All that are still under way.
            case session
            /// None.
            case free
        }

        /// What becomes of requests with a valid token while nobody can tell whether it has been revoked.
        package enum StoreAway: String, Sendable, CaseIterable {
            /// They are refused.
            case closed
            /// They pass.
            case open
        }

        package struct Requirement: Sendable, Equatable {
            package var claim: String
            /// Never empty.
            package var values: [String]
        }

        package struct ClaimHeader: Sendable, Equatable {
            package var header: String
            package var claim: String
        }
    }
}
