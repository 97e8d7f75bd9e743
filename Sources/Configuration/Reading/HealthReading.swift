extension Configuration.HealthCheck {
    /// A path, or a mapping.
    /// - Parameter section: of the mapping, if it is one.
    static func read(_ field: Field, _ section: Section<Vocabulary.Health>?) -> Configuration.HealthCheck? {
        let form = "a path such as /healthz, or a mapping with one"
        guard let section else { return target(field).map { Configuration.HealthCheck(target: $0, section: nil) } }
        let hasActiveKey = Vocabulary.Health.allCases.contains { !$0.isAboutEjection && section.has($0) }
        // What requests tell of servers stands here too, and can stand alone.
        guard hasActiveKey || !Vocabulary.Health.allCases.contains(where: section.has) else { return nil }
        let check = Configuration.HealthCheck(target: section[.path].flatMap(target) ?? "/", section: section)
        guard section.has(.path) else {
            field.refuse("path is missing", expected: form)
            return nil
        }
        return check
    }

    private init(target: String, section: Section<Vocabulary.Health>?) {
        self.target = target
        host = section?[.host].flatMap(Self.host)
        interval = section?[.interval]?.duration(in: Bounds.checkInterval) ?? Defaults.healthInterval
        timeout = section?[.timeout]?.duration(in: Bounds.timeout) ?? Defaults.healthTimeout
        healthyAfter = section?[.healthyAfter]?.integer(in: Bounds.checksInRow) ?? Defaults.healthyAfter
        unhealthyAfter = section?[.unhealthyAfter]?.integer(in: Bounds.checksInRow) ?? Defaults.unhealthyAfter
        statuses = section?[.status].map(Self.statuses) ?? Defaults.healthyStatuses
    }

    private static func target(_ field: Field) -> String? {
        let form = "a path such as /healthz"
        guard let text = field.text(expected: form) else { return nil }
        guard text.hasPrefix("/"), text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }) else {
            field.refuse("\"\(Quotation.shortened(text))\" is no path", expected: form)
            return nil
        }
        return text
    }

    private static func host(_ field: Field) -> String? {
        guard let text = field.text(expected: "a host name") else { return nil }
        let hasPort = text.contains(":")
        guard case .success(let endpoint) = EndpointText.parse(hasPort ? text : text + ":80"), !endpoint.isUnix else {
            field.refuse("\"\(Quotation.shortened(text))\" is no host", expected: "a host name, with a port or without")
            return nil
        }
        return text
    }

    /// `200`, `200-299`, or a list of such.
    private static func statuses(_ field: Field) -> [ClosedRange<Int>] {
        let form = "statuses such as 200, or 200-299"
        let ranges = field.elements(expected: form).compactMap { element -> ClosedRange<Int>? in
            let parts = (element.word ?? "").split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(parts.count), let low = parts[0], let high = parts[parts.count - 1], low <= high,
                Bounds.statuses.contains(low), Bounds.statuses.contains(high)
            else {
                element.refuse(expected: form)
                return nil
            }
            return low...high
        }
        if field.isEmptyList { field.refuse("no status", expected: form) }
        return ranges.isEmpty ? Defaults.healthyStatuses : ranges
    }
}
