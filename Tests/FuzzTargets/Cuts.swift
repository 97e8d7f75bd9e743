/// Ways to cut an input into the pieces it arrives in, always the same for the same input, so that a failure repeats.
enum Cuts {
    /// Byte by byte, and three draws of pieces of up to 20 or 200 bytes. Long inputs are spared the first, whose cost is their
    /// square.
    static func of(_ input: [UInt8]) -> [[Int]] {
        var random = Draw(input)
        var cuts = (0..<3).map { round in
            var pieces: [Int] = []
            var left = input.count
            while left > 0 {
                let piece = min(left, 1 + Int(random.next() % (round == 0 ? 200 : 20)))
                pieces.append(piece)
                left -= piece
            }
            return pieces
        }
        if input.count <= 600 { cuts.append([Int](repeating: 1, count: input.count)) }
        return cuts
    }
}

/// Numbers drawn from an input (FNV-1a, then SplitMix64).
struct Draw: RandomNumberGenerator {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    init(_ input: [UInt8]) {
        for byte in input { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
