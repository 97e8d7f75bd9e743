import COpenSSL

/// The two forms of an ECDSA signature: R and S side by side, each as long as the order of the curve (RFC 7518 §3.4), and
/// the DER sequence of two integers that OpenSSL reads and writes.
enum ECDSASignature {
    static func der(fromConcatenation signature: Span<UInt8>) -> [UInt8]? {
        guard signature.count % 2 == 0, let pair = ECDSA_SIG_new() else { return nil }
        defer { ECDSA_SIG_free(pair) }
        let half = signature.count / 2
        return signature.withUnsafeBufferPointer { bytes -> [UInt8]? in
            let r = BN_bin2bn(bytes.baseAddress, Int32(half), nil)
            let s = BN_bin2bn(bytes.baseAddress.map { $0 + half }, Int32(half), nil)
            guard let r, let s, ECDSA_SIG_set0(pair, r, s) == 1 else {  // which takes both over
                BN_free(r)
                BN_free(s)
                return nil
            }
            let length = i2d_ECDSA_SIG(pair, nil)
            guard length > 0 else { return nil }
            var encoded = [UInt8](repeating: 0, count: Int(length))
            let written = encoded.withUnsafeMutableBufferPointer { output in
                var end = output.baseAddress
                return i2d_ECDSA_SIG(pair, &end)
            }
            return written == length ? encoded : nil
        }
    }

    static func concatenation(fromDER encoded: [UInt8], coordinateBytes: Int) -> [UInt8]? {
        let pair = encoded.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            return d2i_ECDSA_SIG(nil, &start, bytes.count)
        }
        guard let pair else { return nil }
        defer { ECDSA_SIG_free(pair) }
        let width = Int32(coordinateBytes)
        var signature = [UInt8](repeating: 0, count: 2 * coordinateBytes)
        let isDone = signature.withUnsafeMutableBufferPointer { output in
            BN_bn2binpad(ECDSA_SIG_get0_r(pair), output.baseAddress, width) == width
                && BN_bn2binpad(ECDSA_SIG_get0_s(pair), output.baseAddress.map { $0 + coordinateBytes }, width) == width
        }
        return isDone ? signature : nil
    }
}
