extension Configuration.Route {
    /// `routes:`, or one route for everything when there is exactly one upstream to send it to.
    static func read(_ root: Section<Vocabulary.Root>, _ context: ReadingContext) -> [Configuration.Route] {
        guard let field = root[.routes] else {
            if context.upstreamNames.count > 1 {
                root.field.findings.error(
                    at: .file, "routes is missing", expected: "routes that say what goes to which upstream")
            }
            return [Configuration.Route(pathPrefix: "/", upstream: 0, mode: context.mode, place: .file)]
        }
        let form = context.isProxy ? "a list of routes such as [ { path: /, upstream: api } ]" : "a list of routes such as [ { path: / } ]"
        let elements = field.elements(orOne: false, expected: form)
        if field.isEmptyList { field.refuse("no route", expected: form) }
        let routes = elements.compactMap { readOne($0, context) }
        refuseRepetition(routes, context.findings)
        return routes
    }

    private init(pathPrefix: String, upstream: Int, mode: Configuration.Mode, place: Place) {
        self.init(
            pathPrefix: pathPrefix, hosts: [], methods: [], authentication: Defaults.authentication, slides: true,
            require: [], authorization: Defaults.forwardAuthorization, claimHeaders: [], upstream: upstream,
            streams: Defaults.streams, place: place)
        self.mode = mode
    }

    private static func readOne(_ field: Field, _ context: ReadingContext) -> Configuration.Route? {
        guard let section = Section<Vocabulary.Route>(field, expected: "a mapping such as { path: /, upstream: api }")
        else { return nil }
        let path = readPath(section, context)
        let upstream = readUpstream(section, context)
        var route = Configuration.Route(pathPrefix: path ?? "/", upstream: upstream ?? 0, mode: context.mode, place: field.place)
        if let mode = section[.mode]?.choice(Configuration.Mode.self) { route.mode = mode }
        route.hosts = section[.host].map(readHosts) ?? []
        route.methods = section[.methods].map { $0.methods() } ?? []
        route.authentication = section[.auth]?.choice(Authentication.self) ?? Defaults.authentication
        route.slides = section[.slide]?.boolean() ?? (route.authentication != .none)
        route.streams = section[.streams]?.choice(Streams.self) ?? Defaults.streams
        route.storeAway = section[.storeAway]?.choice(StoreAway.self) ?? Defaults.storeAway
        route.require = section[.require].map(readRequirements) ?? []
        if let field = section[.forward],
            let forward = Section<Vocabulary.Forward>(field, expected: "a mapping of authorization and claims") {
            route.authorization = forward[.authorization]?.choice(Authorization.self) ?? Defaults.forwardAuthorization
            route.claimHeaders = forward[.claims].map(readClaimHeaders) ?? []
            if route.authorization == .renewed, !context.hasSliding {
                context.findings.error(
                    at: forward.place(of: .authorization), "nothing is renewed: there is no sliding in this file",
                    expected: "original or stripped")
            }
        }
        route.givenName = section[.name].flatMap(readName)
        route.isLogged = section[.accessLog]?.boolean() ?? true
        route.body = section[.body].map(BodyLimit.read) ?? .asElsewhere
        check(route, section, context)
        return path == nil || upstream == nil ? nil : route
    }

