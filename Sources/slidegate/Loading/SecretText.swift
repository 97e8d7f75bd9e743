import Bytes
import Configuration
import JOSE

/// Turns the text of a secret into its bytes.
enum SecretText {
    /// - Returns: nil when `text` is not written in `encoding`. Says nothing about why: it is a secret.
    static func decode(_ text: [UInt8], as encoding: Configuration.Key.SecretEncoding) -> [UInt8]? {
        let line = withoutLineBreak(text)
        switch encoding {
        case .text: return line
        case .base64url: return Base64URL.decode(withoutPadding(line).span)
        case .base64:
            guard !line.contains(UInt8(ascii: "-")), !line.contains(UInt8(ascii: "_")) else { return nil }
            let translated = withoutPadding(line).map { byte in
                switch byte {
                case UInt8(ascii: "+"): UInt8(ascii: "-")
                case UInt8(ascii: "/"): UInt8(ascii: "_")
                default: byte
                }
            }
            return Base64URL.decode(translated.span)
        case .hex:
            guard line.count.isMultiple(of: 2) else { return nil }
            var bytes: [UInt8] = []
            for index in stride(from: 0, to: line.count, by: 2) {
                guard let high = line[index].hexadecimalValue, let low = line[index + 1].hexadecimalValue else { return nil }
                bytes.append(high << 4 | low)
            }
            return bytes
        }
    }

    /// Editors and `echo` put one at the end, which nobody means to be part of the secret.
    private static func withoutLineBreak(_ text: [UInt8]) -> [UInt8] {
        guard text.last == UInt8(ascii: "\n") else { return text }
        return text.dropLast(text.dropLast().last == UInt8(ascii: "\r") ? 2 : 1)
    }

    /// At most two, at the end, and only where they make up a group of four.
    private static func withoutPadding(_ text: [UInt8]) -> [UInt8] {
        guard text.count.isMultiple(of: 4) else { return text }
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return padding <= 2 ? text.dropLast(padding) : text
    }
}
