package import Bytes

/// A close frame of the gateway's own (RFC 6455 §5.5.1): a status code, and a reason that developers read in `CloseEvent.reason`.
package struct CloseFrame: Sendable {
    /// RFC 6455 §7.4.1
    package let code: UInt16
    /// ASCII, at most 123 bytes: a control frame carries 125 (§5.5).
    package let reason: StaticString

    /// 1008, policy violation: the session that the connection was opened under has come to its end.
    package static let sessionExpired = CloseFrame(code: 1008, reason: "session expired")
    /// 1008 as well: the session, or the token that the connection was opened with, has been revoked.
    package static let revoked = CloseFrame(code: 1008, reason: "revoked")
    /// 1001, going away: the gateway stops; the client may connect again at once.
    package static let goingAway = CloseFrame(code: 1001, reason: "going away")
    /// 1001 as well, for want of a code of its own: neither side has sent anything for long.
    package static let idle = CloseFrame(code: 1001, reason: "idle timeout")

    /// Appends the frame as a server sends it.
    package func append(to buffer: inout ByteBuffer) {
        buffer.append(0x88)
        buffer.append(UInt8(payloadLength))
        buffer.append(UInt8(code >> 8))
        buffer.append(UInt8(code & 0xFF))
        buffer.append(reason)
    }

    /// Appends the frame as a client sends it, masked (§5.3).
    /// - Parameter mask: not to be foreseen by whoever may choose what else the connection carries.
    package func append(masked mask: UInt32, to buffer: inout ByteBuffer) {
        buffer.append(0x88)
        buffer.append(0x80 | UInt8(payloadLength))
        for index in 0..<4 { buffer.append(Self.maskByte(index, mask)) }
        var frame = ByteBuffer(capacity: 128)
        append(to: &frame)
        frame.withSpan { frame in
            for index in 0..<payloadLength { buffer.append(frame[2 &+ index] ^ Self.maskByte(index, mask)) }
        }
    }

    private var payloadLength: Int { 2 + reason.utf8CodeUnitCount }

    private static func maskByte(_ index: Int, _ mask: UInt32) -> UInt8 {
        UInt8(truncatingIfNeeded: mask >> UInt32(24 &- 8 &* (index & 3)))
    }
}
