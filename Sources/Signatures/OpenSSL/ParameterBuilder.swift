import COpenSSL

/// Collects the numbers of a key and makes the key of them (`OSSL_PARAM_BLD`, `EVP_PKEY_fromdata`).
final class ParameterBuilder {
    private let builder = OSSL_PARAM_BLD_new()
    /// OpenSSL copies them only when the parameters are made.
    private var numbers: [OpaquePointer] = []
    private var octets: [Secret] = []
    /// The parameters point at their names.
    private var names: [UnsafeMutablePointer<CChar>] = []
    private var isComplete = true

    deinit {
        OSSL_PARAM_BLD_free(builder)
        for number in numbers { BN_clear_free(number) }
        for name in names { name.deallocate() }
    }

    func push(_ name: String, number bytes: [UInt8]) {
        guard let number = BN_bin2bn(bytes, Int32(clamping: bytes.count), nil) else {
            isComplete = false
            return
        }
        numbers.append(number)
        if OSSL_PARAM_BLD_push_BN(builder, kept(name), number) != 1 { isComplete = false }
    }

    func push(_ name: String, text: String) {
        let name = kept(name)
        push(bytes: Array(text.utf8), with: { OSSL_PARAM_BLD_push_utf8_string($0, name, $1, $2) })
    }

    func push(_ name: String, octets bytes: [UInt8]) {
        let name = kept(name)
        push(bytes: bytes, with: { OSSL_PARAM_BLD_push_octet_string($0, name, $1, $2) })
    }

    private func kept(_ name: String) -> UnsafePointer<CChar> {
        let characters = name.utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: characters.count)
        for (offset, character) in characters.enumerated() { (copy + offset).initialize(to: character) }
        names.append(copy)
        return UnsafePointer(copy)
    }

    private func push(
        bytes: [UInt8], with call: (OpaquePointer?, UnsafePointer<CChar>?, Int) -> Int32
    ) {
        let kept = Secret(bytes)
        octets.append(kept)
        let isPushed = kept.withSpan { span in
            span.withUnsafeBytes { call(builder, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count) == 1 }
        }
        if !isPushed { isComplete = false }
    }

    /// - Parameter type: OpenSSL's name: `RSA`, `EC`.
    func key(_ type: String, isPrivate: Bool) throws(KeyError) -> AsymmetricKey {
        ErrorQueue.clear()
        guard isComplete, let parameters = OSSL_PARAM_BLD_to_param(builder) else {
            throw .library(ErrorQueue.drain() ?? "OSSL_PARAM_BLD")
        }
        defer { OSSL_PARAM_free(parameters) }
        let context = EVP_PKEY_CTX_new_from_name(nil, type, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        let selection = isPrivate ? shim_EVP_PKEY_KEYPAIR() : shim_EVP_PKEY_PUBLIC_KEY()
        guard let context, EVP_PKEY_fromdata_init(context) == 1,
            EVP_PKEY_fromdata(context, &key, selection, parameters) == 1, let key
        else { throw .malformedKey(label: "JWK", detail: ErrorQueue.drain() ?? "EVP_PKEY_fromdata") }
        return AsymmetricKey(owning: key, isPrivate: isPrivate)
    }
}
