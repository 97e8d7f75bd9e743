extension Configuration.Resolver {
    static func read(_ field: Field?) -> Configuration.Resolver {
        let form = "a mapping of servers, ttl_min, ttl_max and timeout"
        let section = field.flatMap { Section<Vocabulary.Resolver>($0, expected: form) }
        let resolver = Configuration.Resolver(
            servers: section?[.servers].map(readServers) ?? [],
            ttlMin: section?[.ttlMin]?.duration(in: Bounds.timeToLive, wholeSeconds: true) ?? Defaults.ttlMin,
            ttlMax: section?[.ttlMax]?.duration(in: Bounds.timeToLive, wholeSeconds: true) ?? Defaults.ttlMax,
            timeout: section?[.timeout]?.duration(in: Bounds.lookup) ?? Defaults.lookupTimeout)
        if let section, resolver.ttlMax < resolver.ttlMin {
            section.field.findings.error(
                at: section.place(of: section.has(.ttlMax) ? .ttlMax : .ttlMin), "ttl_max is less than ttl_min",
                expected: "at least \(DurationText.format(resolver.ttlMin))")
        }
        return resolver
    }

    private static func readServers(_ field: Field) -> [Endpoint] {
        let form = "IP addresses with ports, such as 127.0.0.1:53"
        let elements = field.elements(expected: form)
        if field.isEmptyList { field.refuse("no server", expected: form) }
        if elements.count > Bounds.nameServers { field.refuse("\(elements.count) servers", expected: "at most \(Bounds.nameServers)") }
        return elements.compactMap { element in
            guard let endpoint = element.endpoint(zeroPort: false)?.value else { return nil }
            switch endpoint.host {
            case .ipv4, .ipv6: return endpoint
            case .name, .unix:
                element.refuse("\(endpoint) is no IP address", expected: form)
                return nil
            }
        }
    }
}
