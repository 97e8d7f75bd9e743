/// Sizes as they are written: `512B`, `16KiB`, `10MiB`, `1GiB`; powers of two, and nothing that could mean either.
package enum SizeText {
    static let form = "a size such as 512B, 16KiB, 10MiB or 1GiB"

    private static let units: [(name: String, shift: Int)] = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)]

    package static func parse(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text.dropFirst(digits.count)
        guard (1...10).contains(digits.count), let count = Int(digits),
            let unit = units.first(where: { $0.name == name })
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: 1 << unit.shift)
        return overflow ? nil : product
    }

    package static func format(_ bytes: Int) -> String {
        for unit in units where bytes >= 1 << unit.shift && bytes & ((1 << unit.shift) - 1) == 0 {
            return "\(bytes >> unit.shift)\(unit.name)"
        }
        return "\(bytes)B"
    }

    /// `10MB`, `10mb` and `10M` are `10MiB`; a bare number is bytes.
    static func suggestion(for text: String) -> String? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard (1...10).contains(digits.count) else { return nil }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        switch unit {
        case "", "b": return "\(digits)B"
        case "k", "kb", "kib": return "\(digits)KiB"
        case "m", "mb", "mib": return "\(digits)MiB"
        case "g", "gb", "gib": return "\(digits)GiB"
        default: return nil
        }
    }
}
