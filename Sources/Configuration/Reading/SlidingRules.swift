/// What the members of `sliding` demand of each other (L: lifetime, B: buffer, q: quantum, S: session cap).
enum SlidingRules {
    static func check(_ sliding: Configuration.Sliding, _ section: Section<Vocabulary.Sliding>) {
        let findings = section.field.findings
        checkBuffer(sliding, section, findings)
        if let quantum = sliding.quantum, case .duration(let buffer) = sliding.buffer, quantum > buffer {
            findings.error(
                at: section.place(of: .quantum),
                "a quantum of \(DurationText.format(quantum)) is longer than the buffer",
                expected: "at most \(DurationText.format(buffer))")
        }
        if let cap = sliding.sessionCap, case .fixed(let lifetime) = sliding.lifetime, cap <= lifetime {
            findings.warning(
                at: section.place(of: .sessionCap),
                "sessions end after \(DurationText.format(cap)), tokens live \(DurationText.format(lifetime)): "
                    + "no token will ever be renewed")
        }
        if let cap = sliding.sessionCap, case .duration(let buffer) = sliding.buffer, cap <= buffer {
            findings.error(
                at: section.place(of: section.has(.sessionCap) ? .sessionCap : .buffer),
                "the session ends before its first token could be renewed",
                expected: "a session_cap longer than the buffer of \(DurationText.format(buffer))")
        }
        if sliding.sessionCap == nil {
            findings.warning(
                at: section.place(of: .sessionCap), "sessions have no end: a stolen token lives as long as it is used")
        }
        checkNames(sliding, section, findings)
    }

    private static func checkBuffer(
        _ sliding: Configuration.Sliding, _ section: Section<Vocabulary.Sliding>, _ findings: Findings
    ) {
        let place = section.place(of: .buffer)
        switch sliding.buffer {
        case .percent(let percent):
            if percent > 50 {
                findings.warning(
                    at: place, "a buffer of \(percent)% is more than half: renewed tokens begin inside their own window")
            }
        case .duration(let buffer):
            let longest: Duration
            let name: String
            switch sliding.lifetime {
            case .fixed(let lifetime): (longest, name) = (lifetime, "lifetime")
            case .inherit: (longest, name) = (sliding.lifetimeMax, "longest lifetime")
            }
            if buffer >= longest {
                findings.error(
                    at: place,
                    "a buffer of \(DurationText.format(buffer)) is not less than the \(name) of "
                        + DurationText.format(longest),
                    expected: "at most half of it")
            } else if longest < buffer * 2 {
                findings.warning(
                    at: place,
                    "a buffer of \(DurationText.format(buffer)) is more than half of the \(name) of "
                        + "\(DurationText.format(longest)): renewed tokens begin inside their own window")
            }
        }
        if section.has(.lifetimeMax), case .fixed = sliding.lifetime {
            findings.warning(
                at: section.place(of: .lifetimeMax), "has no effect: the lifetime is fixed, not inherited")
        }
    }

    /// Two things in one header would be told apart by nobody.
    private static func checkNames(
        _ sliding: Configuration.Sliding, _ section: Section<Vocabulary.Sliding>, _ findings: Findings
    ) {
        var seen: Set<String> = []
        var names = [sliding.tokenExpiryHeader, sliding.sessionExpiryHeader, sliding.optOutHeader]
        if case .header(let name) = sliding.delivery { names.append(name) }
        for case let name? in names where !seen.insert(name.lowercased()).inserted {
            findings.error(at: section.place, "two things use the header \(name)", expected: "a name for each")
        }
    }
}
