import Configuration

/// Instants of tokens in words.
enum InstantText {
    /// `2026-11-21T03:10:06Z, in 9m59s` or `…, 3d2h ago`.
    static func describe(_ seconds: Int64, now: Int64) -> String {
        "\(calendar(seconds)), \(relative(seconds, now: now))"
    }

    /// RFC 3339 in UTC. Years outside of 0 to 9999 are told as seconds.
    static func calendar(_ seconds: Int64) -> String {
        guard (-62_167_219_200...253_402_300_799).contains(seconds) else { return "\(seconds) s since 1970" }
        let days = Int((Double(seconds) / 86_400).rounded(.down))
        let rest = Int(seconds) - days * 86_400
        // Days to a date of the proleptic Gregorian calendar, by 400-year eras that begin on 1 March.
        let shifted = days + 719_468
        let era = shifted >= 0 ? shifted / 146_097 : (shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month))-\(padded(day))T"
            + "\(padded(rest / 3600)):\(padded(rest / 60 % 60)):\(padded(rest % 60))Z"
    }

    /// What `calendar` writes; nil for anything else, days that are none among it.
    static func parse(_ text: String) -> Int64? {
        let form = Array("dddd-dd-ddTdd:dd:ddZ".utf8)
        let bytes = Array(text.utf8)
        guard bytes.count == form.count else { return nil }
        var numbers: [Int64] = []
        for (index, (byte, expected)) in zip(bytes, form).enumerated() {
            guard expected == UInt8(ascii: "d") else {
                guard byte == expected else { return nil }
                continue
            }
            guard (0x30...0x39).contains(byte) else { return nil }
            let begins = index == 0 || form[index - 1] != UInt8(ascii: "d")
            numbers.append((begins ? 0 : numbers.removeLast()) * 10 + Int64(byte - 0x30))
        }
        let (year, month, day) = (numbers[0], numbers[1], numbers[2])
        guard (1...12).contains(month), (1...31).contains(day), numbers[3] < 24, numbers[4] < 60, numbers[5] < 60 else { return nil }
        // Days of the proleptic Gregorian calendar, by 400-year eras that begin on 1 March.
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let seconds = days * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
        return calendar(seconds) == text ? seconds : nil
    }

    static func relative(_ seconds: Int64, now: Int64) -> String {
        let (difference, overflow) = seconds.subtractingReportingOverflow(now)
        guard !overflow, difference.magnitude < 1 << 40 else { return "far away" }
        if difference == 0 { return "now" }
        return difference > 0 ? "in \(span(difference))" : "\(span(-difference)) ago"
    }

    /// The two largest units: `3d2h`, `9m59s`.
    static func span(_ seconds: Int64) -> String {
        let unit: Int64 =
            switch seconds {
            case 86_400...: 3600
            case 3600...: 60
            case _: 1
            }
        return DurationText.format(.seconds(seconds - seconds % unit))
    }

    private static func padded(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