    private static func check(
        _ route: Configuration.Route, _ section: Section<Vocabulary.Route>, _ context: ReadingContext
    ) {
        if section[.slide] != nil, route.slides, !context.hasSliding {
            context.findings.warning(at: section.place(of: .slide), "has no effect: there is no sliding in this file")
        }
        if section.has(.storeAway), !context.hasSessions {
            context.findings.warning(
                at: section.place(of: .storeAway), "has no effect: without sessions in this file nothing can be revoked")
        }
        guard route.authentication == .none else { return }
        if section.has(.storeAway) {
            context.findings.error(
                at: section.place(of: .storeAway), "with auth: none no token is looked at, so none can have been revoked",
                expected: "no such key")
        }
        if section[.streams] != nil, route.streams != .free {
            context.findings.error(
                at: section.place(of: .streams), "with auth: none no token is looked at, so no session ends anything",
                expected: "streams: free, or no such key")
        }
        if section.has(.require) {
            context.findings.error(
                at: section.place(of: .require), "with auth: none no token is looked at, so nothing can be required",
                expected: "auth: required")
        }
        if !route.claimHeaders.isEmpty {
            context.findings.error(
                at: section.place(of: .forward), "with auth: none no token is looked at, so there are no claims",
                expected: "auth: required or optional")
        }
        if section[.slide] != nil, route.slides {
            context.findings.error(
                at: section.place(of: .slide), "with auth: none no token is looked at, so none is renewed",
                expected: "slide: false, or no such key")
        }
    }

    private static func readPath(_ section: Section<Vocabulary.Route>, _ context: ReadingContext) -> String? {
        guard let field = section[.path] else {
            section.field.refuse("path is missing", expected: "path: / or a longer prefix")
            return nil
        }
        guard let path = field.text(expected: "a path prefix such as /api/") else { return nil }
        if let fault = Grammar.faultOfPath(path, encodedSlashes: context.encodedSlashes) {
            field.refuse("\"\(Quotation.shortened(path))\" \(fault)", expected: "a path prefix such as /api/")
            return nil
        }
        return path
    }

    /// What needs no quotes anywhere, and is none of the names that stand for what has no route of its own.
    private static func readName(_ field: Field) -> String? {
        let form = "a name of at most 64 letters, digits and - _ . : / *, such as api"
        guard let name = field.text(expected: form) else { return nil }
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy(isNameByte) else {
            field.refuse("\"\(Quotation.shortened(name))\" is no name for a route", expected: form)
            return nil
        }
        guard name != "none", name != "other" else {
            field.refuse("\(name) is what metrics call requests without a route, or without a name kept apart", expected: form)
            return nil
        }
        return name
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2A, 0x2D, 0x2E, 0x2F, 0x3A, 0x5F: true
        default: false
        }
    }

    private static func readUpstream(_ section: Section<Vocabulary.Route>, _ context: ReadingContext) -> Int? {
        section.field.upstream(section[.upstream], in: context)
    }

    private static func readHosts(_ field: Field) -> [String] {
        let form = "a host name such as api.example, or \"*.example\" for every name below it"
        var hosts: [String] = []
        for element in field.elements(expected: form) {
            guard let text = element.text(expected: form) else { continue }
            let host = text.lowercased()
            let name = host.hasPrefix("*.") ? String(host.dropFirst(2)) : host
            let isAddress = EndpointText.isIPv4(host)
                || (host.hasPrefix("[") && host.hasSuffix("]") && EndpointText.isIPv6(String(host.dropFirst().dropLast())))
            guard EndpointText.isHost(name) || isAddress else {
                let bare = host.prefix { $0 != ":" }
                element.refuse(
                    "\"\(Quotation.shortened(text))\" is no host name", expected: form,
                    suggestion: EndpointText.isHost(String(bare)) ? String(bare) : nil)
                continue
            }
            guard !hosts.contains(host) else {
                element.refuse("\(host) is there twice", expected: "each once")
                continue
            }
            hosts.append(host)
        }
        return hosts
    }

    private static func readRequirements(_ field: Field) -> [Requirement] {
        let form = "claims with the values that open this route, such as { role: [ admin ] }"
        return field.entries(expected: form).compactMap { name, place, field in
            guard isClaimName(name) else {
                field.findings.error(at: place, "is no name of a claim", expected: form)
                return nil
            }
            let values = field.texts(expected: "a value of \(Quotation.shortened(name))")
            if field.isEmptyList {
                field.refuse("no value opens this route", expected: "at least one value")
            }
            return Requirement(claim: name, values: values)
        }
    }

    private static func readClaimHeaders(_ field: Field) -> [ClaimHeader] {
        let form = "headers and the claims they are set from, such as { X-User-Id: sub }"
        var seen: Set<String> = []
        return field.entries(expected: form).compactMap { name, place, value in
            guard Grammar.isToken(name), name.utf8.count <= 128, !Grammar.isReservedHeader(name) else {
                field.findings.error(
                    at: place, "is no header that a claim may be put in", expected: "a name such as X-User-Id")
                return nil
            }
            // `X_User` and `X-User` are one variable in CGI, so they are one name here.
            guard seen.insert(String(name.lowercased().map { $0 == "_" ? "-" : $0 })).inserted else {
                field.findings.error(at: place, "is there twice, but for case or underscores", expected: "each once")
                return nil
            }
            guard let claim = value.text(expected: "the name of a claim") else { return nil }
            guard isClaimName(claim) else {
                value.refuse("is no name of a claim", expected: "a name such as sub")
                return nil
            }
            return ClaimHeader(header: name, claim: claim)
        }
    }

    private static func isClaimName(_ name: String) -> Bool {
        (1...256).contains(name.utf8.count) && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }

    /// Two routes that match the same requests: which one holds would be chance.
    private static func refuseRepetition(_ routes: [Configuration.Route], _ findings: Findings) {
        struct Match: Hashable {
            var path: String
            var host: String
            var method: String
        }
        var seen: [Match: Place] = [:]
        for route in routes {
            for host in route.hosts.isEmpty ? [""] : route.hosts {
                for method in route.methods.isEmpty ? [""] : route.methods {
                    let match = Match(path: route.pathPrefix, host: host, method: method)
                    if let first = seen[match], first != route.place {
                        findings.error(
                            at: route.place, "matches the same requests as \(first.path)",
                            expected: "another path, host or methods")
                    }
                    seen[match] = seen[match] ?? route.place
                }
            }
        }
    }
}

