import CLibevent
import Glibc

/// A hosts(5) file. Read anew for each lookup: containers and people change it, and it is small.
struct HostsFile {
    /// Some block lists are put there; beyond this the file is not what it should be.
    private static let bytesMax = 4 << 20

    private let text: [UInt8]

    /// Nil when there is no such file, or it is too large.
    init?(at path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0, text.count + count <= Self.bytesMax else { return nil }
            if count == 0 { break }
            text += chunk[..<count]
        }
        self.text = text
    }

    init(_ text: String) { self.text = Array(text.utf8) }

    /// In the file's order, IPv4 first; nil when the name is not in it.
    /// - Parameter name: in lower case.
    func addresses(of name: String) -> [SocketAddress]? {
        let wanted = Array(name.utf8)
        var found: [SocketAddress] = []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.prefix { $0 != UInt8(ascii: "#") }
                .split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            guard let first = words.first,
                words.dropFirst().contains(where: { $0.count == wanted.count && zip($0, wanted).allSatisfy { $0.lowercased == $1 } }),
                let address = SocketAddress(literal: String(decoding: first, as: UTF8.self)), !found.contains(address)
            else { continue }
            found.append(address)
        }
        return found.isEmpty ? nil : found.filter { !$0.isIPv6 } + found.filter(\.isIPv6)
    }
}

extension UInt8 {
    fileprivate var lowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }
}
