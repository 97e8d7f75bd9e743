extension Configuration.Key.Fetching {
    /// What belongs to `jwks_url`, and to nothing else.
    static let members: [Vocabulary.Key] = [.refresh, .refetch, .maxStale, .authorities, .insecure]

    /// Reads the members beside the URL, which `address` is when it is one.
    static func read(_ section: Section<Vocabulary.Key>, address: WebAddress?) -> Configuration.Key.Fetching {
        let fetching = Configuration.Key.Fetching(
            refresh: section[.refresh]?.duration(in: Bounds.keyRefresh) ?? Defaults.keyRefresh,
            refetch: section[.refetch]?.duration(in: Bounds.keyRefetch) ?? Defaults.keyRefetch,
            maxStale: section[.maxStale]?.duration(in: Bounds.keyStaleness) ?? Defaults.keyStaleness,
            authoritiesFile: section[.authorities].flatMap(readFile))
        let isInsecure = section[.insecure]?.boolean() ?? false
        let findings = section.field.findings
        if let address, !address.isSecure, !address.isLoopback, !isInsecure {
            findings.error(
                at: section.place(of: .jwkSetURL), "keys that come in clear may be anyone's",
                expected: "an https URL, or insecure: true where the network itself is trusted")
        }
        if let address, address.isSecure, section.has(.insecure) {
            findings.error(at: section.place(of: .insecure), "insecure is for http URLs, and this one is https")
        }
        if let address, !address.isSecure, section.has(.authorities) {
            findings.error(at: section.place(of: .authorities), "ca is for https URLs, and this one is http")
        }
        if fetching.maxStale < fetching.refresh {
            findings.error(
                at: section.place(of: section.has(.maxStale) ? .maxStale : .refresh), "max_stale is less than refresh",
                expected: "at least \(DurationText.format(fetching.refresh)), or the keys would go before they are fetched again")
        }
        return fetching
    }

    static func readAddress(_ field: Field) -> WebAddress? {
        guard let text = field.text(expected: WebAddressText.form) else { return nil }
        switch WebAddressText.parse(text) {
        case .success(let address): return address
        case .failure(let fault):
            field.refuse("\"\(Quotation.shortened(text))\" \(fault.message)", expected: WebAddressText.form)
            return nil
        }
    }

    private static func readFile(_ field: Field) -> String? {
        guard let text = field.text(expected: "a file name") else { return nil }
        guard !text.utf8.contains(0), text.utf8.count <= 4096, !text.contains("\n") else {
            field.refuse("is no file name", expected: "a file name")
            return nil
        }
        return text
    }
}

extension Configuration.PublishedKeys {
    /// A path, or a mapping.
    static func read(_ field: Field?) -> Configuration.PublishedKeys? {
        guard let field else { return nil }
        let form = "a path such as /.well-known/jwks.json"
        guard field.isMapping else { return path(field).map { Configuration.PublishedKeys(path: $0, maxAge: Defaults.publishedKeysMaxAge) } }
        guard let section = Section<Vocabulary.PublishedKeys>(field, expected: form) else { return nil }
        let maxAge = section[.maxAge]?.duration(in: Bounds.maxAge, wholeSeconds: true)
        guard let pathField = section[.path] else {
            field.refuse("path is missing", expected: form)
            return nil
        }
        return path(pathField).map {
            Configuration.PublishedKeys(path: $0, maxAge: maxAge ?? Defaults.publishedKeysMaxAge)
        }
    }

    private static func path(_ field: Field) -> String? { field.urlPath(expected: "a path such as /.well-known/jwks.json") }
}
