extension MutableSpan<UInt8> {
    /// Writes `word` to the eight bytes from `offset` on, the most significant first; one bounds check and one store.
    @inlinable @inline(__always)
    package mutating func storeBigEndian(_ word: UInt64, at offset: Int) {
        precondition(offset >= 0 && offset &+ 8 <= count, "a word beyond the end of the span")
        // Any bytes may be written into integers of one byte.
        var bytes = unsafe mutableBytes
        bytes.storeBytes(of: word.bigEndian, toByteOffset: offset, as: UInt64.self)
    }
}
