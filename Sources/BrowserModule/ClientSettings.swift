package import Authentication

/// What a page must know to have a session with a gateway: the settings of `createSession` (`slidegate.d.ts`), read off the
/// gateway's own policy. Nothing in it is secret.
package struct ClientSettings: Sendable, Equatable {
    /// Each with its name; in the order of `slidegate.d.ts`.
    private let members: [JSONText.Member]

    /// - Parameter sessions: nil: there are no endpoints.
    package init(_ policy: AuthenticationPolicy, _ sessions: SessionPolicy?) {
        let renewal = policy.sliding
        let logins = sessions?.logins ?? []
        let refresh = sessions?.refreshes.first
        var members = Self.delivery(renewal)
        members.add("send", Self.sending(policy, logins.map(\.answer) + (refresh.map { [$0.format.answer] } ?? [])))
        members.add("optOut", renewal?.optOutHeader)
        members.add("tokenExpiresIn", renewal?.tokenExpiryHeader)
        members.add("sessionExpiresIn", renewal?.sessionExpiryHeader)
        if let refresh { members.add("refresh", Self.refresh(refresh)) }
        if let logout = sessions?.logout { members.add("logout", Self.endpoint(logout.path, "POST")) }
        if let everywhere = sessions?.logoutEverywhere { members.add("everywhere", Self.endpoint(everywhere.path, "POST")) }
        if !logins.isEmpty {
            members.add("login", .array(logins.map { .object(Self.members(of: $0.path, $0.methods) + [.init("answer", Self.answer($0.answer))]) }))
        }
        self.members = members
    }

    /// `name: value`, each as JavaScript and as JSON.
    var lines: [String] { members.map(\.text) }

    /// Whether the access token goes and comes by cookie, so that the page holds none.
    package var usesCookies: Bool { members.contains(JSONText.Member("send", .string("cookie"))) }

    package var json: String { JSONText.object(members).text }

    // MARK: Members

    private static func delivery(_ renewal: RenewalPolicy?) -> [JSONText.Member] {
        switch renewal?.delivery {
        case .header(let name): [.init("deliver", .string("header")), .init("header", .string(name))]
        case .authorization: [.init("deliver", .string("authorization"))]
        case .cookie: [.init("deliver", .string("cookie"))]
        case nil: [.init("deliver", .null)]
        }
    }

    /// What comes by cookie goes by cookie. Else a page sends its token in a field, if the gateway reads one.
    private static func sending(_ policy: AuthenticationPolicy, _ answers: [AnswerFormat]) -> JSONText {
        let sources = policy.tokens.sources
        if case .cookie? = policy.sliding?.delivery { return .string("cookie") }
        if answers.contains(where: { $0.accessCookie.map { sources.contains(.cookie(name: $0)) } ?? false }) { return .string("cookie") }
        for source in sources {
            switch source {
            case .authorization: return .string("authorization")
            case .header(let name): return .object([.init("header", .string(name))])
            case .cookie, .webSocketProtocol: continue
            }
        }
        return .string("cookie")
    }

    private static func refresh(_ endpoint: RefreshEndpoint) -> JSONText {
        var members = members(of: endpoint.path, endpoint.methods)
        let format = endpoint.format
        switch format.token {
        case .form(let name): members.add("token", .object([.init("form", .string(name))]))
        case .json(let name): members.add("token", .object([.init("json", .string(name))]))
        case .cookie: members.add("token", .string("cookie"))
        case .bearer: members.add("token", .string("bearer"))
        case .access: members.add("token", .string("access"))
        }
        if !format.required.isEmpty {
            members.add("with", .object(format.required.map { .init($0.name, .string($0.value)) }))
        }
        members.add("answer", answer(format.answer))
        return .object(members)
    }

    private static func endpoint(_ path: String, _ method: String) -> JSONText { .object(members(of: path, [method])) }

    private static func members(of path: String, _ methods: [String]) -> [JSONText.Member] {
        let method = methods.contains("POST") ? "POST" : methods.first ?? "POST"
        return [.init("path", .string(path)), .init("method", .string(method))]
    }

    /// Where the answer has what a page keeps: the names of members from the outside in, or of fields.
    private static func answer(_ format: AnswerFormat) -> JSONText {
        let kept: [(String, [Placeholder])] = [
            ("access", [.accessToken]), ("refresh", [.refreshToken, .newRefreshToken]), ("expiresIn", [.expiresIn]),
        ]
        var members: [JSONText.Member] = []
        var fields: [JSONText.Member] = []
        for (name, placeholders) in kept {
            if let path = format.body?.path(to: placeholders) {
                members.add(name, .array(path.map { .string($0) }))
            } else if let field = format.headers.first(where: { placeholders.contains(where: $0.value.isPlaceholder) }) {
                fields.add(name, .string(field.name))
            }
        }
        if !fields.isEmpty { members.add("headers", .object(fields)) }
        return .object(members)
    }
}

extension AnswerTemplate {
    fileprivate func isPlaceholder(_ placeholder: Placeholder) -> Bool { self == .placeholder(placeholder) }

    /// The names of members, and indices, that lead to the first of the placeholders that is there.
    fileprivate func path(to placeholders: [Placeholder]) -> [String]? {
        switch self {
        case .placeholder(let placeholder): return placeholders.contains(placeholder) ? [] : nil
        case .object(let members):
            for member in members {
                if let rest = member.value.path(to: placeholders) { return [member.name] + rest }
            }
            return nil
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                if let rest = element.path(to: placeholders) { return [String(index)] + rest }
            }
            return nil
        case .string, .integer, .boolean, .null: return nil
        }
    }
}
