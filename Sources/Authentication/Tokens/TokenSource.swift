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
    /// Looks for tokens in this place. Those of a `.header` source the survey has found.
    func search(
        _ lines: Span<FieldLine>, in bytes: Span<UInt8>, _ survey: RequestSurvey, index: Int, into search: inout TokenSearch
    ) {
        switch self {
        case .authorization:
            guard survey.authorization >= 0 else { return }
            let value = lines[survey.authorization].value
            let credentials = Credentials(authorization: bytes.extracting(value.bounds))
            search.combine(credentials, source: index, line: survey.authorization, value: value)
        case .cookie(let name):
            guard survey.cookie >= 0 else { return }
            for line in survey.cookie..<lines.count where lines[line].id == .cookie {
                let value = lines[line].value
                let credentials = Credentials(cookie: name.span, in: bytes.extracting(value.bounds))
                search.combine(credentials, source: index, line: line, value: value)
            }
        case .webSocketProtocol:
            guard survey.webSocketProtocol >= 0 else { return }
            for line in survey.webSocketProtocol..<lines.count where lines[line].id == .secWebSocketProtocol {
                let value = lines[line].value
                let credentials = Credentials(webSocketProtocol: bytes.extracting(value.bounds))
                search.combine(credentials, source: index, line: line, value: value)
            }
        case .header:
            break
        }
    }
}
