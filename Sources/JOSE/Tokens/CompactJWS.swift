import Bytes

/// JWS in compact serialization (RFC 7515 §7.1).
package enum CompactJWS {
    /// `header.payload.signature`; nil when signing fails.
    package static func sign(header: [UInt8], payload: [UInt8], signer: any TokenSigner) -> [UInt8]? {
        var token: [UInt8] = []
        token.reserveCapacity(
            Base64URL.encodedCount(header.count) + Base64URL.encodedCount(payload.count) + 2
                + Base64URL.encodedCount(signer.algorithm.signatureBytes ?? 256))
        Base64URL.append(header.span, to: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.append(payload.span, to: &token)
        guard let signature = signer.sign(token.span) else { return nil }
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature.span, to: &token)
        return token
    }

    /// A token with the header that this program writes: `alg`, `typ: JWT`, and `kid` when the key has one.
    package static func mint(claims: [UInt8], signer: any TokenSigner) -> [UInt8]? {
        var header = Array(#"{"alg":"\#(signer.algorithm.rawValue)","typ":"JWT""#.utf8)
        if let keyID = signer.keyID {
            header.append(contentsOf: Array(#","kid":"#.utf8))
            header.append(contentsOf: JSONString.quoted(keyID))
        }
        header.append(UInt8(ascii: "}"))
        return sign(header: header, payload: claims, signer: signer)
    }
}
