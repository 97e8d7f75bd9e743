/// Reads `127.0.0.1:8080`, `[::1]:8080`, `host:8080` and `unix:/path`. Nothing is guessed: no default port, no bare port.
package enum EndpointText {
    static let form = "an address and a port such as 127.0.0.1:8080, \"[::1]:8080\", api.internal:8080 or unix:/run/app.sock"

    package struct Fault: Error, Equatable {
        package var message: String
        package var suggestion: String?
    }

    /// - Parameter anyHost: what `:8080` is likely to mean.
    package static func parse(_ text: String, anyHost: String = "127.0.0.1") -> Result<Endpoint, Fault> {
        if text.hasPrefix("unix:") { return unix(String(text.dropFirst(5))) }
        if let scheme = text.range(ofFirst: "://") {
            let rest = text[scheme.upperBound...].prefix { $0 != "/" }
            return .failure(Fault(message: "is a URL", suggestion: rest.contains(":") ? String(rest) : "\(rest):80"))
        }
        if text.utf8.allSatisfy(isDigit), !text.isEmpty {
            return .failure(Fault(message: "is a port without an address", suggestion: "127.0.0.1:\(text)"))
        }
        if text.hasPrefix(":"), text.utf8.dropFirst().allSatisfy(isDigit) {
            return .failure(Fault(message: "is a port without an address", suggestion: "\(anyHost)\(text)"))
        }
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return .failure(Fault(message: "lacks a \"]\"")) }
            let inner = String(text[text.index(after: text.startIndex)..<close])
            guard isIPv6(inner) else { return .failure(Fault(message: "is not an IPv6 address")) }
            let rest = text[text.index(after: close)...]
            guard rest.hasPrefix(":") else {
                return .failure(Fault(message: "lacks a port", suggestion: "[\(inner)]:8080"))
            }
            return endpoint(.ipv6(inner.lowercased()), port: rest.dropFirst())
        }
        guard let colon = text.firstIndex(of: ":") else {
            return .failure(Fault(message: "lacks a port", suggestion: isHost(text) ? "\(text):8080" : nil))
        }
        let host = String(text[..<colon])
        let rest = text[text.index(after: colon)...]
        guard !rest.contains(":") else {
            return .failure(Fault(message: "has more than one colon: an IPv6 address stands in brackets"))
        }
        if isIPv4(host) { return endpoint(.ipv4(host), port: rest) }
        guard isHost(host) else { return .failure(Fault(message: "has no valid host")) }
        return endpoint(.name(host.lowercased()), port: rest)
    }

    private static func unix(_ path: String) -> Result<Endpoint, Fault> {
        let plain = path.hasPrefix("//") ? "/" + path.drop { $0 == "/" } : path
        guard path.hasPrefix("/"), plain == path, !path.hasSuffix("/") else {
            return .failure(
                Fault(message: "has no absolute path", suggestion: plain.hasPrefix("/") && plain != "/" ? "unix:\(plain)" : nil))
        }
        guard path.utf8.count <= unixPathBytesMax else {
            return .failure(Fault(message: "has a path of more than \(unixPathBytesMax) bytes, which no socket can have"))
        }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            return .failure(Fault(message: "has a space or a control character in its path"))
        }
        return .success(Endpoint(host: .unix(path: path), port: 0))
    }

    /// Of `sun_path` (unix(7)), without the NUL at its end.
    private static let unixPathBytesMax = 107

    private static func endpoint(_ host: Endpoint.Host, port text: Substring) -> Result<Endpoint, Fault> {
        let isDecimal = text.utf8.allSatisfy(isDigit) && (1...5).contains(text.utf8.count)
        guard isDecimal, let port = UInt16(text), text.utf8.count == 1 || !text.hasPrefix("0") else {
            return .failure(Fault(message: "has no port from 0 to 65535"))
        }
        return .success(Endpoint(host: host, port: port))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// Four decimal numbers; no leading zeros, which some resolvers read as octal.
    package static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy(isDigit) && UInt8(part) != nil
                    && (part.utf8.count == 1 || !part.hasPrefix("0"))
            }
    }

    /// RFC 4291 §2.2, all three forms; no zone, no prefix length.
    package static func isIPv6(_ text: String) -> Bool {
        guard (2...45).contains(text.utf8.count) else { return false }
        var groups = 0
        var hasGap = false
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return false }
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // `::` is one empty part inside, two at an end.
                let isEdge = index == 0 || index == parts.count - 1
                if isEdge {
                    let neighbour = index == 0 ? parts[1] : parts[parts.count - 2]
                    guard neighbour.isEmpty else { return false }
                } else {
                    guard !hasGap else { return false }
                    hasGap = true
                }
            } else if index == parts.count - 1, part.contains(".") {
                guard isIPv4(String(part)) else { return false }
                groups += 2
            } else {
                guard part.utf8.count <= 4, part.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
                    return false
                }
                groups += 1
            }
        }
        return hasGap ? groups <= 7 : groups == 8
    }

    /// A host name: labels of letters, digits, `-` and `_`, up to 63 bytes each and 253 in all, the last not a number.
    package static func isHost(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        for label in labels {
            guard (1...63).contains(label.utf8.count), !label.hasPrefix("-"), !label.hasSuffix("-"),
                label.utf8.allSatisfy({ isDigit($0) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || $0 == 0x2D || $0 == 0x5F })
            else { return false }
        }
        return !(labels.last?.utf8.allSatisfy(isDigit) ?? true)
    }
}

extension String {
    fileprivate func range(ofFirst needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
