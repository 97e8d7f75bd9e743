internal import Bytes
internal import HTTP1

/// The methods that a route takes.
struct MethodSet: Sendable {
    /// In upper case, as configured. Empty: any.
    let names: [String]
    /// Bit `Method.rawValue`, for methods that the parser knows.
    private let known: UInt16
    private let extensions: [[UInt8]]

    init(_ names: [String]) {
        self.names = names
        var known: UInt16 = 0
        var extensions: [[UInt8]] = []
        for name in names {
            if let method = Self.knownMethods[name] {
                known |= 1 << UInt16(method.rawValue)
            } else {
                extensions.append(Array(name.utf8))
            }
        }
        self.known = known
        self.extensions = extensions
    }

    var isAny: Bool { names.isEmpty }

    /// Methods are case-sensitive (RFC 9110 §9.1).
    func contains(_ method: Method, name: Span<UInt8>) -> Bool {
        if isAny { return true }
        if method != .other { return known >> UInt16(method.rawValue) & 1 == 1 }
        for candidate in extensions where name.elementsEqual(candidate.span) { return true }
        return false
    }

    private static let knownMethods: [String: Method] = [
        "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "DELETE": .delete, "CONNECT": .connect,
        "OPTIONS": .options, "TRACE": .trace, "PATCH": .patch,
    ]
}
