/// One HTTP/1.1 message as it stood on the wire, read by the test's own reader: nothing is folded, merged or normalised.
struct Message: Sendable {
    struct Field: Sendable, Equatable {
        let name: String
        let value: String
    }

    let startLine: String
    let fields: [Field]
    /// The head's bytes from the start line to the empty line, both included.
    let head: [UInt8]
    /// Content, with any transfer coding taken off.
    var body: [UInt8] = []
    var trailers: [Field] = []
    /// How the content's end was marked.
    var framing: Framing = .none

    enum Framing: Equatable, Sendable {
        case none
        case length(Int)
        case chunked
        case untilClose
    }

    /// The first field of that name in any case.
    subscript(name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    func values(of name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The members of a list-valued field, over all its lines.
    func members(of name: String) -> [String] {
        values(of: name).flatMap { $0.split(separator: ",") }.map { $0.trimmed }
    }

    func has(_ name: String) -> Bool { self[name] != nil }

    var text: String { String(latin1: body) }
    var headText: String { String(latin1: head) }

    // Of a request.
    var method: String { String(startLine.split(separator: " ", omittingEmptySubsequences: false)[0]) }
    var target: String {
        let parts = startLine.split(separator: " ", omittingEmptySubsequences: false)
        return parts.count > 1 ? String(parts[1]) : ""
    }

    // Of a response.
    var status: Int {
        let parts = startLine.split(separator: " ", omittingEmptySubsequences: false)
        return parts.count > 1 ? Int(parts[1]) ?? -1 : -1
    }
    var isInterim: Bool { (100..<200).contains(status) && status != 101 }
}

extension String {
    /// One scalar a byte, so that any bytes read as some text and lengths agree.
    init(latin1 bytes: some Sequence<UInt8>) {
        var scalars = String.UnicodeScalarView()
        for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
        self.init(scalars)
    }

    /// The bytes of text whose scalars are all below 256.
    var latin1: [UInt8] { unicodeScalars.map { UInt8($0.value) } }
}

extension StringProtocol {
    var trimmed: String {
        var rest = Substring(self)
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
