import ProxyProtocol

extension Configuration {
    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - text: The contents of the file, YAML in UTF-8.
    ///   - file: Its name, for diagnostics.
    /// - Throws: Every error at once; a file with one error yields nothing.
    package init(yaml text: String, file: String) throws(ConfigurationRefusal) {
        let findings = Findings()
        let tree: YAMLTree?
        do {
            tree = try YAMLTree.read(text)
        } catch {
            let place = Place(path: "", line: error.position?.line ?? 0, column: error.position?.column ?? 0)
            findings.error(at: place, error.message, expected: error.expected)
            throw ConfigurationRefusal(file: file, diagnostics: findings.ordered)
        }
        let form = "keys such as listen, upstream, key and sliding"
        guard let tree, !tree.isEmpty else {
            findings.error(at: .file, "the file is empty", expected: form)
            throw ConfigurationRefusal(file: file, diagnostics: findings.ordered)
        }
        let field = Field(tree: tree, path: "", findings: findings)
        guard let root = Section<Vocabulary.Root>(field, expected: form) else {
            throw ConfigurationRefusal(file: file, diagnostics: findings.ordered)
        }
        self = Self.read(root, file: file)
        guard !findings.hasErrors else { throw ConfigurationRefusal(file: file, diagnostics: findings.ordered) }
        warnings = findings.ordered
    }

    private static func read(_ root: Section<Vocabulary.Root>, file: String) -> Configuration {
        let findings = root.field.findings
        var context = ReadingContext(findings: findings)
        let listeners = Listener.read(root)
        let upstreams = Upstream.read(root)
        let drafts = Key.read(root)
        let sliding = Sliding.read(root[.sliding])
        let paths = Paths.read(root[.paths])
        context.upstreamNames = upstreams.map(\.name)
        context.encodedSlashes = paths.encodedSlashes
        context.isProxy = !root.has(.forwardAuth) || root.has(.upstream) || root.has(.upstreams)
        context.hasSliding = root.has(.sliding)
        context.hasSessions = root.has(.sessions)
        context.mode = root[.mode]?.choice(Mode.self) ?? Defaults.mode
        let sessions = Sessions.read(root[.sessions], context)
        let signing = KeyRules.Signing(
            sliding: context.hasSliding, sessions: sessions?.issuesTokens ?? false, isOptional: context.hasSessions)
        let configuration = Configuration(
            file: file, listeners: listeners, workers: Workers.read(root[.workers]), upstreams: upstreams,
            keys: KeyRules.settle(drafts, signing, root: root), tokens: Tokens.read(root[.tokens]), sliding: sliding,
            sessions: sessions, cors: CORS.read(root[.cors]),
            routes: Route.read(root, context), trustedProxies: TrustedPeers.read(root[.trustedProxies]),
            forwarded: root[.forwarded]?.choice(Forwarded.self) ?? Defaults.forwarded, limits: Limits.read(root[.limits]),
            timeouts: Timeouts.read(root[.timeouts]), paths: paths, logs: Logs.read(root[.logs]),
            admin: root[.admin].flatMap(Admin.read), resolver: Resolver.read(root[.resolver]),
            publishedKeys: PublishedKeys.read(root[.publishKeys]), browser: Browser.read(root[.browser]),
            forwardAuth: ForwardAuth.read(root[.forwardAuth]), mode: context.mode, explaining: Explaining.read(root[.explain]),
            warnings: [])
        WholeFileRules.check(configuration, root)
        return configuration
    }
}
