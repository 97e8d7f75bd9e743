package import Bytes

/// Writing chunked coding (RFC 9112 §7.1): for each piece of content a header, the piece, an end; then the last chunk.
extension ByteBuffer {
    /// `chunk-size CRLF`. The content and `appendChunkEnd` follow.
    ///
    /// - Precondition: `size > 0`; a chunk of size zero is the last one.
    package mutating func appendChunkHeader(size: Int) {
        precondition(size > 0, "a chunk of size zero ends the content")
        append(hexadecimal: size)
        append("\r\n")
    }

    /// The CRLF behind a chunk's content.
    /// Appends a whole chunk; `content` must not be empty.
    package mutating func appendChunk(_ content: Span<UInt8>) {
        appendChunkHeader(size: content.count)
        append(content)
        appendChunkEnd()
    }

    package mutating func appendChunkEnd() { append("\r\n") }

    /// The last chunk, with an empty trailer section.
    package mutating func appendLastChunk() { append("0\r\n\r\n") }

    /// The last chunk and a trailer section.
    ///
    /// - Parameter trailers: whole field lines with their CRLFs, as `ContentDecoder.withTrailers` lends them.
    package mutating func appendLastChunk(trailers: Span<UInt8>) {
        append("0\r\n")
        append(trailers)
        append("\r\n")
    }
}
