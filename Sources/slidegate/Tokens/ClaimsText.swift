import Bytes
import JOSE

/// The claims of a token to be minted, in the order they were set.
struct ClaimsText {
    /// Names with values in JSON.
    private var members: [(name: String, value: String)] = []

    func contains(_ name: String) -> Bool { members.contains { $0.name == name } }

    func integer(_ name: String) -> Int64? { members.first { $0.name == name }.flatMap { Int64($0.value) } }

    mutating func set(_ name: String, json value: String) {
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].value = value
        } else {
            members.append((name, value))
        }
    }

    mutating func set(_ name: String, _ text: String) { set(name, json: Self.quoted(text)) }

    mutating func set(_ name: String, _ number: Int64) { set(name, json: String(number)) }

    /// One as a string, several as an array, none not at all (RFC 7519 §4.1.3).
    mutating func set(_ name: String, _ texts: [String]) {
        if texts.count == 1 { set(name, texts[0]) }
        if texts.count > 1 { set(name, json: "[\(texts.map(Self.quoted).joined(separator: ","))]") }
    }

    /// Adds the members of a JSON object.
    mutating func merge(json text: String) throws(JSONError) {
        let object = try JSONObject(parsing: Array(text.utf8), limits: .keyFile)
        for member in object.members {
            set(object.name(of: member), json: object.withValue(of: member) { String(copying: $0) })
        }
    }

    /// `name=value`: the value as JSON when it is JSON, else as a string.
    mutating func set(assignment text: String) -> Bool {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else { return false }
        let name = String(text[..<equals])
        let value = String(text[text.index(after: equals)...])
        let wrapped = try? JSONObject(parsing: Array("{\"v\":\(value)}".utf8), limits: .keyFile)
        if wrapped?.members.count == 1 {
            set(name, json: value)
        } else {
            set(name, value)
        }
        return true
    }

    var json: String {
        "{\(members.map { "\(Self.quoted($0.name)):\($0.value)" }.joined(separator: ","))}"
    }

    /// RFC 8259 §7.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case _: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
