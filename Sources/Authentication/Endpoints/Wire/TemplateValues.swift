internal import Bytes
internal import JOSE

/// What placeholders stand for in one answer.
struct TemplateValues {
    var accessToken: [UInt8]?
    var refreshToken: [UInt8]?
    var newRefreshToken: [UInt8]?
    var expiresIn: Int64?
    var refreshExpiresIn: Int64?
    var sessionID: String?
    var subject: String?
    /// Of the access token.
    var claims: JSONObject?
    var code: String?
    var description: String?

    init() {}

    /// - Parameter presented: the refresh token that came with the request.
    init(_ pair: TokenPair, sessionID: String, subject: String, presented: [UInt8]?, now: NumericDate) {
        accessToken = pair.accessToken
        refreshToken = pair.refreshToken
        newRefreshToken = pair.refreshToken == presented ? nil : pair.refreshToken
        expiresIn = max(0, pair.accessExpiresAt.seconds - now.seconds)
        refreshExpiresIn = max(0, pair.refreshExpiresAt.seconds - now.seconds)
        self.sessionID = sessionID
        self.subject = subject
        claims = try? JSONObject(parsing: pair.claims, limits: SessionClaims.limits)
    }

    init(code: String, description: String) {
        self.code = code
        self.description = description
    }

    /// The JSON text of a placeholder's value; nil: it has none.
    func json(_ placeholder: Placeholder) -> [UInt8]? {
        switch placeholder {
        case .accessToken: accessToken.map(Self.quoted)
        case .refreshToken: refreshToken.map(Self.quoted)
        case .newRefreshToken: newRefreshToken.map(Self.quoted)
        case .expiresIn: expiresIn.map { Array(String($0).utf8) }
        case .refreshExpiresIn: refreshExpiresIn.map { Array(String($0).utf8) }
        case .sessionID: sessionID.map(JSONString.quoted)
        case .subject: subject.map(JSONString.quoted)
        case .claim(let name):
            claims.flatMap { claims in claims.member(named: name).map { claims.withValue(of: $0) { Array(copying: $0) } } }
        case .code: code.map(JSONString.quoted)
        case .description: description.map(JSONString.quoted)
        }
    }

    /// As the value of a field line; nil: there is none, or none that a line can carry.
    func fieldValue(_ template: AnswerTemplate) -> [UInt8]? {
        let value: [UInt8]?
        switch template {
        case .string(let text): value = Array(text.utf8)
        case .placeholder(.claim(let name)):
            value = claims.flatMap { claims in
                claims.member(named: name).flatMap { member in
                    switch member.kind {
                    case .string: claims.string(of: member).map { Array($0.utf8) }
                    case .number, .boolean: claims.withValue(of: member) { Array(copying: $0) }
                    case .object, .array, .null: nil
                    }
                }
            }
        case .placeholder(.accessToken): value = accessToken
        case .placeholder(.refreshToken): value = refreshToken
        case .placeholder(.newRefreshToken): value = newRefreshToken
        case .placeholder(.expiresIn): value = expiresIn.map { Array(String($0).utf8) }
        case .placeholder(.refreshExpiresIn): value = refreshExpiresIn.map { Array(String($0).utf8) }
        case .placeholder(.sessionID): value = sessionID.map { Array($0.utf8) }
        case .placeholder(.subject): value = subject.map { Array($0.utf8) }
        case .placeholder(.code): value = code.map { Array($0.utf8) }
        case .placeholder(.description): value = description.map { Array($0.utf8) }
        case .integer(let number): value = Array(String(number).utf8)
        case .object, .array, .boolean, .null: value = nil
        }
        guard let value, !value.isEmpty, value.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), value.first != 0x20, value.last != 0x20
        else { return nil }
        return value
    }

    /// Tokens are ASCII without anything to escape.
    private static func quoted(_ token: [UInt8]) -> [UInt8] { [UInt8(ascii: "\"")] + token + [UInt8(ascii: "\"")] }
}

extension AnswerTemplate {
    /// The JSON text; nil: it is a placeholder without a value.
    func json(_ values: TemplateValues) -> [UInt8]? {
        switch self {
        case .object(let members):
            let parts = members.compactMap { member in
                member.value.json(values).map { JSONString.quoted(member.name) + [UInt8(ascii: ":")] + $0 }
            }
            return [UInt8(ascii: "{")] + parts.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "}")]
        case .array(let elements):
            let parts = elements.compactMap { $0.json(values) }
            return [UInt8(ascii: "[")] + parts.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
        case .string(let text): return JSONString.quoted(text)
        case .integer(let number): return Array(String(number).utf8)
        case .boolean(let isTrue): return Array((isTrue ? "true" : "false").utf8)
        case .null: return Array("null".utf8)
        case .placeholder(let placeholder): return values.json(placeholder)
        }
    }

    /// Whether a token is in there, at any depth.
    var holdsToken: Bool {
        switch self {
        case .object(let members): members.contains { $0.value.holdsToken }
        case .array(let elements): elements.contains(where: \.holdsToken)
        case .placeholder(let placeholder): placeholder.isToken
        case .string, .integer, .boolean, .null: false
        }
    }
}
