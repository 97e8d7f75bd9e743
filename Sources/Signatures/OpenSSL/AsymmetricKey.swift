import COpenSSL

/// An asymmetric key, public or with its private half (`EVP_PKEY`).
///
/// OpenSSL counts references and caches inside a key under a lock of its own, and nobody changes one here, so threads may
/// share it; each makes its own contexts.
final class AsymmetricKey: @unchecked Sendable {
    let pointer: OpaquePointer
    /// Whether it holds the private half.
    let isPrivate: Bool

    /// Takes over a reference to `pointer`.
    init(owning pointer: OpaquePointer, isPrivate: Bool) {
        self.pointer = pointer
        self.isPrivate = isPrivate
    }

    deinit { EVP_PKEY_free(pointer) }

    func isA(_ type: String) -> Bool { EVP_PKEY_is_a(pointer, type) == 1 }

    /// Of the modulus or the group order.
    var bits: Int { Int(EVP_PKEY_get_bits(pointer)) }

    /// The longest signature, in bytes.
    var sizeBytes: Int { Int(EVP_PKEY_get_size(pointer)) }

    /// OpenSSL's name of the curve; nil when there is none, or when it is written as explicit parameters.
    var curveName: String? {
        var name = [CChar](repeating: 0, count: 64)
        var length = 0
        guard EVP_PKEY_get_group_name(pointer, &name, name.count, &length) == 1 else {
            ErrorQueue.clear()
            return nil
        }
        return String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A number of the key (`OSSL_PKEY_PARAM_…`) in big-endian bytes, `width` of them, or as many as it needs.
    func number(_ parameter: String, width: Int? = nil) -> [UInt8]? {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(pointer, parameter, &number) == 1, let number else {
            ErrorQueue.clear()
            return nil
        }
        defer { BN_clear_free(number) }
        let count = width ?? Int(shim_BN_num_bytes(number))
        var bytes = [UInt8](repeating: 0, count: count)
        return BN_bn2binpad(number, &bytes, Int32(count)) == Int32(count) ? bytes : nil
    }

    /// Of Ed25519: 32 bytes each.
    func rawBytes(isPrivate: Bool) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 32)
        var length = bytes.count
        let result =
            isPrivate
            ? EVP_PKEY_get_raw_private_key(pointer, &bytes, &length) : EVP_PKEY_get_raw_public_key(pointer, &bytes, &length)
        guard result == 1, length == 32 else {
            ErrorQueue.clear()
            return nil
        }
        return bytes
    }
}

/// The names of an RSA key's private numbers beside `d`: macros that are put together of two literals, which Swift does
/// not import.
enum RSAParameter {
    static let p = OSSL_PKEY_PARAM_RSA_FACTOR + "1"
    static let q = OSSL_PKEY_PARAM_RSA_FACTOR + "2"
    static let dp = OSSL_PKEY_PARAM_RSA_EXPONENT + "1"
    static let dq = OSSL_PKEY_PARAM_RSA_EXPONENT + "2"
    static let qi = OSSL_PKEY_PARAM_RSA_COEFFICIENT + "1"
}
