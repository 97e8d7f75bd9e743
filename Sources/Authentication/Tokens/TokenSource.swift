internal import Bytes
internal import HTTP1

/// A place where requests may carry a token, made ready for requests.
enum TokenSource: Sendable {
    case authorization
    case cookie(name: [UInt8])
    case header(name: [UInt8])
    case webSocketProtocol

    init(_ source: TokenSourcePolicy.Source) {
        self =
            switch source {
            case .authorization: .authorization
            case .cookie(let name): .cookie(name: Array(name.utf8))
            case .header(let name): .header(name: Array(name.utf8))
            case .webSocketProtocol: .webSocketProtocol
            }
    }
}

/// Where the one token of a request was found.
struct TokenLocation: Equatable {
    /// Index into the sources.
    var source: Int
    /// Index of the field line.
    var line: Int
    /// The token itself.
    var token: ByteRange
}

/// What the places of a request together say.
enum TokenSearch: Equatable {
    case absent
    case found(TokenLocation)
    case malformed
    case several

    /// Takes in what one more field says; `line` is that field's index, and `value` where its value lies.
    mutating func combine(_ credentials: Credentials, source: Int, line: Int, value: ByteRange) {
        switch (self, credentials) {
        case (.several, _), (_, .absent):
            break
        case (.absent, .token(let range)):
            let start = Int(value.start)
            self = .found(
                TokenLocation(source: source, line: line, token: ByteRange(start &+ range.lowerBound, start &+ range.upperBound)))
        case (.absent, .malformed):
            self = .malformed
        case (_, .several), (.found, _), (.malformed, _):
            self = .several
        }
    }
}

extension TokenSource {
    /// Looks for tokens in this place.
    ///
    /// - Parameter headerLine: the line of a `.header` source, which the pass over all lines has met.
    func search(
        _ head: borrowing RequestHead, in bytes: Span<UInt8>, index: Int, into search: inout TokenSearch
    ) {
        switch self {
        case .authorization:
            guard let line = head.fields.firstIndex(of: .authorization) else { return }
            let value = head.fields.lines[line].value
            let credentials = Credentials(authorization: bytes.extracting(value.bounds))
            search.combine(credentials, source: index, line: line, value: value)
        case .cookie(let name):
            Self.forEachLine(of: .cookie, in: head) { line, value in
                let credentials = Credentials(cookie: name.span, in: bytes.extracting(value.bounds))
                search.combine(credentials, source: index, line: line, value: value)
            }
        case .webSocketProtocol:
            guard head.wantsUpgrade else { return }
            Self.forEachLine(of: .secWebSocketProtocol, in: head) { line, value in
                let credentials = Credentials(webSocketProtocol: bytes.extracting(value.bounds))
                search.combine(credentials, source: index, line: line, value: value)
            }
        case .header:
            break  // found while the lines are checked for reserved names
        }
    }

    private static func forEachLine(
        of id: FieldName, in head: borrowing RequestHead, _ body: (Int, ByteRange) -> Void
    ) {
        guard let first = head.fields.firstIndex(of: id) else { return }
        let isRepeated = head.fields.count(of: id) > 1
        var line = first
        repeat {
            if head.fields.lines[line].id == id { body(line, head.fields.lines[line].value) }
            line &+= 1
        } while isRepeated && line < head.fields.lines.count
    }
}
