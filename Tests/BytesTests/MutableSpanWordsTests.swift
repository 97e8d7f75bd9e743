import Bytes
import Testing

@Suite("Writing words")
struct MutableSpanWordsTests {
    @Test(arguments: 0...4)
    func `a word is written with its most significant byte first, and nothing beside it`(_ offset: Int) {
        var bytes = [UInt8](repeating: 0xAA, count: 12)
        var span = bytes.mutableSpan
        span.storeBigEndian(0x0102_0304_0506_0708, at: offset)
        var expected = [UInt8](repeating: 0xAA, count: 12)
        for index in 0..<8 { expected[offset + index] = UInt8(index + 1) }
        #expect(bytes == expected)
    }
}
