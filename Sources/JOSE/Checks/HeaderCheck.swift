import Bytes

extension TokenVerifier {
    /// Refuses headers that change what the token means: extensions that must be understood (`crit`, RFC 7515 §4.1.11),
    /// unencoded payloads (`b64`, RFC 7797 §3), encryption, compression and nesting (RFC 7519 §5.2), and tokens of
    /// another kind (`typ`, RFC 8725 §3.11).
    ///
    /// `jku`, `jwk`, `x5u`, `x5c`, `x5t` and unknown parameters are not looked at: keys come from the configuration.
    func checkHeader(_ header: JOSEHeader) throws(TokenRefusal) {
        let parameters = header.parameters
        guard parameters.member(.critical) == nil else { throw .criticalHeader }
        if let base64 = parameters.member(.base64) {
            guard let isEncoded = parameters.boolean(of: base64) else { throw .wrongType(.base64) }
            guard isEncoded else { throw .unencodedPayload }
        }
        for name in [TokenMember.encryption, .compression] where parameters.member(name) != nil {
            throw .unsupportedHeader(name)
        }
        if let contentType = parameters.member(.contentType) {
            guard let value = parameters.string(of: contentType) else { throw .wrongType(.contentType) }
            guard Self.mediaSubtype(value) != "jwt" else { throw .unsupportedHeader(.contentType) }
        }
        if let type = parameters.member(.type) {
            guard let value = parameters.string(of: type) else { throw .wrongType(.type) }
            guard types.contains(Array(Self.mediaSubtype(value).utf8)) else { throw .unacceptedType }
        }
    }

    /// In lower case and without `application/`, which may be left out (RFC 7515 §4.1.9).
    private static func mediaSubtype(_ value: String) -> String {
        // Not `lowercased()`: some letters outside of ASCII become ASCII letters by it, like the Kelvin sign.
        let folded = String(decoding: value.utf8.map(\.asciiLowercased), as: UTF8.self)
        let prefix = "application/"
        return folded.hasPrefix(prefix) ? String(folded.dropFirst(prefix.count)) : folded
    }
}
