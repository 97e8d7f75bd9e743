import Bytes
import HTTP1

/// What is asked of the administration listener, by someone who has been let in.
struct AdminRequest {
    /// `GET` for `HEAD` too.
    var method: String
    var path: String
    /// Without `?`.
    var query: [UInt8]
    var content: [UInt8]

    /// One session, some tokens.
    static let contentBytesMax = 16 << 10
}

extension AdminRequest {
    /// The parameters of the query (URL standard §5), which have to be among `known`, and each there once.
    func parameters(_ known: Set<String>) throws(AdminFault) -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]), let value = Self.decoded(parts.count > 1 ? parts[1] : []) else {
                throw AdminFault("the query is not percent-encoded UTF-8")
            }
            guard known.contains(name) else {
                throw AdminFault("there is no such parameter; there is: \(known.sorted().joined(separator: " "))")
            }
            guard parameters.updateValue(value, forKey: name) == nil else { throw AdminFault("\(name) is there twice") }
        }
        return parameters
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst()?.hexadecimalValue, let low = rest.popFirst()?.hexadecimalValue else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A request that makes no sense, in one sentence.
struct AdminFault: Error {
    var detail: String

    init(_ detail: String) { self.detail = detail }
}
