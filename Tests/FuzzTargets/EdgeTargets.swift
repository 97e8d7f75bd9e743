import Authentication
import Bytes
import ProxyProtocol
import WebSocket

extension FuzzTarget {
    /// The PROXY header that a connection begins with, in both versions.
    static let proxyHeader = FuzzTarget(name: "proxy-header", seeds: { EdgeSeeds.proxyHeaders }) { (input) throws(Violation) in
        func read(_ count: Int) -> Result<ProxyHeader?, ProxyHeaderError> {
            Result { () throws(ProxyHeaderError) in try ProxyHeader.read(input.span.extracting(0..<count)) }
        }
        let whole = read(input.count)
        var known: ProxyHeader?
        for count in 0...min(input.count, ProxyHeader.bytesMax) {
            switch read(count) {
            case .success(let header?):
                try promise("a header ends behind what has arrived", header.length <= count)
                try promise("more bytes make it another header", known == nil || known == header)
                try promise("a header is read late", known != nil || header.length == count)
                known = header
            case .success(nil):
                try promise("more bytes make it unfinished", known == nil)
            case .failure:
                guard case .failure = whole, known == nil else { throw Violation("refused at \(count), but not with more") }
                return
            }
        }
        guard input.count <= ProxyHeader.bytesMax else { return }
        guard case .success(let header) = whole else { throw Violation("refused only with all bytes") }
        try promise("the last piece decides", header == known)
        guard let ends = header?.ends else { return }
        var buffer = ByteBuffer()
        ProxyHeader.append(ends, to: &buffer)
        let written = buffer.bytes()
        let reread = Result { () throws(ProxyHeaderError) in try ProxyHeader.read(written.span) }
        guard case .success(let again?) = reread else { throw Violation("what is written is not read") }
        try promise("written and read again: \(again), before: \(ends)", again.ends == ends && again.length == written.count)
    }

    /// `X-Forwarded-For` and `Forwarded` from anyone, searched with everybody trusted and with nobody; addresses in text.
    static let forwarded = FuzzTarget(name: "forwarded", seeds: { EdgeSeeds.forwarded }) { (input) throws(Violation) in
        if let address = IPAddress(input.span) {
            var buffer = ByteBuffer()
            address.append(to: &buffer)
            let text = buffer.bytes()
            try promise("an address is written too long", text.count <= IPAddress.textBytesMax)
            try promise("written and read again it is another address", IPAddress(text.span) == address)
        }
        let everybody = TrustedPeers(blocks: ["0.0.0.0/0", "::/0"].compactMap { try? AddressBlock(Array($0.utf8).span) })
        for trusted in [everybody, .nobody] {
            for isForwarded in [true, false] {
                var search = ClientSearch(from: .ipv4(0x7F00_0001))
                _ = isForwarded
                    ? search.read(forwarded: input.span, trusting: trusted) : search.read(forwardedFor: input.span, trusting: trusted)
                try promise(
                    "an element is outside of the field", 0 <= search.element.lowerBound && search.element.upperBound <= input.count)
            }
        }
        if let element = ForwardedElement(input.span) {
            for range in [element.proto, element.host].compactMap({ $0 }) {
                try promise("a parameter is outside of its element", 0 <= range.lowerBound && range.upperBound <= input.count)
            }
        }
    }

    /// One direction of a WebSocket.
    static let webSocket = FuzzTarget(name: "websocket", seeds: { EdgeSeeds.frames }) { (input) throws(Violation) in
        var whole = FrameTracker()
        whole.pass(input.span)
        for pieces in Cuts.of(input) {
            var cut = FrameTracker()
            var start = 0
            var wasLost = false
            for piece in pieces {
                cut.pass(input.span.extracting(start..<start + piece))
                start += piece
                try promise("found again after being lost", cut.isLost || !wasLost)
                wasLost = cut.isLost
            }
            try promise(
                "frames depend on how they are cut",
                cut.isBetweenFrames == whole.isBetweenFrames && cut.isLost == whole.isLost && cut.hasClosed == whole.hasClosed)
        }
        // Frame by frame: each stop but the last is between two frames, and something was noted.
        var tracker = FrameTracker()
        var offset = 0
        while offset < input.count {
            let before = offset
            tracker.advance(input.span, from: &offset)
            try promise("stands still", before < offset && offset <= input.count)
            try promise("stops inside of a frame", tracker.isBetweenFrames || offset == input.count)
        }
        try promise("frame by frame it ends elsewhere", tracker.isBetweenFrames == whole.isBetweenFrames)
        // A close frame of our own may follow wherever it is between frames, and is one.
        guard whole.isBetweenFrames else { return }
        var buffer = ByteBuffer()
        CloseFrame.sessionExpired.append(masked: 0x0102_0304, to: &buffer)
        whole.pass(buffer.bytes().span)
        try promise("our own close frame is not seen", whole.hasClosed && whole.isBetweenFrames)
    }

    /// A path: its normal form is one, says what the path says, and does not change again.
    static let path = FuzzTarget(name: "path", seeds: { EdgeSeeds.paths }) { (input) throws(Violation) in
        for normalizer in [PathNormalizer(encodedSlashes: .refuse), PathNormalizer(encodedSlashes: .keep)] {
            guard let normal = try normalForm(input, normalizer) else { continue }
            try promise("longer than before", normal.count <= max(1, input.count))
            try promise("not absolute", normal.first == 0x2F)
            for segment in normal.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false).dropLast() {
                try promise("an empty segment is left", !segment.isEmpty)
            }
            for segment in normal.split(separator: 0x2F) {
                try promise("dots are left", ![[0x2E], [0x2E, 0x2E]].contains(Array(segment)))
            }
            for escape in ["%00", "%2e", "%2E", "%41", "%7e"] {
                try promise("\(escape) is left", !normal.containsSubsequence(escape))
            }
            guard let again = try normalForm(normal, normalizer) else { throw Violation("the normal form is refused") }
            try promise("the normal form has another one", again == normal)
        }
    }

    /// nil when the path is refused.
    private static func normalForm(_ path: [UInt8], _ normalizer: PathNormalizer) throws(Violation) -> [UInt8]? {
        let before: [UInt8] = [0x2F, 0x2F]
        var buffer = ByteBuffer()
        buffer.append(before)
        let outcome = Result { () throws(PathError) in try normalizer.normalize(path.span, into: &buffer) }
        let bytes = buffer.bytes()
        try promise("what was in the buffer is damaged", bytes.starts(with: before))
        switch outcome {
        case .success(true):
            try promise("normal and changed", !normalizer.isNormal(path.span))
            return Array(bytes.dropFirst(2))
        case .success(false):
            try promise("unchanged, but appended to", bytes == before)
            return path
        case .failure:
            try promise("refused, but appended to", bytes == before)
            return nil
        }
    }
}