extension Field {
    /// The upstream that `member` of this mapping names: its index; without such a member, the only one there is.
    func upstream(_ member: Field?, in context: ReadingContext) -> Int? {
        let names = context.upstreamNames
        guard context.isProxy else {
            guard let member else { return 0 }
            member.refuse("there are no upstreams in this file", expected: "upstream or upstreams, or no such key")
            return nil
        }
        guard let member else {
            if names.count == 1 { return 0 }
            // Without any upstream that has been said already.
            if names.count > 1 { refuse("upstream is missing", expected: Prose.alternatives(names)) }
            return nil
        }
        guard let name = member.text(expected: "the name of an upstream") else { return nil }
        guard let index = names.firstIndex(of: name) else {
            guard !names.isEmpty else { return nil }
            member.refuse(
                "there is no upstream \"\(Quotation.shortened(name))\"", expected: Prose.alternatives(names),
                suggestion: Suggestion.nearest(to: name, among: names))
            return nil
        }
        return index
    }

    /// Methods (RFC 9110 §9.1); they have case, and the registered ones are upper case.
    func methods() -> [String] {
        let form = "a list of methods such as [ GET, POST ]"
        let elements = elements(expected: form)
        if isEmptyList { refuse("no method", expected: form) }
        var methods: [String] = []
        for element in elements {
            guard let method = element.text(expected: form) else { continue }
            guard Grammar.isToken(method), method.utf8.count <= 32, method == method.uppercased() else {
                element.refuse(
                    "\"\(Quotation.shortened(method))\" is no method", expected: form,
                    suggestion: Grammar.isToken(method) ? method.uppercased() : nil)
                continue
            }
            guard method != "CONNECT" else {
                element.refuse("the gateway opens no tunnels to other hosts", expected: "another method")
                continue
            }
            guard !methods.contains(method) else {
                element.refuse("\(method) is there twice", expected: "each once")
                continue
            }
            methods.append(method)
        }
        return methods
    }
}
