internal import Bytes
internal import HTTP1
internal import JOSE

/// The media types that endpoints read.
enum MediaType: Equatable {
    case form, json
    /// Any other, or content with a coding of its own.
    case other
    /// The request does not say.
    case none

    init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
        guard head.fields.first(.contentEncoding) == nil, head.fields.count(of: .contentType) < 2 else {
            self = .other
            return
        }
        guard let line = head.fields.first(.contentType) else {
            self = .none
            return
        }
        let value = bytes.extracting(line.value.bounds)
        if Self.isEssence("application/x-www-form-urlencoded", of: value) {
            self = .form
        } else if Self.isEssence("application/json", of: value) {
            self = .json
        } else {
            self = .other
        }
    }

    /// Whether a `Content-Type` is of that type, whatever its parameters (RFC 9110 §8.3.1).
    static func isEssence(_ type: StaticString, of value: Span<UInt8>) -> Bool {
        let essence = essence(of: value)
        return value.extracting(0..<essence).equalsIgnoringCase(type)
    }

    /// JSON, or a type with the suffix of it (RFC 6839 §3.1).
    static func isJSON(_ value: Span<UInt8>) -> Bool {
        if isEssence("application/json", of: value) { return true }
        let essence = essence(of: value)
        return essence > 5 && value.extracting((essence &- 5)..<essence).equalsIgnoringCase("+json")
    }

    private static func essence(of value: Span<UInt8>) -> Int {
        var end = value.firstIndex(of: UInt8(ascii: ";")) ?? value.count
        while end > 0, value[end &- 1].isWhitespace { end &-= 1 }
        return end
    }
}

/// The content of a request to an endpoint, as its members.
enum RequestContent {
    case form(FormContent)
    case json(JSONObject)

    /// No content at all is an object without members.
    init(_ content: Span<UInt8>, _ type: MediaType) throws(ContentError) {
        switch type {
        case .form: self = .form(try FormContent(content))
        case .json, .other, .none:
            let text = content.isEmpty ? Array("{}".utf8) : Array(copying: content)
            do {
                self = .json(try JSONObject(parsing: text))
            } catch {
                switch error {
                case .duplicateMember: throw .duplicateMember
                case .tooManyMembers: throw .tooManyMembers
                default: throw .malformed
                }
            }
        }
    }

    /// Nil: absent, empty, or null.
    func text(_ name: String) throws(ContentError) -> [UInt8]? {
        switch self {
        case .form(let form): return form.value(name)
        case .json(let object):
            guard let member = object.member(named: name), member.kind != .null else { return nil }
            guard let text = object.withString(of: member, { Array(copying: $0) }) else { throw .malformed }
            return text.isEmpty ? nil : text
        }
    }
}
