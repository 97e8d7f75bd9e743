import Bytes
import Testing
import WebSocket

/// A frame to test with, and where it ends.
func frame(
    opcode: UInt8, isFinal: Bool = true, mask: [UInt8]? = nil, length: Int, lengthBytes: Int? = nil
) -> [UInt8] {
    var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
    let masked: UInt8 = mask == nil ? 0 : 0x80
    switch lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8) {
    case 0: bytes.append(masked | UInt8(length))
    case 2: bytes += [masked | 126, UInt8(length >> 8), UInt8(length & 0xFF)]
    default: bytes += [masked | 127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
    }
    bytes += mask ?? []
    return bytes + (0..<length).map { UInt8(truncatingIfNeeded: $0) }
}

/// Where frames end in `bytes`, as a tracker finds it when they come in pieces of at most `size`.
func boundaries(_ bytes: [UInt8], inPiecesOf size: Int) -> [Int] {
    var tracker = FrameTracker()
    var found: [Int] = []
    var start = 0
    while start < bytes.count {
        let piece = Array(bytes[start..<min(start + size, bytes.count)])
        var offset = 0
        while offset < piece.count {
            tracker.advance(piece.span, from: &offset)
            if tracker.isBetweenFrames { found.append(start + offset) }
        }
        start += piece.count
    }
    return found
}

@Suite("Frames (RFC 6455 §5.2)")
struct FrameTrackerTests {
    /// RFC 6455 §5.7, in its order.
    static let examples: [(name: String, bytes: [UInt8])] = [
        ("a single-frame unmasked text message", [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]),
        ("a single-frame masked text message", [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]),
        ("a first fragment", [0x01, 0x03, 0x48, 0x65, 0x6C]),
        ("a last fragment", [0x80, 0x02, 0x6C, 0x6F]),
        ("an unmasked ping", [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]),
        ("a masked pong", [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]),
        ("256 bytes of binary", frame(opcode: 2, length: 256)),
        ("64 KiB of binary", frame(opcode: 2, length: 65_536)),
    ]

    @Test(arguments: examples.map(\.name))
    func `an example of the specification ends where it ends, and nowhere before`(_ name: String) throws {
        let bytes = try #require(Self.examples.first { $0.name == name }).bytes
        for size in [1, 2, 3, 7, bytes.count] {
            #expect(boundaries(bytes, inPiecesOf: size) == [bytes.count], "in pieces of \(size)")
        }
    }

    @Test func `frames behind each other end one by one, wherever the stream is cut`() {
        let all = Self.examples.dropLast().map(\.bytes)
        let stream = all.flatMap { $0 }
        let ends = all.reduce(into: [Int]()) { $0.append(($0.last ?? 0) + $1.count) }
        for size in 1...stream.count { #expect(boundaries(stream, inPiecesOf: size) == ends, "in pieces of \(size)") }
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 65_537], [nil, [1, 2, 3, 4]] as [[UInt8]?])
    func `every form of length is read, masked or not`(_ length: Int, _ mask: [UInt8]?) {
        let bytes = frame(opcode: 2, mask: mask, length: length)
        #expect(boundaries(bytes + [0x8A, 0x00], inPiecesOf: 4096) == [bytes.count, bytes.count + 2])
    }

    @Test(arguments: [2, 8])
    func `a length in a longer form than it needs is counted like any other`(_ lengthBytes: Int) {
        let bytes = frame(opcode: 1, length: 5, lengthBytes: lengthBytes)
        #expect(boundaries(bytes, inPiecesOf: 1) == [bytes.count])
    }

    @Test func `nothing is inside a frame before the first one`() {
        let tracker = FrameTracker()
        #expect(tracker.isBetweenFrames)
        #expect(!tracker.hasClosed)
    }

    @Test func `between two fragments is between frames; inside a control frame among them is not`() {
        var tracker = FrameTracker()
        let first = frame(opcode: 1, isFinal: false, length: 3)
        tracker.pass(first.span)
        #expect(tracker.isBetweenFrames)
        let ping = frame(opcode: 9, length: 4)
        tracker.pass(ping.span.extracting(0..<3))
        #expect(!tracker.isBetweenFrames)
        tracker.pass(ping.span.extracting(3...))
        #expect(tracker.isBetweenFrames)
    }

    @Test func `a tracker stops behind the frame under way and leaves what follows`() {
        var tracker = FrameTracker()
        let bytes = frame(opcode: 2, length: 10) + frame(opcode: 2, length: 20)
        tracker.pass(bytes.span.extracting(0..<5))
        var offset = 5
        tracker.advance(bytes.span, from: &offset)
        #expect(offset == 12)
        #expect(tracker.isBetweenFrames)
    }

