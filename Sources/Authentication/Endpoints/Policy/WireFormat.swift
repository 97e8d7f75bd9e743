/// What a refresh looks like on the wire: where the request has its token, and what is answered.
package struct WireFormat: Sendable, Equatable {
    package enum TokenPlace: Sendable, Equatable {
        /// A member of `application/x-www-form-urlencoded` content.
        case form(String)
        /// A member of a JSON object.
        case json(String)
        case cookie(String)
        /// `Authorization: Bearer …`
        case bearer
        /// No refresh token but an access token that is still valid, wherever requests have theirs: sliding on demand.
        case access
    }

    package var token: TokenPlace
    /// Other members of the form or the JSON object that must be there with that value.
    package var required: [RequiredMember]
    package var answer: AnswerFormat
    package var refusals: RefusalFormats

    package init(
        token: TokenPlace, required: [RequiredMember] = [], answer: AnswerFormat, refusals: RefusalFormats = RefusalFormats()
    ) {
        self.token = token
        self.required = required
        self.answer = answer
        self.refusals = refusals
    }

    package struct RequiredMember: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }
}

/// The answer that hands over tokens. On login routes it is added to the upstream's: the status is not used, and `body` is merged
/// into the upstream's JSON object.
package struct AnswerFormat: Sendable, Equatable {
    /// 200 ... 299.
    package var status: Int
    /// An object. Nil: no content, and on a login route the upstream's as it is.
    package var body: AnswerTemplate?
    package var headers: [Header]
    package var setsRefreshCookie: Bool
    /// The name of a cookie for the access token; nil: it goes into none.
    package var accessCookie: String?

    package struct Header: Sendable, Equatable {
        package var name: String
        /// `.string` or `.placeholder`. Where the placeholder has no value, or one that no field can carry, the line is left out.
        package var value: AnswerTemplate

        package init(name: String, value: AnswerTemplate) {
            self.name = name
            self.value = value
        }
    }

    package init(
        status: Int = 200, body: AnswerTemplate? = nil, headers: [Header] = [], setsRefreshCookie: Bool = false,
        accessCookie: String? = nil
    ) {
        self.status = status
        self.body = body
        self.headers = headers
        self.setsRefreshCookie = setsRefreshCookie
        self.accessCookie = accessCookie
    }
}

/// How a refresh is refused.
package struct RefusalFormats: Sendable, Equatable {
    /// The raw value is the name in the configuration.
    package enum Kind: String, Sendable, CaseIterable {
        /// No token in the request.
        case missing
        /// The token is none of ours, has expired or been used up, or its session has ended. An access token where
        /// a refresh token belongs, and the other way round.
        case invalid
        /// A required member has another value.
        case requirement
        /// The content, or the field that means to carry the token, is malformed.
        case malformed
        /// The content is of another type.
        case mediaType = "media_type"
        /// The store is away. Always with `Retry-After`.
        case unavailable

        package var status: Int {
            switch self {
            case .missing, .requirement, .malformed: 400
            case .invalid: 401
            case .mediaType: 415
            case .unavailable: 503
            }
        }
    }

    package struct Format: Sendable, Equatable {
        package var status: Int
        /// Nil: problem details (RFC 9457).
        package var body: AnswerTemplate?

        package init(status: Int, body: AnswerTemplate? = nil) {
            self.status = status
            self.body = body
        }
    }

    private var formats: [Kind: Format]

    package init(_ formats: [Kind: Format] = [:]) { self.formats = formats }

    /// A kind that nothing was said about has its status, and problem details.
    package subscript(kind: Kind) -> Format {
        get { formats[kind] ?? Format(status: kind.status) }
        set { formats[kind] = newValue }
    }
}
