/// JSON with places to be filled.
package indirect enum AnswerTemplate: Sendable, Hashable {
    /// In this order. Names are unique.
    case object([Member])
    case array([AnswerTemplate])
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    case null
    /// A member, or an element of an array, whose placeholder has no value is left out.
    case placeholder(Placeholder)

    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: AnswerTemplate

        package init(name: String, value: AnswerTemplate) {
            self.name = name
            self.value = value
        }
    }

    /// As the configuration writes strings: `$NAME` is a placeholder, `$$…` a string that begins with `$`, anything else itself.
    /// Nil: no placeholder has that name.
    package init?(scalar text: String) {
        guard text.hasPrefix("$") else {
            self = .string(text)
            return
        }
        let rest = text.dropFirst()
        if rest.hasPrefix("$") {
            self = .string(String(rest))
        } else {
            guard let placeholder = Placeholder(String(rest)) else { return nil }
            self = .placeholder(placeholder)
        }
    }
}

extension AnswerTemplate: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    package init(dictionaryLiteral members: (String, AnswerTemplate)...) {
        self = .object(members.map { Member(name: $0.0, value: $0.1) })
    }

    /// - Precondition: a name behind `$` is one of a placeholder.
    package init(stringLiteral text: String) {
        guard let template = AnswerTemplate(scalar: text) else { preconditionFailure("no placeholder \(text)") }
        self = template
    }

    package init(integerLiteral value: Int64) { self = .integer(value) }
}

/// What a template may name.
package enum Placeholder: Sendable, Hashable {
    case accessToken
    case refreshToken
    /// The refresh token if it is another than the one presented.
    case newRefreshToken
    /// Seconds from now to the end of the access token, and of the refresh token.
    case expiresIn
    case refreshExpiresIn
    case sessionID
    /// The `sub` of the tokens.
    case subject
    /// A claim of the access token, whatever its JSON type.
    case claim(String)
    /// In refusals: the stable code, and a sentence.
    case code
    case description

    /// By its name without `$`.
    package init?(_ name: String) {
        switch name {
        case "access_token": self = .accessToken
        case "refresh_token": self = .refreshToken
        case "new_refresh_token": self = .newRefreshToken
        case "expires_in": self = .expiresIn
        case "refresh_expires_in": self = .refreshExpiresIn
        case "session_id": self = .sessionID
        case "subject": self = .subject
        case "code": self = .code
        case "description": self = .description
        default:
            guard name.hasPrefix("claims."), name.utf8.count > 7 else { return nil }
            self = .claim(String(name.dropFirst(7)))
        }
    }

    /// Whether it stands for a token: such a member replaces what an upstream has said under its name.
    package var isToken: Bool {
        switch self {
        case .accessToken, .refreshToken, .newRefreshToken: true
        case .expiresIn, .refreshExpiresIn, .sessionID, .subject, .claim, .code, .description: false
        }
    }

    /// Whether it has a meaning in refusals only.
    package var isOfRefusals: Bool { self == .code || self == .description }
}
