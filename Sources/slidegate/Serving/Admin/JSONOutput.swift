import JOSE

/// JSON that is put together here.
enum JSONOutput: Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    /// What is not finite is written as null: JSON has no other word for it.
    case number(Double)
    case string(String)
    /// JSON that is there already, whole and checked.
    case written([UInt8])
    case array([JSONOutput])
    /// In that order; names once each.
    case object([(name: String, value: JSONOutput)])

    /// On one line.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .boolean(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .number(let value): bytes += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let text): bytes += JSONString.quoted(text)
        case .written(let text): bytes += text
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes += JSONString.quoted(member.name)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONOutput: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
    init(dictionaryLiteral members: (String, JSONOutput)...) { self = .object(members.map { (name: $0.0, value: $0.1) }) }
    init(arrayLiteral elements: JSONOutput...) { self = .array(elements) }
    init(stringLiteral text: String) { self = .string(text) }
    init(nilLiteral: ()) { self = .null }

    init(_ number: Int) { self = .integer(Int64(number)) }
    init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }
    init(_ text: String?) { self = text.map { .string($0) } ?? .null }

    /// Counts by what they count, in the order of its names.
    init(_ counts: [String: Int]) {
        self = .object(counts.sorted { $0.key < $1.key }.map { (name: $0.key, value: JSONOutput($0.value)) })
    }
}
