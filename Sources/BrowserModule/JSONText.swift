import JOSE

/// JSON that is put together here, on one line.
indirect enum JSONText: Sendable, Equatable {
    case null
    case string(String)
    case array([JSONText])
    case object([Member])

    struct Member: Sendable, Equatable {
        let name: String
        let value: JSONText

        init(_ name: String, _ value: JSONText) {
            self.name = name
            self.value = value
        }

        var text: String { "\(JSONText.string(name).text): \(value.text)" }
    }

    var text: String {
        switch self {
        case .null: "null"
        case .string(let text): String(decoding: JSONString.quoted(text), as: UTF8.self)
        case .array(let elements): "[\(elements.map(\.text).joined(separator: ", "))]"
        case .object(let members): members.isEmpty ? "{}" : "{ \(members.map(\.text).joined(separator: ", ")) }"
        }
    }
}

extension [JSONText.Member] {
    mutating func add(_ name: String, _ value: JSONText) { append(JSONText.Member(name, value)) }

    /// `null` where there is none, which says more than silence: that would mean the default.
    mutating func add(_ name: String, _ text: String?) { add(name, text.map { .string($0) } ?? .null) }
}
