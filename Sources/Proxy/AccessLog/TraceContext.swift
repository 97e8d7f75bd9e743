import Bytes

/// The position of a request in a trace, as `traceparent` tells it (W3C Trace Context, §3.2).
struct TraceContext: Equatable {
    static let version00Bytes = 55

    /// `trace-id`; never all zero.
    var high: UInt64
    var low: UInt64
    /// `parent-id`; never zero.
    var parent: UInt64

    init(high: UInt64, low: UInt64, parent: UInt64) {
        self.high = high
        self.low = low
        self.parent = parent
    }

    /// Nil when the field's value is not right, or of a version that nobody can read. Of versions to come, what §4.2.2 says may be
    /// relied on: that they begin as this one does.
    init?(_ value: Span<UInt8>) {
        guard value.count >= Self.version00Bytes, let version = Self.number(value, 0..<2), version != 0xFF,
            version != 0 || value.count == Self.version00Bytes,
            value[2] == 0x2D, value[35] == 0x2D, value[52] == 0x2D, value.count == Self.version00Bytes || value[55] == 0x2D,
            let high = Self.number(value, 3..<19), let low = Self.number(value, 19..<35), high | low != 0,
            let parent = Self.number(value, 36..<52), parent != 0, Self.number(value, 53..<55) != nil
        else { return nil }
        self.init(high: high, low: low, parent: parent)
    }

    /// Hexadecimal digits in lower case, sixteen at most.
    private static func number(_ value: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var number: UInt64 = 0
        for index in range {
            let byte = value[index]
            let digit: UInt8
            if byte.isASCIIDigit {
                digit = byte &- 0x30
            } else if byte &- 0x61 < 6 {
                digit = byte &- 0x57
            } else {
                return nil
            }
            number = number << 4 | UInt64(digit)
        }
        return number
    }

    /// Appends the value of `traceparent`, version 00. `sampled` is set: there is something recorded of the request, its line.
    func append(to buffer: inout ByteBuffer) {
        unsafe buffer.withSpareCapacity(minimum: Self.version00Bytes) { memory in
            var cursor = LineCursor(memory)
            cursor.put("00-")
            cursor.put(hexadecimal: high)
            cursor.put(hexadecimal: low)
            cursor.put(0x2D)
            cursor.put(hexadecimal: parent)
            cursor.put("-01")
            return cursor.count
        }
    }
}

/// Makes up the ids of new traces: a worker's own xoshiro256++, seeded by the system. The ids are to differ, and nothing is
/// allowed by them, so it need not withstand somebody who would guess them.
struct TraceGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init() {
        var system = SystemRandomNumberGenerator()
        // All zero would stay so.
        state = (system.next(), system.next(), system.next(), system.next() | 1)
    }

    mutating func next() -> TraceContext {
        while true {
            let context = TraceContext(high: word(), low: word(), parent: word())
            if context.high | context.low != 0, context.parent != 0 { return context }
        }
    }

    private mutating func word() -> UInt64 {
        func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 { word &<< count | word &>> (64 &- count) }
        let result = rotated(state.0 &+ state.3, 23) &+ state.0
        let shifted = state.1 &<< 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotated(state.3, 45)
        return result
    }
}
