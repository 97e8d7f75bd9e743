extension Configuration.Browser {
    /// A path, or a mapping.
    static func read(_ field: Field?) -> Configuration.Browser? {
        guard let field else { return nil }
        guard field.isMapping else {
            return field.urlPathOfFolder(expected: form).map { Configuration.Browser(path: $0, place: field.place) }
        }
        guard let section = Section<Vocabulary.Browser>(field, expected: form) else { return nil }
        let store = section[.store]?.choice(Store.self)
        guard let pathField = section[.path] else {
            field.refuse("path is missing", expected: form)
            return nil
        }
        return pathField.urlPathOfFolder(expected: form).map {
            Configuration.Browser(path: $0, store: store, place: pathField.place)
        }
    }

    private init(path: String, store: Store? = nil, place: Place) {
        self.init(path: path, store: store ?? Defaults.browserStore, place: place)
    }

    private static let form = "a path such as /slidegate"
}

/// What `browser` demands of the rest of the file: nobody else answers where the module is served.
enum BrowserRules {
    static func check(_ browser: Configuration.Browser, _ configuration: Configuration, _ findings: Findings) {
        func refuse(_ path: String, at place: Place) {
            findings.error(
                at: place, "\(path) is \(path == browser.path ? "where" : "below \(browser.path), where") browser serves its files",
                expected: "a path elsewhere")
        }
        for route in configuration.routes where browser.covers(route.pathPrefix.withoutSlash) {
            refuse(route.pathPrefix, at: route.place)
        }
        for endpoint in configuration.sessions.map({ SessionsRules.served(by: $0.endpoints) }) ?? []
        where browser.covers(endpoint.path) {
            refuse(endpoint.path, at: endpoint.place)
        }
        if let keys = configuration.publishedKeys, browser.covers(keys.path) {
            findings.error(
                at: browser.place, "publish_keys serves keys at \(keys.path), which is below", expected: "a path elsewhere")
        }
    }
}

extension String {
    fileprivate var withoutSlash: String { count > 1 && hasSuffix("/") ? String(dropLast()) : self }
}
