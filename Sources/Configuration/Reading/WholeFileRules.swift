/// What one part of the file demands of another.
enum WholeFileRules {
    static func check(_ configuration: Configuration, _ root: Section<Vocabulary.Root>) {
        let findings = root.field.findings
        checkKeys(configuration, root, findings)
        KeyRules.warnOfRandomSignature(configuration.keys, findings)
        if let sliding = configuration.sliding {
            checkSliding(sliding, configuration, root, findings)
            checkClaimHeaders(sliding, configuration, findings)
        }
        if let sessions = configuration.sessions { SessionsRules.checkFile(sessions, configuration, root, findings) }
        if let admin = configuration.admin { AdminRules.check(admin, configuration.listeners, findings) }
        if let browser = configuration.browser { BrowserRules.check(browser, configuration, findings) }
        ClientSubjectRules.check(configuration, findings)
        ForwardAuthRules.check(configuration, root, findings)
        if let explaining = configuration.explaining { ExplainRules.check(explaining, configuration, findings) }
        if configuration.limits.headBytesMax <= configuration.tokens.bytesMax {
            findings.error(
                at: root.place(of: root.has(.tokens) ? .tokens : .limits),
                "a token of \(SizeText.format(configuration.tokens.bytesMax)) does not fit in a head of "
                    + SizeText.format(configuration.limits.headBytesMax),
                expected: "a smaller tokens.limits.bytes, or a larger limits.head")
        }
    }

    private static func checkKeys(
        _ configuration: Configuration, _ root: Section<Vocabulary.Root>, _ findings: Findings
    ) {
        // A key that was written but could not be read has been reported.
        guard configuration.keys.isEmpty, !hasEntries(root[.key]), !hasEntries(root[.keys]) else { return }
        let wantsTokens = configuration.routes.contains { $0.authentication != .none }
        if wantsTokens || configuration.sliding != nil || configuration.sessions?.issuesTokens == true {
            findings.error(
                at: .file, "key is missing",
                expected: "what tokens are verified with, such as key: { algorithm: HS256, secret_file: jwt.secret }")
        }
    }

    private static func hasEntries(_ field: Field?) -> Bool {
        field.map { !$0.isEmptyList } ?? false
    }

    private static func checkSliding(
        _ sliding: Configuration.Sliding, _ configuration: Configuration, _ root: Section<Vocabulary.Root>,
        _ findings: Findings
    ) {
        let slides = configuration.routes.contains { $0.slides && $0.authentication != .none }
        if !slides {
            findings.warning(at: root.place(of: .sliding), "has no effect: no route slides")
        }
        let sources = configuration.tokens.sources
        let cookies = sources.compactMap { source -> String? in
            if case .cookie(let name) = source { name } else { nil }
        }
        if case .cookie(let cookie) = sliding.delivery, !cookies.contains(cookie.name) {
            findings.warning(
                at: sliding.place,
                "renewed tokens go to the cookie \(cookie.name), which tokens.from does not read")
        }
        if case .cookie = sliding.delivery, let cors = configuration.cors, !cors.credentials {
            findings.warning(
                at: root.place(of: .cors), "without credentials, browsers keep no cookie from a cross-origin answer")
        }
    }

    /// A claim in a header that the gateway deletes or writes for another purpose would be lost or misread.
    private static func checkClaimHeaders(
        _ sliding: Configuration.Sliding, _ configuration: Configuration, _ findings: Findings
    ) {
        var taken = [sliding.optOutHeader].compactMap { $0?.lowercased() }
        for case .header(let name) in configuration.tokens.sources { taken.append(name.lowercased()) }
        if case .header(let name) = sliding.delivery { taken.append(name.lowercased()) }
        for route in configuration.routes {
            for header in route.claimHeaders where taken.contains(header.header.lowercased()) {
                findings.error(
                    at: route.place, "\(header.header) is used for tokens already", expected: "another header for the claim")
            }
        }
    }
}
