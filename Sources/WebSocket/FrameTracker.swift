/// Follows the frames of one direction of a WebSocket (RFC 6455 §5.2), so that whoever relays the bytes knows where a
/// frame of its own may go: between two frames, and nowhere else.
///
/// It reads headers and counts payload; nothing is kept, copied or unmasked, and what the frames mean is the endpoints' business.
/// Resumable between any two bytes. Between the fragments of a message is between frames: a control frame may go there (§5.4).
package struct FrameTracker: Sendable {
    private enum State {
        case betweenFrames
        /// Inside a header, after its first byte.
        case header(FrameHeader)
        /// So many bytes of payload are to come, more than zero.
        case payload(left: UInt64)
        /// A length that no frame has. Where the frame ends cannot be told, and where the next one begins neither.
        case lost
    }

    private var state = State.betweenFrames
    /// Whether the frame under way, or else the last one, is a close frame.
    private var isClose = false
    /// A close frame has been seen whole: its sender will send nothing more (§5.5.1).
    package private(set) var hasClosed = false

    package init() {}

    /// Whether what has been seen ends with a whole frame, or nothing has been seen.
    package var isBetweenFrames: Bool {
        if case .betweenFrames = state { true } else { false }
    }

    /// Whether a length was seen that no frame has (its most significant bit is set): it will never be between frames again.
    package var isLost: Bool {
        if case .lost = state { true } else { false }
    }

    /// Takes note of bytes that pass.
    package mutating func pass(_ bytes: Span<UInt8>) {
        var offset = 0
        while offset < bytes.count { advance(bytes, from: &offset) }
    }

    /// Takes note of bytes as far as the end of the frame under way, or of the next one if none is.
    /// - Parameter offset: moved behind the last byte noted; to the end of `bytes` when the frame goes on.
    package mutating func advance(_ bytes: Span<UInt8>, from offset: inout Int) {
        while offset < bytes.count {
            switch state {
            case .betweenFrames:
                let header = FrameHeader(firstByte: bytes[offset])
                isClose = header.isClose
                state = .header(header)
                offset &+= 1
            case .header(var header):
                let isWhole = header.append(bytes[offset])
                offset &+= 1
                guard isWhole else {
                    state = .header(header)
                    continue
                }
                guard header.isLengthValid else {
                    state = .lost
                    continue
                }
                if header.payloadLength == 0 { return endFrame() }
                state = .payload(left: header.payloadLength)
            case .payload(let left):
                let here = bytes.count &- offset
                guard left <= UInt64(here) else {
                    state = .payload(left: left &- UInt64(here))
                    offset = bytes.count
                    return
                }
                offset &+= Int(left)
                return endFrame()
            case .lost:
                offset = bytes.count
            }
        }
    }

    private mutating func endFrame() {
        state = .betweenFrames
        if isClose { hasClosed = true }
    }
}

/// A frame's header as far as it has been read (RFC 6455 §5.2): two bytes, up to eight of a longer length, four of a mask.
struct FrameHeader: Sendable {
    let isClose: Bool
    private var bytesRead: UInt8 = 1
    /// Known with the second byte.
    private var bytesDue: UInt8 = 2
    private var lengthEnd: UInt8 = 2
    private(set) var payloadLength: UInt64 = 0

    init(firstByte: UInt8) { isClose = firstByte & 0x0F == 0x8 }

    /// The most significant bit of a 64-bit length must be 0.
    var isLengthValid: Bool { payloadLength <= UInt64(Int64.max) }

    /// Takes the next byte; true when the header is whole.
    mutating func append(_ byte: UInt8) -> Bool {
        if bytesRead == 1 {
            switch byte & 0x7F {
            case 126: lengthEnd = 4
            case 127: lengthEnd = 10
            case let length: payloadLength = UInt64(length)
            }
            bytesDue = lengthEnd &+ (byte & 0x80 == 0 ? 0 : 4)
        } else if bytesRead < lengthEnd {
            payloadLength = payloadLength &<< 8 | UInt64(byte)
        }
        bytesRead &+= 1
        return bytesRead == bytesDue
    }
}
