extension Configuration.CORS {
    static func read(_ field: Field?) -> Configuration.CORS? {
        guard let field else { return nil }
        let form = "a mapping such as { origins: [ \"https://app.example\" ] }"
        guard let section = Section<Vocabulary.CORS>(field, expected: form) else { return nil }
        guard let originsField = section[.origins] else {
            field.refuse("origins is missing", expected: form)
            return nil
        }
        let cors = Configuration.CORS(
            origins: readOrigins(originsField),
            credentials: section[.credentials]?.boolean() ?? false,
            methods: section[.methods].map { $0.methods() } ?? Defaults.corsMethods,
            headers: section[.headers].map(readNames) ?? Defaults.corsHeaders,
            expose: section[.expose].map(readNames) ?? [],
            maxAge: section[.maxAge]?.duration(in: Bounds.maxAge, wholeSeconds: true) ?? Defaults.corsMaxAge)
        if cors.origins == .any, cors.credentials {
            field.findings.error(
                at: section.place(of: .credentials), "any origin with credentials would open the API to every site",
                expected: "the origins by name, or no credentials")
        }
        return cors
    }

    private static func readOrigins(_ field: Field) -> Origins {
        let form = "an origin such as https://app.example"
        let elements = field.elements(expected: form)
        if field.isEmptyList { field.refuse("no origin", expected: form) }
        var origins: [String] = []
        for element in elements {
            guard let text = element.text(expected: form) else { continue }
            if text == "*" {
                if elements.count > 1 { element.refuse("\"*\" stands alone", expected: "only \"*\", or only origins") }
                return .any
            }
            switch OriginText.parse(text) {
            case .success(let origin):
                if origins.contains(origin) {
                    element.refuse("\(origin) is there twice", expected: "each once")
                } else {
                    origins.append(origin)
                }
            case .failure(let fault):
                element.refuse(
                    "\"\(Quotation.shortened(text))\" \(fault.message)", expected: form, suggestion: fault.suggestion)
            }
        }
        return .listed(origins)
    }

    /// Names as in Access-Control-Allow-Headers; `*` is not taken, since `Authorization` is never part of it.
    private static func readNames(_ field: Field) -> [String] {
        var names: [String] = []
        for element in field.elements(expected: "a list of header names") {
            guard let name = element.text(expected: "the name of a header") else { continue }
            if name == "*" {
                element.refuse("\"*\" does not cover Authorization", expected: "the names")
            } else if !Grammar.isToken(name) || name.utf8.count > 128 {
                element.refuse("\"\(Quotation.shortened(name))\" is no header name", expected: "letters, digits, hyphens")
            } else if names.contains(where: { $0.lowercased() == name.lowercased() }) {
                element.refuse("\(name) is there twice", expected: "each once")
            } else {
                names.append(name)
            }
        }
        return names
    }
}

/// An origin as browsers send it (RFC 6454 §6.2): scheme, host, and the port unless it is the default.
enum OriginText {
    struct Fault: Error, Equatable {
        var message: String
        var suggestion: String?
    }

    static func parse(_ text: String) -> Result<String, Fault> {
        let folded = text.lowercased()
        guard folded != "null" else { return .failure(Fault(message: "is what sandboxed pages of anyone send")) }
        let schemes = [("https://", ":443"), ("http://", ":80")]
        guard let (scheme, defaultPort) = schemes.first(where: { folded.hasPrefix($0.0) }) else {
            let suggestion = EndpointText.isHost(folded) ? "https://\(folded)" : nil
            return .failure(Fault(message: "has no scheme http or https", suggestion: suggestion))
        }
        let rest = folded.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard authority.count == rest.count else {
            return .failure(Fault(message: "has a path", suggestion: scheme + authority))
        }
        guard !authority.contains("*") else {
            return .failure(Fault(message: "has a wildcard: each origin is listed"))
        }
        if authority.hasSuffix(defaultPort) {
            let suggestion = scheme + authority.dropLast(defaultPort.count)
            return .failure(Fault(message: "has the default port, which browsers leave out", suggestion: suggestion))
        }
        var isValid = EndpointText.isHost(String(authority)) || EndpointText.isIPv4(String(authority))
        if authority.hasPrefix("["), authority.hasSuffix("]") {
            isValid = EndpointText.isIPv6(String(authority.dropFirst().dropLast()))
        } else if case .success = EndpointText.parse(String(authority)) {
            isValid = true
        }
        return isValid ? .success(scheme + authority) : .failure(Fault(message: "has no valid host"))
    }
}
