/// "Did you mean": the accepted name nearest to what was written.
enum Suggestion {
    /// - Returns: The nearest candidate, when a typist could have meant it; nil otherwise.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let folded = fold(word)
        guard !folded.isEmpty, folded.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let target = fold(candidate)
            let distance = distance(folded, target)
            let isNear = distance <= max(1, min(folded.count, target.count) / 3)
            guard isNear, distance < (best?.distance ?? .max) else { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// `secretFile`, `secret-file` and `SECRET_FILE` are all `secret_file`.
    private static func fold(_ word: String) -> [UInt8] {
        var folded: [UInt8] = []
        var previousIsLower = false
        for byte in word.utf8.prefix(128) {
            let isUpper = byte >= 0x41 && byte <= 0x5A
            if isUpper, previousIsLower { folded.append(UInt8(ascii: "_")) }
            if byte == UInt8(ascii: "-") || byte == UInt8(ascii: " ") {
                folded.append(UInt8(ascii: "_"))
            } else {
                folded.append(isUpper ? byte | 0x20 : byte)
            }
            previousIsLower = byte >= 0x61 && byte <= 0x7A
        }
        return folded
    }

    /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in 0..<b.count {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
