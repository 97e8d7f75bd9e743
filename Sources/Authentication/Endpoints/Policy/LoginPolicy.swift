/// A route on which the upstream authenticates, and the gateway adds the pair of tokens to its answer (semantics §3.5).
///
/// The route itself is a `RoutePolicy` with `isExact`, no authentication, and `login` as the index of this.
package struct LoginPolicy: Sendable, Equatable {
    /// How the upstream's final 2xx answer names the claims.
    package enum ClaimsSource: Sendable, Equatable {
        /// A response field: a JSON object, or the base64url text of one. Never goes to a client.
        case header(name: String)
        /// Members of the answer's JSON object. `sub` must be among them.
        case members([Member])
    }

    package struct Member: Sendable, Equatable {
        package var claim: String
        /// Names from the outermost object inwards. Not empty.
        package var path: [String]

        package init(claim: String, path: [String]) {
            self.claim = claim
            self.path = path
        }
    }

    package var path: String
    package var methods: [String]
    package var claims: ClaimsSource
    package var answer: AnswerFormat
    /// Content above this passes as it is.
    package var contentBytesMax: Int

    package static let claimsHeader = "X-Session-Claims"

    package init(
        path: String, methods: [String] = ["POST"], claims: ClaimsSource = .header(name: Self.claimsHeader), answer: AnswerFormat,
        contentBytesMax: Int = 64 << 10
    ) {
        self.path = path
        self.methods = methods
        self.claims = claims
        self.answer = answer
        self.contentBytesMax = contentBytesMax
    }
}