    // MARK: Close

    @Test(arguments: [0, 2, 125])
    func `a close frame counts once it is whole`(_ length: Int) {
        let bytes = frame(opcode: 8, mask: [9, 9, 9, 9], length: length)
        for end in 0..<bytes.count {
            var tracker = FrameTracker()
            tracker.pass(bytes.span.extracting(0..<end))
            #expect(!tracker.hasClosed, "after \(end) bytes")
        }
        var tracker = FrameTracker()
        tracker.pass(bytes.span)
        #expect(tracker.hasClosed)
    }

    @Test(arguments: [0, 1, 2, 9, 10, 15] as [UInt8])
    func `other frames do not close, whatever they carry`(_ opcode: UInt8) {
        var tracker = FrameTracker()
        let bytes = [0x80 | opcode, 4, 0x88, 0x02, 0x03, 0xE8] as [UInt8]
        tracker.pass(bytes.span)
        #expect(!tracker.hasClosed)
        #expect(tracker.isBetweenFrames)
    }

    @Test func `the reserved bits do not hide a close frame`() {
        var tracker = FrameTracker()
        let bytes: [UInt8] = [0xF8, 0x00]
        tracker.pass(bytes.span)
        #expect(tracker.hasClosed)
    }

    // MARK: Hostile lengths

    @Test func `the largest length is waited for, not computed with`() {
        var tracker = FrameTracker()
        let header: [UInt8] = [0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
        tracker.pass(header.span)
        let payload = [UInt8](repeating: 0x88, count: 100_000)
        tracker.pass(payload.span)
        #expect(!tracker.isBetweenFrames)
        #expect(!tracker.isLost)
        #expect(!tracker.hasClosed)
    }

    @Test(arguments: [[0x80, 0, 0, 0, 0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]])
    func `with a length that no frame has, the boundaries are lost for good`(_ length: [UInt8]) {
        for size in [1, 64] {
            let bytes = [0x82, 0x7F] + length + [0x88, 0x00, 0x88, 0x00]
            #expect(boundaries(bytes, inPiecesOf: size) == [])
        }
        var tracker = FrameTracker()
        let bytes = [0x82, 0x7F] + length
        tracker.pass(bytes.span)
        #expect(tracker.isLost)
        #expect(!tracker.hasClosed)
    }

    @Test func `any bytes at all are followed without a trap, and alike in any pieces`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 1...200, using: &generator)).map { _ in
                [0x00, 0x7E, 0x7F, 0x80, 0x88, 0xFE, 0xFF, UInt8.random(in: 0...255, using: &generator)].randomElement(using: &generator)!
            }
            let whole = boundaries(bytes, inPiecesOf: bytes.count)
            #expect(boundaries(bytes, inPiecesOf: 1) == whole, "\(bytes)")
            #expect(boundaries(bytes, inPiecesOf: 3) == whole, "\(bytes)")
        }
    }
}

@Suite("Close frames of the gateway's own (RFC 6455 §5.5.1)")
struct CloseFrameTests {
    static func bytes(_ frame: CloseFrame, mask: UInt32? = nil) -> [UInt8] {
        var buffer = ByteBuffer()
        if let mask { frame.append(masked: mask, to: &buffer) } else { frame.append(to: &buffer) }
        return buffer.bytes()
    }

    @Test func `the session's end is 1008 with a reason`() {
        let bytes = Self.bytes(.sessionExpired)
        #expect(bytes == [0x88, 17, 0x03, 0xF0] + Array("session expired".utf8))
    }

    @Test func `going away is 1001`() {
        #expect(Array(Self.bytes(.goingAway).prefix(4)) == [0x88, 12, 0x03, 0xE9])
    }

    @Test func `to a server it is masked, and unmasked it says the same`() {
        let masked = Self.bytes(.sessionExpired, mask: 0x37FA_213D)
        #expect(Array(masked.prefix(6)) == [0x88, 0x80 | 17, 0x37, 0xFA, 0x21, 0x3D])
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        let payload = masked.dropFirst(6).enumerated().map { $1 ^ key[$0 % 4] }
        #expect(payload == Array(Self.bytes(.sessionExpired).dropFirst(2)))
    }

    @Test(arguments: [nil, 1] as [UInt32?])
    func `a tracker takes it for a whole close frame`(_ mask: UInt32?) {
        for frame in [CloseFrame.sessionExpired, .revoked, .goingAway, .idle] {
            var tracker = FrameTracker()
            let bytes = Self.bytes(frame, mask: mask)
            tracker.pass(bytes.span)
            #expect(tracker.hasClosed)
            #expect(bytes.count <= 2 + 4 + 125)
        }
    }
}
