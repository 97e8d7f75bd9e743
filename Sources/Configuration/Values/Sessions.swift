extension Configuration {
    /// Sessions with refresh tokens, and revocation. Durations are whole seconds unless said otherwise.
    package struct Sessions: Sendable, Equatable {
        package var store: Located<Store>
        /// What refresh tokens are proven genuine by. Nil only where no refresh token is issued or taken.
        package var secret: Located<SecretSource>?
        /// Still accepted while the secret is being changed.
        package var previousSecret: Located<SecretSource>?
        /// Of an access token as it is issued with a login or a refresh.
        package var accessLifetime: Duration
        package var refresh: Refresh
        package var device: Device
        package var revocation: Revocation
        /// From one removal of what has expired to the next.
        package var sweep: Duration
        package var cookie: Cookie
        package var endpoints: Endpoints
        package var place: Place

        /// Whether there are endpoints, which take a key that signs.
        package var issuesTokens: Bool { endpoints.isAny }

        package struct Refresh: Sendable, Equatable {
            /// Of a refresh token.
            package var lifetime: Duration
            package var policy: Policy
            /// False: the session keeps its one refresh token.
            package var rotates: Bool
            /// How long the token before is still answered, with the current one.
            package var grace: Duration
            /// Sessions of one user at a time; nil: any number.
            package var perUserMax: Int?

            /// When the refresh tokens of a session end.
            package enum Policy: Sendable, Equatable {
                /// One lifetime from the login, however often they rotate.
                case fixed
                /// One lifetime from each rotation.
                case sliding
                /// One lifetime from each rotation, and `cap` from the login at the latest.
                case slidingWithCap(Duration)
            }
        }

        /// The request fields in which a login may tell where it comes from.
        package struct Device: Sendable, Equatable {
            package var id: String
            package var name: String
            package var application: String
        }

        package struct Revocation: Sendable, Equatable {
            /// From one look for what other processes have revoked to the next. Milliseconds count.
            package var poll: Duration
            /// Without word from the store for so long, it counts as away. Milliseconds count.
            package var awayAfter: Duration
            /// How long the end of a session is remembered at least: the longest life of access tokens that others issue.
            package var keep: Duration
        }

        /// Of a refresh token that is delivered by cookie. Always `HttpOnly`, `Secure` and for the path `/`.
        package struct Cookie: Sendable, Equatable {
            package var name: String
            package var sameSite: Sliding.Cookie.SameSite
        }
    }
}

extension Configuration.Sessions {
    /// Where sessions and revocations are kept.
    package enum Store: Sendable, Equatable {
        case memory
        /// The name of the file, relative to the folder of the configuration or absolute.
        case sqlite(path: String)
        case redis(Redis)
    }

    package struct Redis: Sendable, Equatable {
        package var server: Server
        /// Nil: the default user.
        package var username: String?
        package var password: Located<Configuration.SecretSource>?
        package var database: Int
        /// All keys begin with it.
        package var prefix: String
        /// For a connection and for each answer. Milliseconds count.
        package var timeout: Duration

        package enum Server: Sendable, Equatable {
            case address(Endpoint)
            case sentinels(Sentinels)
        }

        /// Who tells where the primary is.
        package struct Sentinels: Sendable, Equatable {
            /// Never empty.
            package var addresses: [Endpoint]
            /// The name of the primary among them.
            package var service: String
            package var username: String?
            package var password: Located<Configuration.SecretSource>?
        }
    }
}
