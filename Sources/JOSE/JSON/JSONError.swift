/// Why a text is not the one JSON object (RFC 8259, I-JSON of RFC 7493) that a header or a claims set has to be. The raw
/// value is stable.
package enum JSONError: String, Error, Equatable, Sendable {
    case notAnObject = "not_an_object"
    /// Ends inside a value.
    case truncated = "truncated_json"
    /// Bytes behind the object.
    case trailingBytes = "trailing_bytes"
    case syntax = "json_syntax"
    case badString = "bad_string"
    /// Also a surrogate escape without its other half.
    case notUTF8 = "not_utf8"
    case badNumber = "bad_number"
    case duplicateMember = "duplicate_member"
    case tooDeep = "too_deep"
    case tooManyMembers = "too_many_members"
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAnObject: "not a JSON object"
        case .truncated: "the JSON text is incomplete"
        case .trailingBytes: "bytes follow the JSON object"
        case .syntax: "not well-formed JSON"
        case .badString: "a string holds a control character or an unknown escape"
        case .notUTF8: "not well-formed UTF-8, or a lone surrogate"
        case .badNumber: "a number is not written as JSON writes numbers"
        case .duplicateMember: "a member name occurs twice"
        case .tooDeep: "nested too deeply"
        case .tooManyMembers: "too many members in one object"
        }
    }
}
