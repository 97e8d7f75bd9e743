import ProxyProtocol

// What a client may have of the gateway, and what it may say about others.

extension Configuration.Limits {
    /// Reads the limits on what one client, and all together, may have at a time.
    mutating func readShares(_ section: Section<Vocabulary.Limits>) {
        connectionsPerClientMax = section[.connectionsPerClient]?.integerOrNone(in: Bounds.connections)
        requestsMax = section[.requests]?.integerOrNone(in: Bounds.requests)
        memoryBytesMax = section[.memory]?.size(in: Bounds.memory) ?? memoryBytesMax
        minRateGrace = section[.minRateGrace]?.duration(in: Bounds.minRateGrace) ?? minRateGrace
        if let field = section[.failedVerifications], field.word != "none" { failedVerifications = field.rate() }
        if let field = section[.minRate] { minBytesPerSecond = field.word == "none" ? nil : field.bytesPerSecond() }
        if let most = connectionsPerClientMax, most > connectionsMax {
            section.field.findings.warning(
                at: section.place(of: .connectionsPerClient), "has no effect: there are \(connectionsMax) connections in all")
        }
        if section.has(.minRateGrace), minBytesPerSecond == nil {
            section.field.findings.warning(at: section.place(of: .minRateGrace), "has no effect without min_rate")
        }
    }
}

extension Configuration.Route.BodyLimit {
    /// A size, or `none`.
    static func read(_ field: Field) -> Configuration.Route.BodyLimit {
        guard let word = field.word else { return field.size(in: Bounds.bodyBytes).map { .bytes($0) } ?? .asElsewhere }
        if word == "none" { return .none }
        if SizeText.parse(word) == nil, SizeText.suggestion(for: word) == nil {
            field.refuse(expected: "\(SizeText.form), or none")
            return .asElsewhere
        }
        return field.size(in: Bounds.bodyBytes).map { .bytes($0) } ?? .asElsewhere
    }
}

extension Field {
    /// A number, or nil for `none`.
    func integerOrNone(in range: ClosedRange<Int>) -> Int? { word == "none" ? nil : integer(in: range) }

    /// `20/m`: so many times a second, minute or hour.
    func rate() -> Configuration.Rate? {
        let form = "a rate such as 20/m, or none"
        let periods: [Substring: Duration] = ["s": .seconds(1), "m": .seconds(60), "h": .seconds(3600)]
        guard let parts = word?.split(separator: "/", omittingEmptySubsequences: false), parts.count == 2,
            (1...4).contains(parts[0].utf8.count), parts[0].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let count = Int(parts[0])
        else {
            refuse(expected: form)
            return nil
        }
        guard let period = periods[parts[1]] else {
            let isKnown = ["sec", "second", "min", "minute", "hour"].contains(parts[1])
            refuse(
                "\"\(Quotation.shortened(word ?? ""))\" is no rate", expected: form,
                suggestion: isKnown ? "\(parts[0])/\(parts[1].prefix(1))" : nil)
            return nil
        }
        guard Bounds.rateCount.contains(count) else {
            refuse(
                "\(word ?? "") is out of range",
                expected: "\(Bounds.rateCount.lowerBound) to \(Bounds.rateCount.upperBound) times a second, minute or hour")
            return nil
        }
        return Configuration.Rate(count: count, period: period)
    }

    /// `240B/s`.
    func bytesPerSecond() -> Int? {
        let form = "bytes a second such as 240B/s or 1KiB/s, or none"
        guard let word, word.hasSuffix("/s"), let bytes = SizeText.parse(String(word.dropLast(2))) else {
            let number = word.map { $0.hasSuffix("/s") ? String($0.dropLast(2)) : $0 }
            refuse(expected: form, suggestion: number.flatMap { SizeText.suggestion(for: $0) }.map { "\($0)/s" })
            return nil
        }
        guard Bounds.minRate.contains(bytes) else {
            refuse(
                "\(word) is out of range",
                expected: "\(SizeText.format(Bounds.minRate.lowerBound))/s to \(SizeText.format(Bounds.minRate.upperBound))/s")
            return nil
        }
        return bytes
    }
}

extension TrustedPeers {
    /// Addresses, blocks of them, and `unix`.
    /// - Parameters:
    ///   - whom: what is missing from an empty list.
    ///   - everybody: what a block of all addresses means.
    static func read(
        _ field: Field?, whom: String = "proxy", everybody: String = "trusts everybody to say who they are"
    ) -> TrustedPeers {
        let form = "addresses and blocks such as 10.0.0.0/8 or \"::1\", or unix"
        var trusted = TrustedPeers.nobody
        guard let field else { return trusted }
        if field.isEmptyList { field.refuse("no \(whom)", expected: form) }
        for element in field.elements(expected: form) {
            guard let text = element.text(expected: form) else { continue }
            if text == "unix" {
                trusted.includesUnixSockets = true
                continue
            }
            do throws(AddressBlock.Fault) {
                let block = try AddressBlock(text.utf8.span)
                guard !trusted.blocks.contains(block) else {
                    element.refuse("\(block) is there twice", expected: "each once")
                    continue
                }
                trusted.blocks.append(block)
                if block.prefixLength == 0 {
                    field.findings.warning(at: element.place, "\(text) \(everybody)")
                }
            } catch {
                switch error {
                case .notAnAddress: element.refuse("\"\(Quotation.shortened(text))\" is no address", expected: form)
                case .lengthOutOfRange(let max):
                    element.refuse(
                        "\"\(Quotation.shortened(text))\" has no prefix length", expected: "a length from 0 to \(max)")
                case .bitsBehindPrefix(let meant):
                    element.refuse(
                        "\"\(Quotation.shortened(text))\" has bits behind its prefix", expected: form,
                        suggestion: "\(meant)")
                }
            }
        }
        return trusted
    }
}

extension Configuration.Listener {
    /// `true` and `required` mean the same: there is no listener that takes connections with a header and without.
    static func readProxyProtocol(_ section: Section<Vocabulary.Listener>, _ root: Section<Vocabulary.Root>) -> Bool {
        guard let field = section[.proxyProtocol] else { return false }
        guard field.word == "required" || field.boolean() == true else { return false }
        if root[.trustedProxies] == nil {
            field.refuse(
                "anybody could say to be anybody else", expected: "trusted_proxies, with the addresses that may connect here")
        }
        return true
    }
}

extension Configuration.Upstream {
    static func readProxyProtocol(_ field: Field) -> Bool {
        if field.word == "v2" { return true }
        if field.word == "none" { return false }
        field.refuse(expected: "v2 or none", suggestion: field.word == "true" || field.word == "v1" ? "v2" : nil)
        return false
    }
}
