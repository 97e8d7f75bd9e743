/// One field line of a head (RFC 9112 §5), as offsets into the span that the head was parsed from.
package struct FieldLine: Sendable {
    /// The name as sent.
    package var name: ByteRange
    /// The value without the whitespace around it.
    package var value: ByteRange
    /// The whole line with its CRLF. Neighbours touch: one line's end is the next one's start.
    package var line: ByteRange
    /// `canonicalHash` of the name.
    package var canonicalHash: UInt32
    package var id: FieldName
    /// Dropped lines stay in the section, but the serializer leaves them out.
    package var isDropped: Bool
}
