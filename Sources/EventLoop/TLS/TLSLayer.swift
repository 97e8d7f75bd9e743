import Bytes
import COpenSSL

/// TLS on one stream: an `SSL` whose transport is the stream itself.
///
/// OpenSSL reads ciphertext straight from the socket into its record buffer, and what it writes the stream sends or
/// queues: the transport takes everything, so that OpenSSL never waits to write, and a stream's queue holds bytes of the
/// wire whether they are encrypted or not. That leaves one thing to wait for, input.
///
final class TLSLayer {
    enum HandshakeOutcome {
        case done, needsMore
        case failed(SocketError)
    }

    enum ReadOutcome {
        case bytes(Int)
        /// Nothing is left but what the peer has yet to send.
        case blocked
        /// The peer has sent `close_notify`.
        case ended
        case failed(SocketError)
    }

    let ssl: OpaquePointer
    /// Kept: the callbacks of the context point at it.
    let context: any TLSContext

    /// What was read before TLS began, behind a PROXY header: the first bytes of the handshake.
    var leftover = ByteBuffer()
    /// Parts of the handshake that the socket has not taken. Apart from the stream's queue, which holds what is to be
    /// encrypted when the handshake is done.
    var outgoing = ByteBuffer()
    /// OpenSSL holds input of which the socket's readiness will not tell: bytes, or an end.
    var hasMore = false
    /// Only what OpenSSL holds is to be delivered now; the socket is not asked.
    var readsOnlyHeld = false

    // What the transport met in the call under way.
    var isBlocked = false
    var hasTransportEnded = false
    var transportError: SocketError?

    /// The call under way is for the stream's owner: what it writes is asked for.
    var isWriting = false
    /// Queued by OpenSSL of its own accord since the queue was last empty.
    var unaskedBytes = 0

    private var hasFailed = false

    init(_ context: any TLSContext, transport: ByteStream) {
        // They fail for want of memory alone, which ends a Swift program anyhow.
        guard let ssl = SSL_new(context.pointer), let bio = BIO_new(TLSTransport.method) else {
            preconditionFailure("out of memory")
        }
        BIO_set_data(bio, Unmanaged.passUnretained(transport).toOpaque())
        BIO_set_init(bio, 1)
        SSL_set_bio(ssl, bio, bio)
        self.ssl = ssl
        self.context = context
        context.prepare(ssl)
    }

    deinit { SSL_free(ssl) }

    func handshake() -> HandshakeOutcome {
        Self.clearErrors()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return .done }
        if isWaitingForInput { return .needsMore }
        return .failed(failure())
    }

    /// Decrypts into `bytes`; at most one record.
    func read(into bytes: UnsafeMutableRawBufferPointer) -> ReadOutcome {
        Self.clearErrors()
        var count = 0
        if SSL_read_ex(ssl, bytes.baseAddress, bytes.count, &count) == 1 { return .bytes(count) }
        if isWaitingForInput { return .blocked }
        // Not `SSL_get_shutdown` alone: a fatal alert sets it too.
        if SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN { return .ended }
        return .failed(failure())
    }

    /// Whether OpenSSL holds bytes that it has read and not given out; they may be no whole record.
    var holdsInput: Bool { SSL_has_pending(ssl) == 1 }

    /// Encrypts all of it into records of at most 16 KiB; false after a failure.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !bytes.isEmpty else { return true }
        var count = 0
        guard SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count) == 1 else {
            hasFailed = true
            return false
        }
        return true
    }

    /// Whether the peer has sent nothing that counts; handles what does not, as session tickets.
    var isQuiet: Bool {
        Self.clearErrors()
        var byte: UInt8 = 0
        var count = 0
        return SSL_peek_ex(ssl, &byte, 1, &count) == 0 && isWaitingForInput
    }

    /// Tells the peer, once, that nothing follows what has been written.
    func sendCloseNotify() {
        guard !hasFailed, SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0, SSL_is_init_finished(ssl) == 1 else { return }
        SSL_shutdown(ssl)
    }

    /// The connection ends without ceremony, which is no reason not to resume its session.
    func forgoCloseNotify() {
        guard !hasFailed else { return }
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    }

    /// The queue of errors is the thread's: what other calls have left in it would be taken for the next one's failure.
    /// Emptying it costs more than to find it empty, as it nearly always is.
    private static func clearErrors() { if ERR_peek_error() != 0 { ERR_clear_error() } }

    private var isWaitingForInput: Bool { isBlocked && SSL_want(ssl) == SSL_READING }

    /// What the call that has just failed failed of.
    private func failure() -> SocketError {
        hasFailed = true
        defer { ERR_clear_error() }
        if let transportError { return transportError }
        // The oldest entry is nearest to the cause.
        let code = ERR_peek_error()
        let reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0
        if reason == SSL_R_HTTP_REQUEST { return SocketError(.plainHTTP) }
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            let verdict = SSL_get_verify_result(ssl)
            return SocketError(.certificate(String(cString: X509_verify_cert_error_string(verdict))))
        }
        if hasTransportEnded { return SocketError(.truncated) }
        guard code != 0, let text = ERR_reason_error_string(code) else { return SocketError(.protocolError("failed")) }
        return SocketError(.protocolError(String(cString: text)))
    }
}

// MARK: - Facts

/// What a handshake has settled.
package struct TLSFacts: Equatable, Sendable {
    /// `TLSv1.2`, `TLSv1.3`
    package var version: String
    package var cipher: String
    /// The protocol that both sides have agreed on (RFC 7301); nil when the client offered none.
    package var applicationProtocol: String?
    /// Whether the handshake was a resumption of an earlier session.
    package var isResumed: Bool
    /// The name that the client asked for (RFC 6066 §3).
    package var serverName: String?
    /// The verified certificate's subject as RFC 4514 text in printable ASCII: other characters are escaped. Nil when the
    /// peer has shown none.
    package var peerSubject: String?
}

extension TLSLayer {
    var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// Earlier versions are never spoken here.
    var version: StaticString { SSL_version(ssl) == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2" }

    var facts: TLSFacts {
        TLSFacts(
            version: String(cString: SSL_get_version(ssl)), cipher: String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))),
            applicationProtocol: applicationProtocol, isResumed: isResumed,
            serverName: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) },
            peerSubject: SSL_get0_peer_certificate(ssl).map { X509Name.text(X509_get_subject_name($0)) })
    }

    private var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }
}
