import COpenSSL

/// What the streams of one listener or one upstream have in common: certificates, trust, rules (`SSL_CTX`).
protocol TLSContext: AnyObject, Sendable {
    var pointer: OpaquePointer { get }
    /// Makes a fresh `SSL` ready for its handshake, on its side of it.
    func prepare(_ ssl: OpaquePointer)
}

/// The oldest protocol version to be spoken. Those before 1.2 are not to be had (RFC 8996).
package enum TLSVersion: String, Sendable, CaseIterable {
    case tls12 = "1.2"
    case tls13 = "1.3"

    var code: CInt {
        switch self {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }
}

/// Mozilla's "intermediate" recommendation, version 5.7, without the suites of finite-field Diffie-Hellman: every client
/// that speaks TLS 1.2 has elliptic curves, and the other kind costs the server most.
enum TLSRecommendation {
    static let tls12Suites =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    static let tls13Suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    static let groups = "X25519:P-256:P-384"
}

/// An `SSL_CTX` with what both sides have in common.
///
/// - Throws: `.library` when OpenSSL refuses, which is a fault of its own configuration.
func makeContext(_ method: OpaquePointer?, minimumVersion: TLSVersion) throws(TLSSetupError) -> OpaquePointer {
    ERR_clear_error()
    guard let context = SSL_CTX_new(method) else { throw .library(ErrorQueue.drain() ?? "SSL_CTX_new") }
    // Client preference among good suites, as Mozilla has it: a telephone knows best what it is fast at.
    let isSet =
        shim_SSL_CTX_set_min_proto_version(context, minimumVersion.code) == 1
        && SSL_CTX_set_cipher_list(context, TLSRecommendation.tls12Suites) == 1
        && SSL_CTX_set_ciphersuites(context, TLSRecommendation.tls13Suites) == 1
        && shim_SSL_CTX_set1_groups_list(context, TLSRecommendation.groups) == 1
    guard isSet else {
        SSL_CTX_free(context)
        throw .library(ErrorQueue.drain() ?? "SSL_CTX")
    }
    _ = SSL_CTX_set_options(context, shim_SSL_OP_NO_RENEGOTIATION() | shim_SSL_OP_NO_COMPRESSION())
    // An idle connection keeps no record buffers, and a record costs one `recv`, not two.
    _ = shim_SSL_CTX_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS))
    _ = shim_SSL_CTX_set_read_ahead(context, 1)
    return context
}

/// What OpenSSL finds wrong with certificates, keys and settings before any connection.
package enum TLSSetupError: Error, Equatable, Sendable {
    case noCertificate
    case malformedCertificate(String)
    case noPrivateKey
    case encryptedKey
    case malformedKey(String)
    /// The certificate's subject, and what is known about the key.
    case keyMismatch(subject: String)
    /// The key belongs to the certificate of this number in the file, from 1; it must be the first.
    case wrongOrder(leaf: Int)
    /// OpenSSL finds the key too weak, or of a kind that TLS does not use.
    case unsuitable(String)
    case noAuthority
    case malformedStaple(String)
    /// No fault of a file.
    case library(String)
}

extension TLSSetupError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noCertificate: "there is no certificate in PEM"
        case .malformedCertificate(let detail): "the certificate cannot be read: \(detail)"
        case .noPrivateKey: "there is no private key in PEM"
        case .encryptedKey: "the private key is encrypted, and there is nobody to ask for the password"
        case .malformedKey(let detail): "the private key cannot be read: \(detail)"
        case .keyMismatch(let subject): "the key does not belong to the certificate (\(subject))"
        case .wrongOrder(let leaf): "the key belongs to certificate number \(leaf) of the file, which must be the first"
        case .unsuitable(let detail): "OpenSSL refuses the certificate: \(detail)"
        case .noAuthority: "there is no certificate authority in PEM"
        case .malformedStaple(let detail): "the OCSP response \(detail)"
        case .library(let detail): "OpenSSL fails: \(detail)"
        }
    }
}

/// OpenSSL's queue of errors, one per thread.
enum ErrorQueue {
    /// Empties the queue; what the oldest error says, which is nearest to the cause. Nil when there is none.
    static func drain() -> String? {
        defer { ERR_clear_error() }
        guard let text = ERR_reason_error_string(ERR_peek_error()) else { return nil }
        return String(cString: text)
    }
}
