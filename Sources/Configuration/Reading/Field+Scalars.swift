extension Field {
    func boolean() -> Bool? {
        switch word {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default:
            refuse(expected: "true or false")
            return nil
        }
    }

    func integer(in range: ClosedRange<Int>) -> Int? {
        guard let word, word.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = Int(word),
            range.contains(value)
        else {
            refuse(expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// One of the spellings of an enumeration.
    func choice<Choice: RawRepresentable & CaseIterable>(_: Choice.Type) -> Choice? where Choice.RawValue == String {
        if let word, let choice = Choice(rawValue: word) { return choice }
        let words = Choice.allCases.map(\.rawValue)
        refuse(expected: Prose.alternatives(words), suggestion: word.flatMap { Suggestion.nearest(to: $0, among: words) })
        return nil
    }

    /// A length of time within `range`.
    ///
    /// - Parameter wholeSeconds: For what is compared with claims, which count seconds (RFC 7519 §2, NumericDate).
    func duration(in range: ClosedRange<Duration>, wholeSeconds: Bool = false) -> Duration? {
        guard let word else {
            refuse(expected: DurationText.form)
            return nil
        }
        guard let value = DurationText.parse(word) else {
            refuse("\"\(Quotation.shortened(word))\" is not a duration", expected: DurationText.form)
            return nil
        }
        guard range.contains(value) else {
            let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
            refuse("\(word) is out of range", expected: bounds)
            return nil
        }
        guard !wholeSeconds || value.components.attoseconds == 0 else {
            refuse("\(word) is not a whole number of seconds", expected: "whole seconds, as the dates in tokens are")
            return nil
        }
        return value
    }

    func size(in range: ClosedRange<Int>) -> Int? {
        guard let word else {
            refuse(expected: SizeText.form)
            return nil
        }
        guard let value = SizeText.parse(word) else {
            let suggestion = SizeText.suggestion(for: word)
            refuse("\"\(Quotation.shortened(word))\" is not a size", expected: SizeText.form, suggestion: suggestion)
            return nil
        }
        guard range.contains(value) else {
            let bounds = "\(SizeText.format(range.lowerBound)) to \(SizeText.format(range.upperBound))"
            refuse("\(word) is out of range", expected: bounds)
            return nil
        }
        return value
    }

    /// `33%`: a whole number of hundredths.
    func percent(in range: ClosedRange<Int>) -> Int? {
        guard let word, word.hasSuffix("%"), word.utf8.count <= 4,
            word.utf8.dropLast().allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = Int(word.dropLast()),
            range.contains(value)
        else {
            refuse(expected: "a percentage from \(range.lowerBound)% to \(range.upperBound)%")
            return nil
        }
        return value
    }

    /// - Parameters:
    ///   - zeroPort: Whether port 0 is allowed: to listen on a port of the system's choice.
    ///   - anyHost: What `:8080` is likely to mean here.
    func endpoint(zeroPort: Bool, anyHost: String = "127.0.0.1") -> Located<Endpoint>? {
        guard let word else {
            refuse(expected: EndpointText.form)
            return nil
        }
        switch EndpointText.parse(word, anyHost: anyHost) {
        case .success(let endpoint):
            guard zeroPort || endpoint.port != 0 || endpoint.isUnix else {
                refuse("\"\(word)\" has port 0", expected: "a port from 1 to 65535")
                return nil
            }
            return located(endpoint)
        case .failure(let fault):
            refuse(
                "\"\(Quotation.shortened(word))\" \(fault.message)", expected: EndpointText.form,
                suggestion: fault.suggestion)
            return nil
        }
    }

    /// A field name (RFC 9110 §5.1) that the gateway may write.
    func headerName() -> String? {
        guard let name = text(expected: "the name of a header") else { return nil }
        guard Grammar.isToken(name), name.utf8.count <= 128 else {
            refuse("\"\(Quotation.shortened(name))\" is not a header name", expected: "letters, digits and hyphens")
            return nil
        }
        guard !Grammar.isReservedHeader(name) else {
            refuse("\(name) is a header that HTTP itself or the gateway relies on", expected: "another name")
            return nil
        }
        return name
    }

    /// A list of texts, each once; a single text counts as a list of one.
    func texts(expected: String) -> [String] {
        var seen: Set<String> = []
        var result: [String] = []
        for element in elements(expected: expected) {
            guard let text = element.text(expected: expected) else { continue }
            guard seen.insert(text).inserted else {
                element.refuse("\"\(Quotation.shortened(text))\" is there twice", expected: "each once")
                continue
            }
            result.append(text)
        }
        return result
    }
}
