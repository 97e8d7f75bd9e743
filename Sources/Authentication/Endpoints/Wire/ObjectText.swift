internal import JOSE

/// The text of a JSON object while it is put together, without white space. Names are for the caller to keep unique.
struct ObjectText {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func append(_ name: String, _ value: [UInt8]) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes += JSONString.quoted(name)
        bytes.append(UInt8(ascii: ":"))
        bytes += value
    }

    mutating func append(_ name: String, _ value: String) { append(name, JSONString.quoted(value)) }
    mutating func append(_ name: String, _ value: Int64) { append(name, Array(String(value).utf8)) }
    mutating func append(_ name: String, _ value: Bool) { append(name, Array((value ? "true" : "false").utf8)) }

    var finished: [UInt8] { bytes + [UInt8(ascii: "}")] }
}
