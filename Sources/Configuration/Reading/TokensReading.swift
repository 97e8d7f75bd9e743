extension Configuration.Tokens {
    static func read(_ field: Field?) -> Configuration.Tokens {
        var tokens = Configuration.Tokens(
            issuers: [], audiences: [], leeway: Defaults.leeway, sources: Defaults.tokenSources,
            bytesMax: Defaults.tokenBytesMax, realm: Defaults.realm, types: Defaults.tokenTypes)
        guard let field, let section = Section<Vocabulary.Tokens>(field, expected: "a mapping of rules for tokens")
        else { return tokens }
        tokens.issuers = section[.issuer]?.texts(expected: "an issuer, as in a token's iss") ?? []
        tokens.audiences = section[.audience]?.texts(expected: "an audience, as in a token's aud") ?? []
        refuseEmpty([section[.issuer], section[.audience], section[.typ], section[.from]])
        tokens.leeway = section[.leeway]?.duration(in: Bounds.leeway, wholeSeconds: true) ?? tokens.leeway
        if let from = section[.from] { tokens.sources = readSources(from) }
        if let field = section[.limits],
            let limits = Section<Vocabulary.TokenLimits>(field, expected: "a mapping such as { bytes: 8KiB }") {
            tokens.bytesMax = limits[.bytes]?.size(in: Bounds.tokenBytes) ?? tokens.bytesMax
        }
        if let field = section[.realm], let realm = field.text(expected: "a name for the protected space") {
            if Grammar.isPlainQuotable(realm), realm.utf8.count <= 128 {
                tokens.realm = realm
            } else {
                field.refuse(expected: "at most 128 printable ASCII characters, none of them a quote or a backslash")
            }
        }
        if let field = section[.typ] { tokens.types = readTypes(field) }
        return tokens
    }

    /// An empty list would silently mean "any" or "none".
    private static func refuseEmpty(_ fields: [Field?]) {
        for case let field? in fields {
            if field.isEmptyList {
                field.refuse("an empty list", expected: "at least one entry, or no such key")
            }
        }
    }

    private static func readTypes(_ field: Field) -> [String] {
        field.texts(expected: "a typ value such as JWT").filter { type in
            let isPlain = type.utf8.count <= 64 && type.split(separator: "/").allSatisfy { Grammar.isToken(String($0)) }
            if !isPlain { field.refuse("\"\(Quotation.shortened(type))\" is no media type", expected: "such as JWT") }
            return isPlain
        }
    }

    private static let sourceForm = "authorization, { cookie: NAME }, { header: NAME } or websocket_protocol"

    private static func readSources(_ field: Field) -> [Source] {
        var sources: [Source] = []
        for element in field.elements(expected: sourceForm) {
            guard let source = readSource(element) else { continue }
            guard !sources.contains(where: { $0.isSame(as: source) }) else {
                element.refuse("the same source is there twice", expected: "each once")
                continue
            }
            sources.append(source)
        }
        return sources
    }

    private static func readSource(_ field: Field) -> Source? {
        guard field.isMapping else {
            let words = ["authorization", "websocket_protocol"]
            switch field.word {
            case "authorization": return .authorization
            case "websocket_protocol": return .webSocketProtocol
            case let word:
                field.refuse(expected: sourceForm, suggestion: word.flatMap { Suggestion.nearest(to: $0, among: words) })
                return nil
            }
        }
        guard let section = Section<Vocabulary.TokenSource>(field, expected: sourceForm) else { return nil }
        switch (section[.cookie], section[.header]) {
        case (let cookie?, nil): return cookie.cookieName().map { .cookie(name: $0) }
        case (nil, let header?): return header.headerName().map { .header(name: $0) }
        case (_?, _?), (nil, nil):
            field.refuse("one entry is one source", expected: sourceForm)
            return nil
        }
    }
}

extension Configuration.Tokens.Source {
    /// Header names have no case; cookie names have.
    fileprivate func isSame(as other: Self) -> Bool {
        if case .header(let a) = self, case .header(let b) = other { return a.lowercased() == b.lowercased() }
        return self == other
    }
}

extension Field {
    /// RFC 6265 §4.1.1.
    func cookieName() -> String? {
        guard let name = text(expected: "the name of a cookie") else { return nil }
        guard Grammar.isToken(name), name.utf8.count <= 128 else {
            refuse("\"\(Quotation.shortened(name))\" is no cookie name", expected: "letters, digits, hyphens")
            return nil
        }
        return name
    }
}
