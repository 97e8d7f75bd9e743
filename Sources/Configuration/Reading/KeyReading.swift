extension Configuration.Key {
    /// A key as written: who signs is settled when all have been read.
    struct Draft {
        var key: Configuration.Key
        /// Whether `use` was written.
        var hasUse: Bool
        var field: Field

        /// Whether the source can hold what signing takes. A JWK file may; only loading tells.
        var canSign: Bool {
            switch key.source.value {
            case .secretFile, .secretEnvironment, .privateKeyFile, .jwkFile: true
            case .publicKeyFile, .jwkSetFile, .jwkSetURL: false
            }
        }
    }

    /// `key:` for one, or `keys:` for a list; at most one of the two.
    static func read(_ root: Section<Vocabulary.Root>) -> [Draft] {
        switch (root[.key], root[.keys]) {
        case (let short?, nil):
            return readOne(short).map { [$0] } ?? []
        case (nil, let long?):
            return long.elements(orOne: false, expected: "a list of keys").compactMap(readOne)
        case (_?, _?):
            root.field.findings.error(
                at: root.place(of: .keys), "key and keys say the same thing", expected: "one of the two")
            return []
        case (nil, nil):
            return []
        }
    }

    private static let sources: [(Vocabulary.Key, @Sendable (String) -> Source)] = [
        (.secretFile, { .secretFile($0) }), (.secretEnvironment, { .secretEnvironment($0) }),
        (.privateKeyFile, { .privateKeyFile($0) }), (.publicKeyFile, { .publicKeyFile($0) }),
        (.jwkFile, { .jwkFile($0) }), (.jwkSetFile, { .jwkSetFile($0) }),
    ]

    private static func readOne(_ field: Field) -> Draft? {
        let form = "a mapping such as { algorithm: HS256, secret_file: jwt.secret }"
        guard let section = Section<Vocabulary.Key>(field, expected: form) else { return nil }
        let algorithm = section[.algorithm]?.algorithm()
        let allowed = section[.algorithms].map(readAlgorithms) ?? []
        let id = section[.id].flatMap(readID)
        let use = section[.use]?.choice(Use.self)
        let encoding = section[.encoding]?.choice(SecretEncoding.self)
        guard let source = readSource(section) else {
            // What is wrong with the rest is said all the same.
            if Fetching.members.contains(where: section.has) { _ = Fetching.read(section, address: nil) }
            return nil
        }
        var fetching: Fetching?
        if case .jwkSetURL(let address) = source.value { fetching = Fetching.read(section, address: address) }
        let key = Configuration.Key(
            id: id, algorithm: algorithm, allowedAlgorithms: allowed, source: source,
            encoding: encoding ?? Defaults.secretEncoding, use: use ?? .verify, fetching: fetching,
            place: field.place)
        let draft = Draft(key: key, hasUse: section.has(.use), field: field)
        check(draft, section)
        return draft
    }

    private static func readSource(_ section: Section<Vocabulary.Key>) -> Located<Source>? {
        let written = sources.filter { section.has($0.0) }
        let names = Prose.alternatives(sources.map { $0.0.rawValue } + [Vocabulary.Key.jwkSetURL.rawValue])
        if let field = section[.jwkSetURL] {
            for (second, _) in written {
                section.field.findings.error(
                    at: section.place(of: second), "jwks_url already says where the key is", expected: "one source")
            }
            return Fetching.readAddress(field).map { field.located(.jwkSetURL($0)) }
        }
        guard let (key, make) = written.first, let field = section[key] else {
            // An unknown key was meant as one, and has been answered.
            if !section.hasUnknownKeys { section.field.refuse("the key has no source", expected: names) }
            return nil
        }
        for (second, _) in written.dropFirst() {
            section.field.findings.error(
                at: section.place(of: second), "\(key.rawValue) already says where the key is", expected: "one source")
        }
        let text = key == .secretEnvironment ? field.variableName() : field.fileName()
        return text.map { field.located(make($0)) }
    }

    private static func readID(_ field: Field) -> String? {
        guard let text = field.text(expected: "the key's name, as in a token's kid") else { return nil }
        guard text.utf8.count <= 256, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            field.refuse("is no key name", expected: "at most 256 bytes without control characters")
            return nil
        }
        return text
    }

    private static func readAlgorithms(_ field: Field) -> [Configuration.Algorithm] {
        let algorithms = field.elements(expected: "a list of algorithms").compactMap { $0.algorithm() }
        if field.isEmptyList { field.refuse("no algorithm", expected: "at least one") }
        return algorithms
    }

    /// What the members of one entry demand of each other.
    private static func check(_ draft: Draft, _ section: Section<Vocabulary.Key>) {
        let key = draft.key
        let findings = section.field.findings
        switch key.source.value {
        case .secretFile, .secretEnvironment:
            if let algorithm = key.algorithm, !algorithm.isSymmetric {
                findings.error(
                    at: section.place(of: .algorithm), "\(algorithm.rawValue) takes a key pair, not a secret",
                    expected: "HS256, HS384 or HS512, or a private_key_file or public_key_file")
            }
        case .privateKeyFile, .publicKeyFile:
            if let algorithm = key.algorithm, algorithm.isSymmetric {
                findings.error(
                    at: section.place(of: .algorithm), "\(algorithm.rawValue) takes a secret, not a PEM file",
                    expected: "an RS, PS, ES or EdDSA algorithm, or a secret_file")
            }
            if section.has(.encoding) { refuseEncoding(section) }
        case .jwkFile:
            if section.has(.encoding) { refuseEncoding(section) }
        case .jwkSetFile, .jwkSetURL:
            if section.has(.encoding) { refuseEncoding(section) }
            for (member, reason) in [(Vocabulary.Key.id, "kid"), (.algorithm, "alg")] where section.has(member) {
                findings.error(
                    at: section.place(of: member), "each key of a set has its own \(reason)",
                    expected: member == .algorithm ? "algorithms, a list of those to take" : nil)
            }
        }
        if key.fetching == nil {
            for member in Fetching.members where section.has(member) {
                findings.error(at: section.place(of: member), "\(member.rawValue) belongs to jwks_url")
            }
        } else {
            for algorithm in key.allowedAlgorithms where algorithm.isSymmetric {
                findings.error(
                    at: section.place(of: .algorithms), "\(algorithm.rawValue) takes a secret, and what is fetched is none",
                    expected: "RS, PS, ES or EdDSA algorithms")
            }
        }
        let hasAlgorithm = section.has(.algorithm)
        switch key.source.value {
        case .jwkFile, .jwkSetFile, .jwkSetURL: break
        case .secretFile, .secretEnvironment, .privateKeyFile, .publicKeyFile:
            if !hasAlgorithm {
                section.field.refuse(
                    "algorithm is missing", expected: "algorithm, such as HS256, RS256, ES256 or EdDSA")
            }
        }
        if section.has(.algorithms) {
            switch key.source.value {
            case .jwkSetFile, .jwkSetURL: break
            case .secretFile, .secretEnvironment, .privateKeyFile, .publicKeyFile, .jwkFile:
                findings.error(
                    at: section.place(of: .algorithms), "one key has one algorithm", expected: "algorithm")
            }
        }
        if key.use == .sign, draft.hasUse, !draft.canSign {
            findings.error(
                at: section.place(of: .use), "a public key or a key set cannot sign",
                expected: "use: verify, or a secret or a private key")
        }
    }

    private static func refuseEncoding(_ section: Section<Vocabulary.Key>) {
        section.field.findings.error(
            at: section.place(of: .encoding), "encoding tells how a secret is written; this is no secret")
    }
}

extension Field {
    /// A JWS algorithm by its registered name; case matters (RFC 7515 §4.1.1).
    func algorithm() -> Configuration.Algorithm? {
        if let word, word.lowercased() == "none" {
            refuse("\"none\" is no signature: anyone could write such a token", expected: "a signature algorithm")
            return nil
        }
        return choice(Configuration.Algorithm.self)
    }
}
