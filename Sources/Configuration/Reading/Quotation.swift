/// Text from the file, made fit for a message.
enum Quotation {
    /// Longest quotation in a message: enough to recognise a value, too little to flood a terminal.
    static let scalarsMax = 60

    /// Control characters become `?`, so that a file cannot write escape sequences to a terminal.
    static func shortened(_ text: String) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < scalarsMax else { return result + "…" }
            result.unicodeScalars.append(isControl(scalar) ? "?" : scalar)
            count += 1
        }
        return result
    }

    /// All of it, likewise: a path is made of names from the file.
    static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars { result.unicodeScalars.append(isControl(scalar) ? "?" : scalar) }
        return result
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.properties.generalCategory == .format
    }
}
