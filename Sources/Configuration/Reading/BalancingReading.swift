// How the servers of an upstream share its requests, and what becomes of those that fail.

extension Configuration.Upstream {
    /// Reads everything about several servers, and about servers that fail.
    mutating func readGroup(_ section: Section<Vocabulary.Upstream>, health: Section<Vocabulary.Health>?) {
        balance = section[.balance].flatMap(Self.readBalance) ?? balance
        queue = section[.queue].flatMap(Self.readQueue) ?? queue
        slowStart = section[.slowStart]?.duration(in: Bounds.slowStart) ?? slowStart
        retries = Self.readRetries(section[.retries], serverCount: servers.count)
        ejection = Ejection.read(health)
        check(section)
    }

    private func check(_ section: Section<Vocabulary.Upstream>) {
        let findings = section.field.findings
        if servers.allSatisfy({ $0.weight == 0 }) {
            findings.error(at: section.place(of: .servers), "every server has weight 0", expected: "one that takes requests")
        }
        if servers.allSatisfy(\.isBackup) {
            findings.error(at: section.place(of: .servers), "every server is a backup", expected: "one that is not")
        }
        if section.has(.queue), servers.contains(where: { $0.connectionsMax == nil && $0.weight > 0 && !$0.isBackup }) {
            findings.warning(
                at: section.place(of: .queue), "has no effect: nobody waits as long as a server has no limit of connections")
        }
        guard servers.count == 1 else { return }
        for key in [Vocabulary.Upstream.balance, .slowStart] where section.has(key) {
            findings.warning(at: section.place(of: key), "has no effect with one server")
        }
    }

    private static let balanceForm = "round_robin, least_requests, { hash: { header: NAME } } or { hash: { claim: NAME } }"

    private static func readBalance(_ field: Field) -> Balance? {
        guard field.isMapping else {
            switch field.word {
            case "round_robin": return .roundRobin
            case "least_requests": return .leastRequests
            case let word:
                let near = word.flatMap { Suggestion.nearest(to: $0, among: ["round_robin", "least_requests"]) }
                field.refuse(expected: balanceForm, suggestion: near)
                return nil
            }
        }
        guard let section = Section<Vocabulary.Balance>(field, expected: balanceForm) else { return nil }
        guard let hash = section[.hash] else {
            if !section.hasUnknownKeys { field.refuse(expected: balanceForm) }
            return nil
        }
        guard let key = Section<Vocabulary.HashKey>(hash, expected: "{ header: NAME } or { claim: NAME }") else { return nil }
        switch (key[.header], key[.claim]) {
        case (let header?, nil): return header.headerName().map { .header($0.lowercased()) }
        case (nil, let claim?):
            let form = "the name of a claim such as sub"
            guard let name = claim.text(expected: form) else { return nil }
            guard name.utf8.count <= 256 else {
                claim.refuse("is no name of a claim", expected: form)
                return nil
            }
            return .claim(name)
        case (_?, _?), (nil, nil):
            if !key.hasUnknownKeys { hash.refuse("requests are spread by one thing", expected: "{ header: NAME } or { claim: NAME }") }
            return nil
        }
    }

    private static func readQueue(_ field: Field) -> Queue? {
        guard let section = Section<Vocabulary.Queue>(field, expected: "a mapping of size and timeout") else { return nil }
        return Queue(
            size: section[.size]?.integer(in: Bounds.queueSize) ?? Defaults.queueSize,
            timeout: section[.timeout]?.duration(in: Bounds.timeout) ?? Defaults.queueTimeout)
    }

    private static func readRetries(_ field: Field?, serverCount: Int) -> Retries {
        // With one server there is no other to ask; who wants the same one asked again says so.
        let none = Retries(
            attempts: serverCount > 1 ? Defaults.retryAttempts : 0, conditions: Defaults.retryConditions,
            budgetPercent: Defaults.retryBudgetPercent, tryTimeout: nil, totalTimeout: nil)
        guard let field, field.word != "none" else {
            var retries = none
            if field != nil { retries.attempts = 0 }
            return retries
        }
        guard let section = Section<Vocabulary.Retries>(field, expected: "a mapping of attempts, on and budget, or none")
        else { return none }
        return Retries(
            attempts: section[.attempts]?.integer(in: Bounds.retryAttempts) ?? Defaults.retryAttempts,
            conditions: section[.on].map(readConditions) ?? none.conditions,
            budgetPercent: section[.budget]?.percent(in: Bounds.retryBudgetPercent) ?? none.budgetPercent,
            tryTimeout: section[.tryTimeout]?.duration(in: Bounds.timeout),
            totalTimeout: section[.totalTimeout]?.duration(in: Bounds.timeout))
    }

    private static func readConditions(_ field: Field) -> [Retries.Condition] {
        let form = "a list such as [ connect_failure, reset_before_response ]"
        var conditions: [Retries.Condition] = []
        if field.isEmptyList { field.refuse("no condition", expected: form) }
        for element in field.elements(expected: form) {
            guard let condition = element.choice(Retries.Condition.self) else { continue }
            guard !conditions.contains(condition) else {
                element.refuse("\(condition.rawValue) is there twice", expected: "each once")
                continue
            }
            conditions.append(condition)
        }
        return conditions
    }
}
