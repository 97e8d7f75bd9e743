internal import Bytes
internal import JOSE

extension AnswerTemplate {
    /// Content of an upstream that tokens are merged into.
    static let mergeLimits = TokenLimits(nestingMax: 32, membersMax: 512)

    /// `object` with this template's members in it, each byte that is not theirs as it was.
    ///
    /// A member that the object has already stays, but for three: an object is merged into, member by member; what holds a token
    /// replaces it, for nobody else can know the token; and null, which says nothing, gives way to an object that holds one.
    /// - Returns: nil when this is no object, or when a nested object does not keep `mergeLimits`.
    func merged(into object: JSONObject, _ values: TemplateValues) -> [UInt8]? {
        guard case .object(let members) = self else { return nil }
        var edits: [(range: Range<Int>, replacement: [UInt8])] = []
        var additions: [[UInt8]] = []
        for member in members {
            guard let present = object.member(named: member.name) else {
                guard let value = member.value.json(values) else { continue }
                additions.append(JSONString.quoted(member.name) + [UInt8(ascii: ":")] + value)
                continue
            }
            if case .object = member.value, present.kind == .object {
                let text = object.withValue(of: present) { Array(copying: $0) }
                guard let inner = try? JSONObject(parsing: text, limits: Self.mergeLimits),
                    let merged = member.value.merged(into: inner, values)
                else { return nil }
                edits.append((present.value, merged))
            } else if member.value.holdsToken, let value = member.value.json(values) {
                edits.append((present.value, value))
            }
        }
        return object.withText { text in
            Self.text(text, object.members.isEmpty, edits.sorted { $0.range.lowerBound < $1.range.lowerBound }, additions)
        }
    }

    private static func text(
        _ text: Span<UInt8>, _ isEmpty: Bool, _ edits: [(range: Range<Int>, replacement: [UInt8])], _ additions: [[UInt8]]
    ) -> [UInt8] {
        // Behind the closing brace there is white space at most.
        var end = text.count
        while end > 0, text[end &- 1] != UInt8(ascii: "}") { end &-= 1 }
        let brace = max(0, end - 1)
        // New members follow the last one, before the white space that leads to the brace.
        var insertion = brace
        while insertion > 0, [0x20, 0x09, 0x0A, 0x0D].contains(text[insertion &- 1]) { insertion &-= 1 }

        var result: [UInt8] = []
        result.reserveCapacity(text.count + 1_024)
        var position = 0
        for edit in edits {
            result += Array(copying: text.extracting(position..<edit.range.lowerBound))
            result += edit.replacement
            position = edit.range.upperBound
        }
        result += Array(copying: text.extracting(position..<insertion))
        if !isEmpty, !additions.isEmpty { result.append(UInt8(ascii: ",")) }
        result += additions.joined(separator: [UInt8(ascii: ",")])
        result += Array(copying: text.extracting(insertion...))
        return result
    }
}
