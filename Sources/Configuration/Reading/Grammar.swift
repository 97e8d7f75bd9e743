/// Small grammars of HTTP and URIs that values in the file must follow.
enum Grammar {
    /// RFC 9110 §5.6.2.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    /// Fields that frame or route a message, or that the gateway sets itself: no token and no claim may ride in them.
    private static let reservedHeaders: Set<String> = [
        "authorization", "cache-control", "connection", "content-encoding", "content-length", "content-range",
        "content-type", "cookie", "date", "expect", "forwarded", "host", "http2-settings", "keep-alive", "location",
        "origin", "pragma", "proxy-authenticate", "proxy-authorization", "proxy-connection", "proxy-status", "range",
        "sec-websocket-accept", "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version", "set-cookie",
        "te", "trailer", "transfer-encoding", "upgrade", "vary", "via", "www-authenticate", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip",
    ]

    static func isReservedHeader(_ name: String) -> Bool {
        let folded = name.lowercased()
        return reservedHeaders.contains(folded.replacing(underscore: "-")) || folded.hasPrefix("access-control-")
    }

    /// Printable ASCII that needs no escape inside a quoted-string (RFC 9110 §5.6.4).
    static func isPlainQuotable(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7E && $0 != 0x22 && $0 != 0x5C }
    }

    /// Why `path` is not a path prefix in normal form (RFC 3986 §6.2.2); nil when it is.
    static func faultOfPath(_ path: String, encodedSlashes: Configuration.Paths.EncodedSlashes) -> String? {
        guard path.hasPrefix("/") else { return "does not begin with \"/\"" }
        guard path.utf8.count <= 2048 else { return "is longer than 2048 bytes" }
        guard !path.contains("//") else { return "has an empty segment" }
        for segment in path.split(separator: "/") where segment == "." || segment == ".." {
            return "has the dot segment \"\(segment)\""
        }
        let bytes = Array(path.utf8)
        var i = 0
        while i < bytes.count {
            let byte = bytes[i]
            if byte == UInt8(ascii: "%") {
                guard i + 2 < bytes.count, let value = hexadecimal(bytes[i + 1], bytes[i + 2]) else {
                    return "has a broken percent escape"
                }
                guard !isUnreserved(value), value >= 0x20, value != 0x7F else {
                    return "has a percent escape that requests never keep"
                }
                guard ![bytes[i + 1], bytes[i + 2]].contains(where: { $0 >= 0x61 }) else {
                    return "has a percent escape in lower case"
                }
                if encodedSlashes == .refuse, value == 0x2F || value == 0x5C {
                    return "has an encoded slash, which paths.encoded_slashes refuses"
                }
                i += 3
            } else {
                guard isPathByte(byte) else { return "has a character that stands in no path, or only percent-encoded" }
                i += 1
            }
        }
        return nil
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    /// pchar without escapes, and "/" (RFC 3986 §3.3).
    private static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x24, 0x26...0x2C, 0x2F, 0x3A, 0x3B, 0x3D, 0x40: true
        default: isUnreserved(byte)
        }
    }

    private static func hexadecimal(_ high: UInt8, _ low: UInt8) -> UInt8? {
        guard let high = Character(UnicodeScalar(high)).hexDigitValue,
            let low = Character(UnicodeScalar(low)).hexDigitValue
        else { return nil }
        return UInt8(high << 4 | low)
    }
}

extension String {
    fileprivate func replacing(underscore replacement: Character) -> String {
        String(map { $0 == "_" ? replacement : $0 })
    }
}
