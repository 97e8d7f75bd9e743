extension Configuration.Upstream.Ejection {
    /// The passive part of `health`: what is learnt from requests.
    static func read(_ section: Section<Vocabulary.Health>?) -> Configuration.Upstream.Ejection {
        var ejection = Configuration.Upstream.Ejection()
        guard let section else { return ejection }
        ejection.failures = section[.ejectAfterFailures]?.integerOrNone(in: Bounds.ejectAfterFailures) ?? 0
        if !section.has(.ejectAfterFailures) { ejection.failures = Defaults.ejectAfterFailures }
        ejection.time = section[.ejectFor]?.duration(in: Bounds.ejectFor) ?? ejection.time
        ejection.timeMax = section[.ejectForMax]?.duration(in: Bounds.ejectFor) ?? max(ejection.timeMax, ejection.time)
        ejection.shareMaxPercent = section[.maxEjected]?.percent(in: Bounds.ejectedPercent) ?? ejection.shareMaxPercent
        ejection.statuses = section[.ejectStatuses].map(readStatuses) ?? []
        if ejection.time > ejection.timeMax {
            section.field.findings.error(
                at: section.place(of: section.has(.ejectForMax) ? .ejectForMax : .ejectFor),
                "servers are put aside for \(DurationText.format(ejection.time)) at first, and "
                    + "\(DurationText.format(ejection.timeMax)) at most",
                expected: "eject_for up to eject_for_max")
        }
        return ejection
    }

    private static func readStatuses(_ field: Field) -> [Int] {
        var statuses: [Int] = []
        for element in field.elements(expected: "a list of statuses such as [ 502, 503 ]") {
            guard let status = element.integer(in: Bounds.failureStatuses) else { continue }
            guard !statuses.contains(status) else {
                element.refuse("\(status) is there twice", expected: "each once")
                continue
            }
            statuses.append(status)
        }
        return statuses
    }
}
