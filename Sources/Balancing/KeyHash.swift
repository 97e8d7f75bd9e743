/// Turns keys into numbers that are the same in every process and on every machine.
///
/// Not keyed by a secret: a client who picks the key picks the server, as it may. What matters is that all gateways
/// agree without telling each other.
package enum KeyHash {
    /// FNV-1a over the bytes, then mixed: its low bits alone are no good.
    package static func hash(_ bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in 0..<bytes.count { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        return mix(hash)
    }

    static func hash(_ text: String) -> UInt64 {
        var text = text
        text.makeContiguousUTF8()
        return hash(text.utf8.span)
    }

    /// The finalizer of SplitMix64: every bit of the result depends on every bit of `value`.
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// Weighted rendezvous hashing (Thaler and Ravishankar 1998; the weights as in Schindelhauer and Schomaker 2005).
///
/// Each server draws a number for a key, and the smallest draw takes it. A server that leaves takes its draws along and
/// changes nobody else's: only its keys move, and they come back with it. A weight that grows draws keys from all others in
/// proportion. There is nothing to build or to keep, for the price of one draw per server and request.
enum Rendezvous {
    /// The draw of a server: exponentially distributed with the weight as its rate, so that the smallest of several is
    /// this one's with the probability that is its share of the weights.
    static func draw(key: UInt64, server: UInt64, weight: Double) -> Double {
        let bits = KeyHash.mix(key ^ server) >> 11
        return -naturalLogarithm((Double(bits) + 0.5) * 0x1p-53) / weight
    }

    /// Of `0 < x < 1`, by the series of the inverse hyperbolic tangent. The standard library has none, and the C library's
    /// may differ in its last digit from machine to machine.
    static func naturalLogarithm(_ x: Double) -> Double {
        let s = (x.significand - 1) / (x.significand + 1)  // 0 ≤ s < 1/3
        let square = s * s
        var sum = 0.0
        var divisor = 19.0
        while divisor >= 1 {
            sum = sum * square + 1 / divisor
            divisor -= 2
        }
        return 2 * s * sum + Double(x.exponent) * 0.693_147_180_559_945_3
    }
}
