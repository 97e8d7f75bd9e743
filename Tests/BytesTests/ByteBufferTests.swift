import Testing

@testable import Bytes

@Suite("A byte buffer")
struct ByteBufferTests {
    @Test func `keeps what is appended in order, however it grows`() {
        var buffer = ByteBuffer()
        var expected: [UInt8] = []
        for round in 0..<200 {
            let piece = [UInt8](repeating: UInt8(round), count: round % 37)
            buffer.append(piece)
            expected += piece
            if round % 3 == 0 {
                let taken = min(round % 11, buffer.count)
                buffer.removeFirst(taken)
                expected.removeFirst(taken)
            }
        }
        #expect(buffer.bytes() == expected)
    }

    @Test func `owns no storage until something is appended, nor after release`() {
        var buffer = ByteBuffer()
        #expect(buffer.capacity == 0)
        buffer.append("x")
        #expect(buffer.capacity > 0)
        buffer.release()
        #expect(buffer.capacity == 0)
        let left = buffer.count
        #expect(left == 0)
    }

    @Test(arguments: [0, 7, 9, 10, 99, 100, 255, 999, 1_000, 65_535, Int.max, -1, -12, Int.min])
    func `writes decimals as the standard library does`(_ value: Int) {
        var buffer = ByteBuffer()
        buffer.append(decimal: value)
        #expect(buffer.bytes() == Array(String(value).utf8))
    }

    @Test(arguments: [0, 1, 15, 16, 255, 256, 65_536, Int.max])
    func `writes hexadecimals as the standard library does`(_ value: Int) {
        var buffer = ByteBuffer()
        buffer.append(hexadecimal: value)
        #expect(buffer.bytes() == Array(String(value, radix: 16).utf8))
    }
}

@Suite("Bytes read as ASCII")
struct SpanASCIITests {
    @Test(arguments: ["", "-1", "+1", " 1", "1 ", "0x1", "1a", "1234567890123456789", "١"])
    func `a decimal is 1*DIGIT within range and nothing else`(_ text: String) {
        #expect(Array(text.utf8).span.decimal() == nil)
    }

    @Test func `a comparison in constant time sees every bit`() {
        for count in 0...40 {
            let bytes = (0..<count).map { UInt8($0) }
            var other = bytes
            let isSame = bytes.span.isEqualInConstantTime(to: other.span)
            #expect(isSame)
            for index in 0..<count {
                for bit in 0..<8 {
                    other[index] ^= 1 << UInt8(bit)
                    let isEqual = bytes.span.isEqualInConstantTime(to: other.span)
                    #expect(!isEqual)
                    other[index] ^= 1 << UInt8(bit)
                }
            }
            other.append(0)
            let isEqual = bytes.span.isEqualInConstantTime(to: other.span)
            #expect(!isEqual)
        }
    }

    @Test(arguments: [("0", 0), ("007", 7), ("999999999999999999", 999_999_999_999_999_999)])
    func `a decimal is read exactly`(_ text: String, _ value: Int) {
        #expect(Array(text.utf8).span.decimal() == value)
    }

    @Test func `equality looks at every byte at every length`() {
        for length in 0..<40 {
            let bytes = [UInt8](repeating: 7, count: length)
            let isEqualToItself = bytes.span.elementsEqual(bytes.span)
            #expect(isEqualToItself)
            for index in 0..<length {
                var other = bytes
                other[index] ^= 1
                let isEqual = bytes.span.elementsEqual(other.span)
                #expect(!isEqual)
            }
        }
    }

    @Test func `only A to Z change case`() {
        for byte in UInt8.min...UInt8.max {
            let scalar = Character(UnicodeScalar(byte))
            let expected = byte < 128 ? scalar.lowercased().utf8.first! : byte
            #expect(byte.asciiLowercased == expected)
        }
    }
}
