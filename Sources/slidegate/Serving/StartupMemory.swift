import Glibc

/// Memory that only starting, or reading a configuration, has touched: most of the program's text (parsers, the standard
/// libraries' tables) is not needed again before the next reload.
enum StartupMemory {
    /// Gives it back: the pages of program text, ours and the libraries'. The kernel maps what is used again from
    /// its page cache, where the pages stay as long as it likes. Nothing but memory is affected, so failures are not told.
    static func giveBack() {
        guard let smaps = try? FileContents(path: "/proc/self/smaps", bytesMax: 1 << 20).bytes else { return }
        for mapping in unchangedFileMappings(smaps) {
            madvise(UnsafeMutableRawPointer(bitPattern: mapping.lowerBound), mapping.count, MADV_DONTNEED)
        }
    }

    /// Where files are mapped that this process cannot write to and has not written to: relocated data, which is made read-only
    /// afterwards, would be lost.
    /// - Parameter smaps: as in proc(5).
    static func unchangedFileMappings(_ smaps: [UInt8]) -> [Range<UInt>] {
        var mappings: [Range<UInt>] = []
        var candidate: Range<UInt>?
        for line in smaps.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            if words.count >= 2, words[0].hasSuffix(":") {
                // Private pages, in memory and on disk.
                if words[0] == "Anonymous:" || words[0] == "Swap:", words[1] != "0" { candidate = nil }
                if words[0] == "VmFlags:", let unchanged = candidate { mappings.append(unchanged) }
                continue
            }
            candidate = nil
            guard words.count >= 6, words[1].hasPrefix("r-"), words[5].hasPrefix("/") else { continue }
            let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if bounds.count == 2, bounds[0] < bounds[1] { candidate = bounds[0]..<bounds[1] }
        }
        return mappings
    }
}
