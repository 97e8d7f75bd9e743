extension Configuration.Sessions.Placeholder {
    /// Where a placeholder stands: what has a value there.
    enum Use { case answer, refusal }

    private static let words: [(word: String, placeholder: Self, use: Use?)] = [
        ("access_token", .accessToken, .answer), ("refresh_token", .refreshToken, .answer),
        ("new_refresh_token", .newRefreshToken, .answer), ("expires_in", .expiresIn, .answer),
        ("refresh_expires_in", .refreshExpiresIn, .answer), ("session_id", .sessionID, .answer),
        ("subject", .subject, .answer), ("code", .code, .refusal), ("description", .description, .refusal),
    ]

    static func read(_ text: String, in use: Use, _ field: Field) -> Self? {
        let word = String(text.dropFirst())
        if let found = words.first(where: { $0.word == word && $0.use == use }) { return found.placeholder }
        let claims = "claims."
        if use == .answer, word.hasPrefix(claims), word.utf8.count > claims.utf8.count { return .claim(String(word.dropFirst(claims.utf8.count))) }
        let candidates = words.filter { $0.use == use }.map { "$" + $0.word } + (use == .answer ? ["$claims.NAME"] : [])
        field.refuse(
            "\"\(Quotation.shortened(text))\" is no placeholder here",
            expected: "\(Prose.alternatives(candidates)), or $$ for a text that begins with $",
            suggestion: Suggestion.nearest(to: text, among: candidates))
        return nil
    }
}

extension Configuration.Sessions.Template {
    typealias Use = Configuration.Sessions.Placeholder.Use

    /// The content of an answer: an object.
    static func readObject(_ field: Field, in use: Use) -> Self? {
        guard field.isMapping else {
            field.refuse(expected: "a mapping: the members of a JSON object")
            return nil
        }
        let template = read(field, in: use)
        if let bytes = template?.byteCount, bytes > Bounds.templateBytesMax {
            field.refuse("is longer than \(SizeText.format(Bounds.templateBytesMax))")
        }
        return template
    }

    /// A text or a placeholder.
    static func readText(_ field: Field, in use: Use) -> Self? {
        guard let text = field.text(expected: "a text, or a placeholder such as $access_token") else { return nil }
        guard text.hasPrefix("$") else { return .text(text) }
        return text.hasPrefix("$$") ? .text(String(text.dropFirst())) : .read(text, in: use, field)
    }

    private static func read(_ text: String, in use: Use, _ field: Field) -> Self? {
        Configuration.Sessions.Placeholder.read(text, in: use, field).map { .placeholder($0) }
    }

    private static func read(_ field: Field, in use: Use) -> Self? {
        switch field.tree.content {
        case .scalar(let text, let isPlain):
            if text.hasPrefix("$$") { return .text(String(text.dropFirst())) }
            if text.hasPrefix("$") { return read(text, in: use, field) }
            return (isPlain ? literal(text) : nil) ?? .text(text)
        case .sequence:
            return .list(field.elements(expected: "a list").compactMap { read($0, in: use) })
        case .mapping:
            return .object(
                field.entries(expected: "a mapping").compactMap { name, _, value in
                    read(value, in: use).map { Member(name: name, value: $0) }
                })
        }
    }

    /// What stands without quotes is what it looks like in JSON; nil: a text.
    private static func literal(_ text: String) -> Self? {
        switch text {
        case "true": .boolean(true)
        case "false": .boolean(false)
        case "", "~", "null": .null
        case _: integer(text).map { .integer($0) }
        }
    }

    /// Within what every reader of JSON takes for a whole number (RFC 8259 §6).
    private static func integer(_ text: String) -> Int64? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard (1...15).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            digits.utf8.count == 1 || !digits.hasPrefix("0")
        else { return nil }
        return Int64(text)
    }

    /// Of names and texts, roughly.
    private var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count + 2
        case .integer, .boolean, .null, .placeholder: 16
        case .list(let elements): elements.reduce(2) { $0 + $1.byteCount }
        case .object(let members): members.reduce(2) { $0 + $1.name.utf8.count + $1.value.byteCount + 4 }
        }
    }
}
