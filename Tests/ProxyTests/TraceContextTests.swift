import Bytes
import Testing

@testable import Proxy

/// The vectors are those of the recommendation's own test suite (w3c/trace-context, test.py).
@Suite("Trace context (W3C Trace Context §3.2, §4.2.2)")
struct TraceContextTests {
    private func context(_ value: String) -> TraceContext? { TraceContext(Array(value.utf8).span) }

    @Test func `the parts are read`() throws {
        let read = try #require(context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        #expect(read.high == 0x4bf9_2f35_77b3_4da6 && read.low == 0xa3ce_929d_0e0e_4736)
        #expect(read.parent == 0x00f0_67aa_0ba9_02b7)
    }

    @Test(arguments: [
        "00-12345678901234567890123456789012-1234567890123456-01", "00-12345678901234567890123456789012-1234567890123456-00",
        "00-12345678901234567890123456789012-1234567890123456-ff", "cc-12345678901234567890123456789012-1234567890123456-01",
        "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "00-00000000000000000000000000000001-0000000000000001-01",
    ])
    func `what is right is taken, of later versions the beginning`(_ value: String) { #expect(context(value) != nil) }

    @Test(arguments: [
        "", "00", "00-12345678901234567890123456789012-1234567890123456-01.",
        "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-be-like",
        "ff-12345678901234567890123456789012-1234567890123456-01", ".0-12345678901234567890123456789012-1234567890123456-01",
        "0.-12345678901234567890123456789012-1234567890123456-01", "000-12345678901234567890123456789012-1234567890123456-01",
        "0000-12345678901234567890123456789012-1234567890123456-01", "0-12345678901234567890123456789012-1234567890123456-01",
        "00-00000000000000000000000000000000-1234567890123456-01", "00-.2345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901.-1234567890123456-01", "00-123456789012345678901234567890123-1234567890123456-01",
        "00-1234567890123456789012345678901-1234567890123456-01", "00-12345678901234567890123456789012-0000000000000000-01",
        "00-12345678901234567890123456789012-.234567890123456-01", "00-12345678901234567890123456789012-123456789012345.-01",
        "00-12345678901234567890123456789012-12345678901234567-01", "00-12345678901234567890123456789012-123456789012345-01",
        "00-12345678901234567890123456789012-1234567890123456-.0", "00-12345678901234567890123456789012-1234567890123456-0.",
        "00-12345678901234567890123456789012-1234567890123456-001", "00-12345678901234567890123456789012-1234567890123456-1",
        "00-ABCDEF78901234567890123456789012-1234567890123456-01", "FF-12345678901234567890123456789012-1234567890123456-01",
        "00_12345678901234567890123456789012_1234567890123456_01", "00-12345678901234567890123456789012-1234567890123456--1",
    ])
    func `what is not right is not`(_ value: String) { #expect(context(value) == nil) }

    @Test func `no cut and no byte more or other is taken for the whole`() {
        let whole = Array("00-12345678901234567890123456789012-1234567890123456-01".utf8)
        for length in 0..<whole.count {
            let cut = TraceContext(Array(whole[..<length]).span)
            #expect(cut == nil)
        }
        for place in whole.indices {
            for byte in [UInt8(0), 0x20, 0x2F, 0x3A, 0x40, 0x46, 0x47, 0x60, 0x67, 0x7F, 0xFF] {
                var changed = whole
                changed[place] = byte
                let context = TraceContext(changed.span)
                #expect(context == nil)
            }
        }
    }

    @Test func `a new trace is well formed, and no two are alike`() throws {
        var generator = TraceGenerator()
        var other = TraceGenerator()
        var seen: Set<String> = []
        for index in 0..<10_000 {
            let context = index % 2 == 0 ? generator.next() : other.next()
            var buffer = ByteBuffer()
            context.append(to: &buffer)
            let text = buffer.withSpan { String(copying: $0) }
            #expect(text.utf8.count == 55 && text.hasPrefix("00-") && text.hasSuffix("-01"))
            let read = TraceContext(Array(text.utf8).span)
            #expect(read == context)
            #expect(seen.insert(String(text.dropFirst(3).prefix(32))).inserted)
        }
    }

    @Test func `every bit of an id is set about half the time`() {
        var generator = TraceGenerator()
        var counts = [Int](repeating: 0, count: 192)
        for _ in 0..<4_000 {
            let context = generator.next()
            for (word, bits) in [context.high, context.low, context.parent].enumerated() {
                for bit in 0..<64 where bits >> UInt64(bit) & 1 == 1 { counts[64 * word + bit] += 1 }
            }
        }
        #expect(counts.allSatisfy { (1_700...2_300).contains($0) })
    }
}
