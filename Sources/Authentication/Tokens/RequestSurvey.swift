internal import Bytes
internal import HTTP1

/// What one pass over the field lines of a request finds of concern. Indices are into the lines; -1: none.
struct RequestSurvey {
    /// Tokens in `.header` sources.
    var search = TokenSearch.absent
    /// The client asks not to renew.
    var optsOut = false
    var authorization = -1
    var isAuthorizationRepeated = false
    /// The first of them.
    var cookie = -1
    /// The first of them, in a request for an upgrade.
    var webSocketProtocol = -1
    var origin = CrossOrigin.absent
    /// `Access-Control-Request-Method`
    var requestMethod = -1
    /// `OPTIONS` with `Origin` and `Access-Control-Request-Method` (Fetch standard, "CORS-preflight request").
    var isPreflight = false
}

extension Authenticator {
    /// Looks at every line once, and drops those of reserved names.
    @inline(__always)
    func survey(_ head: inout RequestHead, in bytes: Span<UInt8>) -> RequestSurvey {
        var survey = RequestSurvey()
        let count = head.fields.lines.count
        var index = 0
        while index < count {
            let id = head.fields.lines[index].id
            if concerns.contains(id) {
                note(id, at: index, value: head.fields.lines[index].value, head.wantsUpgrade, bytes, &survey)
            }
            if reserved.mayContain(hash: head.fields.lines[index].canonicalHash) {
                takeReserved(at: index, &head.fields, bytes, &survey)
            }
            index &+= 1
        }
        if survey.requestMethod >= 0 { survey.isPreflight = head.method == .options && survey.origin.isPresent }
        return survey
    }

    private func note(
        _ id: FieldName, at index: Int, value: ByteRange, _ wantsUpgrade: Bool, _ bytes: Span<UInt8>,
        _ survey: inout RequestSurvey
    ) {
        switch id {
        case .authorization:
            if survey.authorization >= 0 { survey.isAuthorizationRepeated = true }
            survey.authorization = index
        case .cookie:
            if survey.cookie < 0 { survey.cookie = index }
        case .secWebSocketProtocol:
            if wantsUpgrade, survey.webSocketProtocol < 0 { survey.webSocketProtocol = index }
        case .origin:
            // Two of them match nothing.
            let isRepeated = survey.origin.isPresent
            survey.origin = CrossOrigin(isPresent: true, listed: -1)
            if let crossOrigin, !isRepeated { survey.origin.listed = crossOrigin.match(bytes.extracting(value.bounds)) }
        default:
            if survey.requestMethod < 0 { survey.requestMethod = index }
        }
    }

    @inline(never)
    private func takeReserved(
        at index: Int, _ fields: inout FieldSection, _ bytes: Span<UInt8>, _ survey: inout RequestSurvey
    ) {
        let line = fields.lines[index]
        switch reserved.role(hash: line.canonicalHash, name: bytes.extracting(line.name.bounds)) {
        case nil:
            break
        case .dropped:
            fields.drop(at: index)
        case .optOut:
            survey.optsOut = true
            fields.drop(at: index)
        case .token(let source):
            let value = line.value
            if !value.isEmpty { survey.search.combine(.token(0..<value.count), source: source, line: index, value: value) }
        }
    }
}
