/// Lengths of time as they are written: `250ms`, `30s`, `10m`, `12h`, `7d`, and sums of these such as `1h30m`.
package enum DurationText {
    static let form = "a duration such as 250ms, 30s, 10m, 12h or 7d"

    private static let units: [(name: String, milliseconds: Int)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// - Returns: Nil unless every part is a number and a unit, units falling, and the sum below a thousand years.
    package static func parse(_ text: String) -> Duration? {
        var rest = Substring(text)
        var sum = 0
        var unitsLeft = units[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard (1...10).contains(digits.count), let count = Int(digits),
                let index = unitsLeft.firstIndex(where: { $0.name == name })
            else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: units[index].milliseconds)
            guard !overflow, product < 36_500 * 10 * 86_400_000 else { return nil }
            sum += product
            unitsLeft = unitsLeft[(index + 1)...]
        }
        return .milliseconds(sum)
    }

    /// The shortest spelling that `parse` reads back: `90m` is `1h30m`. Parts below a millisecond are dropped.
    package static func format(_ duration: Duration) -> String {
        var rest = duration.wholeMilliseconds
        guard rest > 0 else { return "0s" }
        var text = ""
        for unit in units where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }
}

extension Duration {
    /// Rounded towards zero; saturates.
    package var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        let (product, overflow) = Int(seconds).multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds > 0 ? .max : .min }
        return product &+ Int(attoseconds / 1_000_000_000_000_000)
    }

    /// Rounded towards zero.
    package var wholeSeconds: Int64 { components.seconds }
}
