extension Configuration.Sessions {
    /// What the gateway answers itself, each at its path (exact, in normal form). Whatever is absent is not served.
    package struct Endpoints: Sendable, Equatable {
        /// Served by an upstream; the gateway adds the tokens.
        package var logins: [Login] = []
        package var refreshes: [RefreshEndpoint] = []
        package var logout: EndpointPath?
        package var logoutEverywhere: EndpointPath?
        /// RFC 7009.
        package var revocation: EndpointPath?
        /// RFC 7662.
        package var introspection: Introspection?
        /// One's own sessions; those below it end one.
        package var sessions: EndpointPath?

        /// Whether anything is served.
        package var isAny: Bool {
            !logins.isEmpty || !refreshes.isEmpty || logout != nil || logoutEverywhere != nil || revocation != nil
                || introspection != nil || sessions != nil
        }
    }

    package struct EndpointPath: Sendable, Equatable {
        package var path: String
        /// In upper case. Empty where there is no choice.
        package var methods: [String]
        package var place: Place
    }

    package struct Introspection: Sendable, Equatable {
        package var endpoint: EndpointPath
        /// What callers bring as `Authorization: Bearer`.
        package var secret: Located<Configuration.SecretSource>
    }

    /// A request whose 2xx answer begins a session.
    package struct Login: Sendable, Equatable {
        package var endpoint: EndpointPath
        /// Index into `Configuration.upstreams`.
        package var upstream: Int
        /// Fills what `answer` leaves open.
        package var preset: Preset
        package var claims: ClaimsSource
        /// The longest answer that is read for claims and added to, in bytes.
        package var contentBytesMax: Int
        package var answer: Answer

        /// Where the upstream's answer says what the access tokens are to say.
        package enum ClaimsSource: Sendable, Equatable {
            /// A JSON object in this response field, which is removed.
            case header(String)
            /// Members of the JSON content.
            case members([ClaimMember])
        }

        package struct ClaimMember: Sendable, Equatable {
            package var claim: String
            /// The names of members from the outside in. Never empty.
            package var path: [String]
        }
    }

    package struct RefreshEndpoint: Sendable, Equatable {
        package var endpoint: EndpointPath
        /// Fills what the rest leaves open; `require` only where `token` is left open too.
        package var preset: Preset
        package var token: TokenPlace?
        package var require: [Requirement]?
        package var answer: Answer
        /// Each case once.
        package var refusals: [Refusal]

        /// Where the token is read from in the end.
        package var effectiveToken: TokenPlace { token ?? preset.token }

        /// A member of the form or of the JSON object that must be there with this value.
        package struct Requirement: Sendable, Equatable {
            package var name: String
            package var value: String
        }
    }

    /// Where a request has the token to refresh with.
    package enum TokenPlace: Sendable, Equatable {
        case form(String)
        case json(String)
        /// Nil: the one of `sessions.cookie`.
        case cookie(String?)
        /// A refresh token as `Authorization: Bearer`.
        case bearer
        /// A still valid access token, where the gateway reads access tokens: it slides on demand.
        case access
    }

    /// How the tokens are told. What is nil is as the preset has it.
    package struct Answer: Sendable, Equatable {
        /// Never for a login: its status is the upstream's.
        package var status: Int?
        /// An object.
        package var body: Template?
        package var headers: [Header]?
        /// Whether the refresh token goes into the cookie of `sessions.cookie`.
        package var hasRefreshCookie: Bool?
        /// The name of a cookie for the access token.
        package var accessCookie: String?

        package struct Header: Sendable, Equatable {
            package var name: String
            /// A text or a placeholder.
            package var value: Template
        }
    }

    /// How one kind of request is refused.
    package struct Refusal: Sendable, Equatable {
        package var kind: Kind
        /// Nil: as the preset has it.
        package var status: Int?
        /// An object; nil: as the preset has it.
        package var body: Template?

        package enum Kind: String, Sendable, CaseIterable {
            /// No token in the request.
            case missing
            /// No token of ours, or one that has expired or been used up.
            case invalid
            /// Another member is not as `require` says.
            case requirement
            case malformed
            case mediaType = "media_type"
            /// The store is away.
            case unavailable
        }
    }

    /// JSON with places to fill. A member whose placeholder has no value is left out.
    package indirect enum Template: Sendable, Equatable {
        case text(String)
        case integer(Int64)
        case boolean(Bool)
        case null
        case placeholder(Placeholder)
        case list([Template])
        /// Each name once.
        case object([Member])

        package struct Member: Sendable, Equatable {
            package var name: String
            package var value: Template
        }
    }

    package enum Placeholder: Sendable, Hashable {
        case accessToken, refreshToken
        /// Only where it is another than the one that was presented.
        case newRefreshToken
        case expiresIn, refreshExpiresIn, sessionID, subject
        /// A claim of the session, as JSON.
        case claim(String)
        /// In refusals only.
        case code, description
    }

    /// How an existing front end expects to be talked to.
    package enum Preset: String, Sendable, CaseIterable {
        case oauth2, simplejwt, express, cookie
        case bearerRefresh = "bearer-refresh"
        case bearerAccess = "bearer-access"

        package var refreshPath: String {
            switch self {
            case .oauth2: "/oauth/token"
            case .simplejwt: "/api/token/refresh/"
            case .express, .bearerRefresh: "/refresh-token"
            case .cookie: "/refresh"
            case .bearerAccess: "/api/auth/refresh-token"
            }
        }

        /// Nil: no usual one.
        package var loginPath: String? {
            switch self {
            case .simplejwt: "/api/token/"
            case .express: "/login"
            case .oauth2, .cookie, .bearerRefresh, .bearerAccess: nil
            }
        }

        package var token: TokenPlace {
            switch self {
            case .oauth2: .form("refresh_token")
            case .simplejwt: .json("refresh")
            case .express: .json("refreshToken")
            case .cookie: .cookie(nil)
            case .bearerRefresh: .bearer
            case .bearerAccess: .access
            }
        }

        /// Whether its answers put the refresh token into the cookie.
        package var hasRefreshCookie: Bool { self == .cookie }
    }
}
