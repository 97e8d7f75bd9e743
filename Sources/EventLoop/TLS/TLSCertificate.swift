import COpenSSL
import Glibc

/// A certificate, what leads up from it to an authority, and its private key: read, and known to belong together.
///
/// OpenSSL counts references and caches inside under locks of its own, and nobody changes anything here, so that threads
/// may share it.
package final class TLSCertificate: @unchecked Sendable {
    let leaf: OpaquePointer
    let intermediates: [OpaquePointer]
    let key: OpaquePointer
    /// The host names that it holds for, in lower case: the subject alternative names, or the common name where there are
    /// none.
    package let names: [String]
    /// OpenSSL's name of the key's kind: `RSA`, `EC`, `ED25519`.
    package let keyType: String
    /// Seconds since 1970.
    package let notBefore: Int64
    package let notAfter: Int64
    /// In the form of RFC 4514.
    package let subject: String
    /// An OCSP response about it, in DER, to be sent along.
    package private(set) var staple: OCSPStaple?

    /// - Parameters:
    ///   - chain: PEM; the certificate first, then each one's issuer. The root may be left out.
    ///   - key: PEM, not encrypted. May be the same text.
    package init(chain: [UInt8], key keyText: [UInt8]) throws(TLSSetupError) {
        let certificates = try PEMText.certificates(in: chain)
        guard let leaf = certificates.first else { throw .noCertificate }
        self.leaf = leaf
        intermediates = Array(certificates.dropFirst())
        subject = X509Name.text(X509_get_subject_name(leaf))
        names = X509Name.hostNames(of: leaf)
        notBefore = X509Name.seconds(X509_get0_notBefore(leaf))
        notAfter = X509Name.seconds(X509_get0_notAfter(leaf))
        do {
            key = try PEMText.privateKey(in: keyText)
        } catch {
            for certificate in certificates { X509_free(certificate) }
            throw error
        }
        keyType = String(cString: EVP_PKEY_get0_type_name(key))
        guard X509_check_private_key(leaf, key) != 1 else { return }
        ERR_clear_error()
        if let other = intermediates.firstIndex(where: { X509_check_private_key($0, key) == 1 }) {
            throw .wrongOrder(leaf: other + 2)
        }
        ERR_clear_error()
        throw .keyMismatch(subject: subject)
    }

    deinit {
        X509_free(leaf)
        for certificate in intermediates { X509_free(certificate) }
        EVP_PKEY_free(key)
    }

    /// Whether each certificate of the file was issued by the one after it.
    package var isOrdered: Bool {
        zip([leaf] + intermediates, intermediates).allSatisfy { X509_check_issued($1, $0) == X509_V_OK }
    }

    /// The issuer, where the file has it.
    var issuer: OpaquePointer? { intermediates.first { X509_check_issued($0, leaf) == X509_V_OK } }

    /// Takes an OCSP response in DER. Before the certificate is put to use: afterwards nobody may change it.
    package func attach(staple der: [UInt8], now: Int64) throws(TLSSetupError) {
        staple = try OCSPStaple(der, for: self, now: now)
    }

    /// Makes `context` present this certificate, beside others of other kinds of keys.
    func install(in context: OpaquePointer) throws(TLSSetupError) {
        ERR_clear_error()
        let chain = shim_sk_X509_new_null()
        defer { shim_sk_X509_free(chain) }
        for certificate in intermediates { _ = shim_sk_X509_push(chain, certificate) }
        guard SSL_CTX_use_cert_and_key(context, leaf, key, chain, 1) == 1 else {
            throw .unsuitable(ErrorQueue.drain() ?? "SSL_CTX_use_cert_and_key")
        }
    }
}

/// Reads certificates and keys out of PEM text (RFC 7468).
enum PEMText {
    /// Far above any chain; a file with more was named by mistake.
    private static let certificatesMax = 1_000

    /// All of them, each with a reference of the caller's.
    static func certificates(in text: [UInt8]) throws(TLSSetupError) -> [OpaquePointer] {
        ERR_clear_error()
        var certificates: [OpaquePointer] = []
        let bio = memory(text)
        defer { BIO_free(bio) }
        while certificates.count < certificatesMax, let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
            certificates.append(certificate)
        }
        let code = ERR_peek_last_error()
        let isAtEnd = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
        guard code == 0 || isAtEnd else {
            for certificate in certificates { X509_free(certificate) }
            throw .malformedCertificate(ErrorQueue.drain() ?? "not decodable")
        }
        ERR_clear_error()
        return certificates
    }

    static func privateKey(in text: [UInt8]) throws(TLSSetupError) -> OpaquePointer {
        let words = String(decoding: text, as: UTF8.self)
        guard words.contains("PRIVATE KEY-----") else { throw .noPrivateKey }
        guard !words.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----"), !words.contains("Proc-Type: 4,ENCRYPTED") else {
            throw .encryptedKey
        }
        ERR_clear_error()
        let bio = memory(text)
        defer { BIO_free(bio) }
        // Never asks for a password: there is no terminal that it could ask on.
        guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
            throw .malformedKey(ErrorQueue.drain() ?? "not decodable")
        }
        return key
    }

    /// The text is copied: a `BIO` over memory that Swift may move would point nowhere.
    private static func memory(_ text: [UInt8]) -> OpaquePointer? {
        let bio = BIO_new(BIO_s_mem())
        BIO_write(bio, text, CInt(clamping: text.count))
        return bio
    }
}

/// Names and dates in certificates, as text.
enum X509Name {
    /// RFC 4514; characters other than printable ASCII are escaped.
    static func text(_ name: OpaquePointer?) -> String {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        X509_NAME_print_ex(bio, name, 0, shim_XN_FLAG_RFC2253())
        var bytes: UnsafeMutablePointer<CChar>?
        let count = shim_BIO_get_mem_data(bio, &bytes)
        guard let bytes, count > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    static func hostNames(of certificate: OpaquePointer) -> [String] {
        var names: [String] = []
        if let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) {
            let list = OpaquePointer(list)
            defer { GENERAL_NAMES_free(list) }
            for index in 0..<max(0, shim_sk_GENERAL_NAME_num(list)) {
                var kind: CInt = 0
                guard let value = GENERAL_NAME_get0_value(shim_sk_GENERAL_NAME_value(list, index), &kind), kind == GEN_DNS
                else { continue }
                names.append(text(of: value.assumingMemoryBound(to: ASN1_STRING.self)))
            }
            return names.map { $0.lowercased() }
        }
        let subject = X509_get_subject_name(certificate)
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        if index >= 0, let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)) {
            names.append(text(of: value).lowercased())
        }
        return names
    }

    private static func text(of value: UnsafePointer<ASN1_STRING>) -> String {
        String(
            decoding: UnsafeBufferPointer(start: ASN1_STRING_get0_data(value), count: Int(ASN1_STRING_length(value))),
            as: UTF8.self)
    }

    /// Seconds since 1970; 0 for what is no date.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
        return Int64(timegm(&parts))
    }
}
