import Bytes
import COpenSSL
package import JOSE

extension Key {
    /// A key in PEM (RFC 7468): PKCS #8, PKCS #1, SEC 1 or SPKI, or a certificate for its public key. With a private key
    /// among several blocks, that one counts.
    package init(pem text: [UInt8], algorithm: Algorithm, id: String? = nil) throws(KeyError) {
        guard !algorithm.isSymmetric else { throw .algorithmNeedsSecret(algorithm) }
        try self.init(PEM.key(in: text.span), algorithm: algorithm, id: id)
    }
}

/// Finds keys in PEM texts.
enum PEM {
    struct Block {
        var label: String
        /// Armour and all.
        var range: Range<Int>
    }

    static func key(in text: Span<UInt8>) throws(KeyError) -> AsymmetricKey {
        // `openssl ecparam -genkey` writes the parameters before the key, which names its curve itself.
        let blocks = blocks(in: text).filter { $0.label != "EC PARAMETERS" && $0.label != "DH PARAMETERS" }
        let privateBlocks = blocks.filter { $0.label.hasSuffix("PRIVATE KEY") }
        guard privateBlocks.count <= 1 else { throw .severalPrivateKeys }
        guard let block = privateBlocks.first ?? blocks.first else { throw .noPEMBlock }
        let bytes = Array(copying: text.extracting(block.range))
        switch block.label {
        case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
            guard !isEncrypted(bytes) else { throw .encryptedPEM }
            return AsymmetricKey(owning: try decode(bytes, block.label, selection: shim_EVP_PKEY_KEYPAIR()), isPrivate: true)
        case "PUBLIC KEY", "RSA PUBLIC KEY":
            return AsymmetricKey(owning: try decode(bytes, block.label, selection: shim_EVP_PKEY_PUBLIC_KEY()), isPrivate: false)
        case "CERTIFICATE": return AsymmetricKey(owning: try certificateKey(bytes), isPrivate: false)
        case "ENCRYPTED PRIVATE KEY": throw .encryptedPEM
        default: throw .unsupportedPEM(label: block.label)
        }
    }

    /// The blocks from `-----BEGIN label-----` to the next `-----END`, at the beginnings of lines.
    static func blocks(in text: Span<UInt8>) -> [Block] {
        let bytes = Array(copying: text)
        let (begin, end, dashes) = (Array("-----BEGIN ".utf8), Array("-----END ".utf8), Array("-----".utf8))
        var blocks: [Block] = []
        var open: (label: String, start: Int)?
        var lineStart = 0
        while lineStart < bytes.count {
            let lineEnd = bytes[lineStart...].firstIndex(of: 0x0A) ?? bytes.count
            let line = bytes[lineStart..<lineEnd]
            if line.starts(with: begin) {
                let rest = line.dropFirst(begin.count)
                let labelEnd = rest.firstIndex(of: UInt8(ascii: "-")) ?? rest.endIndex
                if rest[labelEnd...].starts(with: dashes) {
                    open = (String(decoding: rest[..<labelEnd].prefix(64), as: UTF8.self), lineStart)
                }
            } else if line.starts(with: end), let block = open {
                blocks.append(Block(label: block.label, range: block.start..<min(lineEnd + 1, bytes.count)))
                open = nil
            }
            lineStart = lineEnd + 1
        }
        return blocks
    }

    /// The encryption of before PKCS #8 stands in header lines (RFC 1421 §4.6.1.1).
    private static func isEncrypted(_ block: [UInt8]) -> Bool { String(decoding: block, as: UTF8.self).contains("ENCRYPTED") }

    private static func decode(_ block: [UInt8], _ label: String, selection: Int32) throws(KeyError) -> OpaquePointer {
        ErrorQueue.clear()
        var key: OpaquePointer?
        let context = OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", nil, nil, selection, nil, nil)
        defer { OSSL_DECODER_CTX_free(context) }
        guard let context else { throw .library(ErrorQueue.drain() ?? "OSSL_DECODER_CTX_new_for_pkey") }
        let isDecoded = block.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            var count = bytes.count
            return OSSL_DECODER_from_data(context, &start, &count) == 1
        }
        guard isDecoded, let key else {
            throw .malformedKey(label: label, detail: ErrorQueue.drain() ?? "not decodable")
        }
        return key
    }

    private static func certificateKey(_ block: [UInt8]) throws(KeyError) -> OpaquePointer {
        ErrorQueue.clear()
        let certificate = block.withUnsafeBufferPointer { bytes in
            let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
            defer { BIO_free(bio) }
            return PEM_read_bio_X509(bio, nil, nil, nil)
        }
        guard let certificate else {
            throw .malformedKey(label: "CERTIFICATE", detail: ErrorQueue.drain() ?? "not decodable")
        }
        defer { X509_free(certificate) }
        guard let key = X509_get_pubkey(certificate) else {
            throw .malformedKey(label: "CERTIFICATE", detail: ErrorQueue.drain() ?? "no public key")
        }
        return key
    }
}
