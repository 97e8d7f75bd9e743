import Bytes
import HTTP1

extension FuzzTarget {
    /// Requests on one connection, their content included.
    static let requests = FuzzTarget(name: "requests", seeds: { try WireSeeds.read("requests.txt") }) {
        (input) throws(Violation) in
        for case .head(let head, let framing) in try Conversation.agreed(.requests, input) {
            try checkPassedOn(head, framing)
        }
    }

    /// A request as it is passed on is one that is accepted, and that is passed on unchanged by the next gateway.
    private static func checkPassedOn(_ head: [UInt8], _ framing: ContentFraming) throws(Violation) {
        // HTTP/1.0 without an authority has no `Host`, so that what is composed above is no request.
        if head.containsSubsequence("HTTP/1.0\r\nHost: \r\n") { return }
        let again = try Conversation.events(.requests, head, pieces: [head.count], resumesHeads: false)
        guard case .head(let next, let nextFraming)? = again.first else {
            throw Violation("what is passed on is refused: \(String(copying: head.span).debugDescription): \(again)")
        }
        try promise("what is passed on changes at the next gateway", next == head && nextFraming == framing)
    }

    /// Responses to GET, to HEAD and to CONNECT, interim ones and the content included.
    static let responses = FuzzTarget(name: "responses", seeds: { try WireSeeds.read("responses.txt") }) {
        (input) throws(Violation) in
        for method in [Method.get, .head, .connect] {
            for case .head(let head, _) in try Conversation.agreed(.response(method), input) {
                let again = try Conversation.events(.response(.head), head, pieces: [head.count], resumesHeads: false)
                guard case .head(let next, _)? = again.first else {
                    throw Violation("what is passed on is refused: \(String(copying: head.span).debugDescription): \(again)")
                }
                try promise("what is passed on changes at the next gateway", next == head)
            }
        }
    }

    /// Chunked content. Written as one chunk and read again it is the same.
    static let chunkedContent = FuzzTarget(name: "chunked-content", seeds: { try WireSeeds.read("content.txt") }) {
        (input) throws(Violation) in
        let events = try Conversation.agreed(.content(.chunked), input)
        var (content, trailers, isWhole) = ([UInt8](), [UInt8](), false)
        for event in events {
            switch event {
            case .content(let bytes): content += bytes
            case .trailers(let bytes): trailers = bytes
            case .end: isWhole = true
            case .head, .refused, .unfinishedHead: break
            }
        }
        try promise("no more content than input", content.count <= input.count)
        guard isWhole else { return }
        var buffer = ByteBuffer()
        if !content.isEmpty { buffer.appendChunk(content.span) }
        buffer.appendLastChunk(trailers: trailers.span)
        let written = buffer.bytes()
        let again = try Conversation.events(.content(.chunked), written, pieces: [written.count], resumesHeads: false)
        try promise("written and read again: \(again), before: \(events)", again == events)
    }
}

extension Array<UInt8> {
    func containsSubsequence(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        return count >= wanted.count && (0...count - wanted.count).contains { self[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }
}
