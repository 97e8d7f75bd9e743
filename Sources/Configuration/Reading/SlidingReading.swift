extension Configuration.Sliding {
    static func read(_ field: Field?) -> Configuration.Sliding? {
        guard let field else { return nil }
        let form = "a mapping such as { buffer: 10m }"
        guard let section = Section<Vocabulary.Sliding>(field, expected: form) else { return nil }
        let expiresIn = section[.expiresIn].flatMap {
            Section<Vocabulary.ExpiresIn>($0, expected: "a mapping of token, session and on")
        }
        let sliding = Configuration.Sliding(
            lifetime: section[.lifetime].flatMap(readLifetime) ?? .inherit,
            lifetimeMax: section[.lifetimeMax]?.claimTime() ?? Defaults.lifetimeMax,
            buffer: readBuffer(section),
            quantum: section[.quantum]?.claimTime(),
            sessionCap: readCap(section[.sessionCap]),
            leastGainPercent: section[.leastGain]?.percent(in: Bounds.leastGainPercent) ?? Defaults.leastGainPercent,
            grace: section[.grace]?.duration(in: Bounds.grace, wholeSeconds: true) ?? Defaults.grace,
            delivery: section[.deliver].flatMap(readDelivery) ?? .header(Defaults.deliveryHeader),
            exceptStatuses: section[.exceptStatuses].map(readStatuses) ?? Defaults.exceptStatuses,
            optOutHeader: readName(section[.optOut], default: Defaults.optOutHeader),
            tokenExpiryHeader: readName(expiresIn?[.token], default: Defaults.tokenExpiryHeader),
            sessionExpiryHeader: readName(expiresIn?[.session], default: Defaults.sessionExpiryHeader),
            expiryAnswers: expiresIn?[.on]?.choice(ExpiryAnswers.self) ?? Defaults.expiryAnswers,
            place: field.place)
        SlidingRules.check(sliding, section)
        return sliding
    }

    private static func readLifetime(_ field: Field) -> Lifetime? {
        if field.word == "inherit" { return .inherit }
        guard let word = field.word, DurationText.parse(word) != nil else {
            field.refuse(expected: "inherit, or \(DurationText.form)")
            return nil
        }
        return field.claimTime().map { .fixed($0) }
    }

    private static func readBuffer(_ section: Section<Vocabulary.Sliding>) -> Buffer {
        // A stand-in after an error; nothing comes of the file then.
        let standIn = Buffer.percent(1)
        guard let field = section[.buffer] else {
            section.field.refuse(
                "buffer is missing", expected: "how long before its end a token is renewed, such as buffer: 10m")
            return standIn
        }
        if field.word?.hasSuffix("%") == true {
            return field.percent(in: Bounds.bufferPercent).map { .percent($0) } ?? standIn
        }
        guard let word = field.word, DurationText.parse(word) != nil else {
            field.refuse(expected: "\(DurationText.form), or a percentage of the lifetime such as 33%")
            return standIn
        }
        return field.claimTime().map { .duration($0) } ?? standIn
    }

    private static func readCap(_ field: Field?) -> Duration? {
        guard let field else { return Defaults.sessionCap }
        if field.word == "none" { return nil }
        guard let word = field.word, DurationText.parse(word) != nil else {
            field.refuse(expected: "\(DurationText.form), or none for sessions without an end")
            return nil
        }
        return field.claimTime()
    }

    /// A header name, or `none`.
    private static func readName(_ field: Field?, default name: String) -> String? {
        guard let field else { return name }
        return field.word == "none" ? nil : field.headerName()
    }

    private static func readStatuses(_ field: Field) -> [Int] {
        var statuses: [Int] = []
        for element in field.elements(expected: "a list of statuses such as [ 401 ]") {
            guard let status = element.integer(in: Bounds.statuses) else { continue }
            guard !statuses.contains(status) else {
                element.refuse("\(status) is there twice", expected: "each once")
                continue
            }
            statuses.append(status)
        }
        return statuses
    }

    private static let deliveryForm = "{ header: NAME }, authorization or { cookie: NAME }"

    private static func readDelivery(_ field: Field) -> Delivery? {
        if field.word == "authorization" { return .authorization }
        guard field.isMapping else {
            // `deliver: cookie` and `deliver: header` are taken at their word, with the default names.
            switch field.word {
            case "header": return .header(Defaults.deliveryHeader)
            case "cookie":
                return .cookie(
                    Cookie(
                        name: Defaults.cookieName, path: Defaults.cookiePath, domain: nil,
                        sameSite: Defaults.cookieSameSite))
            case _:
                field.refuse(expected: deliveryForm)
                return nil
            }
        }
        guard let section = Section<Vocabulary.Delivery>(field, expected: deliveryForm) else { return nil }
        switch (section[.header], section[.cookie]) {
        case (let header?, nil): return header.headerName().map { .header($0) }
        case (nil, let cookie?): return readCookie(cookie).map { .cookie($0) }
        case (_?, _?), (nil, nil):
            field.refuse("a token is delivered in one way", expected: deliveryForm)
            return nil
        }
    }

    private static func readCookie(_ field: Field) -> Cookie? {
        var cookie = Cookie(
            name: Defaults.cookieName, path: Defaults.cookiePath, domain: nil, sameSite: Defaults.cookieSameSite)
        guard field.isMapping else {
            guard let name = field.cookieName() else { return nil }
            cookie.name = name
            return cookie
        }
        guard let section = Section<Vocabulary.Cookie>(field, expected: "a name, or a mapping") else { return nil }
        cookie.name = section[.name]?.cookieName() ?? cookie.name
        cookie.sameSite = section[.sameSite]?.choice(Cookie.SameSite.self) ?? cookie.sameSite
        if let field = section[.path], let path = field.text(expected: "a path such as /") {
            cookie.path = path
            if !path.hasPrefix("/") || !Grammar.isPlainQuotable(path) || path.contains(";") {
                field.refuse("\"\(Quotation.shortened(path))\" is no cookie path", expected: "a path such as /")
            }
        }
        if let field = section[.domain], let domain = field.text(expected: "a domain such as example.com") {
            cookie.domain = domain.lowercased()
            if !EndpointText.isHost(domain) {
                field.refuse(
                    "\"\(Quotation.shortened(domain))\" is no domain", expected: "a domain such as example.com")
            }
        }
        // RFC 6265bis §4.1.3.2: browsers reject the cookie otherwise.
        if cookie.name.lowercased().hasPrefix("__host-"), cookie.domain != nil || cookie.path != "/" {
            field.refuse("a __Host- cookie has no domain and the path /", expected: "another name, or neither")
        }
        return cookie
    }
}

extension Field {
    /// A length of time that is compared with the dates of tokens.
    func claimTime() -> Duration? { duration(in: Bounds.claimTime, wholeSeconds: true) }
}
