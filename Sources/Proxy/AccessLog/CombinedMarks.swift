/// Where the pieces of a line in the combined format end that has been begun: it has gaps that what becomes of the request fills.
/// Kept behind the pieces, in four bytes.
struct CombinedMarks {
    static let bytes = 4

    /// The client's end; the user follows.
    var client: Int
    /// The end of the request line; status and length follow.
    var request: Int

    init(client: Int, request: Int) {
        self.client = client
        self.request = request
    }

    init(endOf line: Span<UInt8>) {
        let end = line.count &- Self.bytes
        client = Int(line[end]) << 8 | Int(line[end &+ 1])
        request = Int(line[end &+ 2]) << 8 | Int(line[end &+ 3])
    }
}

extension LineCursor {
    mutating func put(marks: CombinedMarks) {
        put(mark: marks.client)
        put(mark: marks.request)
    }

    private mutating func put(mark: Int) {
        put(UInt8(truncatingIfNeeded: mark >> 8))
        put(UInt8(truncatingIfNeeded: mark))
    }
}
