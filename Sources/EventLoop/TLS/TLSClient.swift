import COpenSSL
import Synchronization

/// How an upstream is spoken to under TLS: whom to trust, and who we are. One for all workers and servers of it.
package final class TLSClientContext: @unchecked Sendable {
    // Written in `init` only; OpenSSL locks what it changes inside.

    package struct Settings: Sendable {
        /// Who may issue the server's certificate.
        package enum Trust: Sendable {
            /// What the system trusts.
            case system
            /// PEM; nobody else.
            case authorities([UInt8])
            /// Anyone. The traffic is encrypted, and nobody knows for whom.
            case anyone
        }

        package var trust: Trust
        /// Ours, for servers that ask.
        package var certificate: TLSCertificate?
        package var minimumVersion: TLSVersion

        package init(trust: Trust = .system, certificate: TLSCertificate? = nil, minimumVersion: TLSVersion = .tls12) {
            self.trust = trust
            self.certificate = certificate
            self.minimumVersion = minimumVersion
        }
    }

    let pointer: OpaquePointer
    let verifies: Bool

    /// - Throws: what OpenSSL finds wrong with the certificate or an authority.
    package init(_ settings: Settings) throws(TLSSetupError) {
        pointer = try makeContext(TLS_client_method(), minimumVersion: settings.minimumVersion)
        switch settings.trust {
        case .system:
            verifies = true
            SSL_CTX_set_default_verify_paths(pointer)
        case .authorities(let text):
            verifies = true
            try trustAuthorities(text, pointer)
        case .anyone:
            verifies = false
        }
        SSL_CTX_set_verify(pointer, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let certificate = settings.certificate { try certificate.install(in: pointer) }
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        SSL_CTX_set_alpn_protos(pointer, protocols, UInt32(protocols.count))
        _ = shim_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        SSL_CTX_sess_set_new_cb(pointer, sessionEstablished)
    }

    deinit { SSL_CTX_free(pointer) }
}

/// How one server is shaken hands with: a context, the name that its certificate must be for, and the newest sessions with
/// it, whichever worker has had them.
package final class TLSClient: TLSContext {
    /// What a server's certificate must be for.
    package enum ServerName: Sendable, Equatable {
        /// A host name; it is also asked for (RFC 6066 §3).
        case host(String)
        /// An IP address, in text.
        case address(String)
    }

    /// Beyond as many, the oldest session is forgotten: each keeps the server's certificates in memory.
    private static let sessionsMax = 32

    private let context: TLSClientContext
    private let name: ServerName
    /// The newest is the last.
    private let sessions = Mutex<[Session]>([])

    package init(_ context: TLSClientContext, name: ServerName) {
        self.context = context
        self.name = name
    }

    var pointer: OpaquePointer { context.pointer }

    func prepare(_ ssl: OpaquePointer) {
        SSL_set_connect_state(ssl)
        // Unretained: the stream keeps its client as long as it has the `SSL`.
        _ = shim_SSL_set_app_data(ssl, Unmanaged.passUnretained(self).toOpaque())
        let rules = SSL_get0_param(ssl)
        switch name {
        case .host(let host):
            _ = shim_SSL_set_tlsext_host_name(ssl, host)
            X509_VERIFY_PARAM_set_hostflags(rules, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            X509_VERIFY_PARAM_set1_host(rules, host, 0)
        case .address(let address):
            X509_VERIFY_PARAM_set1_ip_asc(rules, address)
        }
        sessions.withLock { sessions in
            guard let newest = sessions.last else { return }
            SSL_set_session(ssl, newest.pointer)
            // Its tickets are for one use each (RFC 8446 Appendix C.4), and each use brings new ones.
            guard SSL_SESSION_get_protocol_version(newest.pointer) == TLS1_3_VERSION else { return }
            SSL_SESSION_free(sessions.removeLast().pointer)
        }
    }

    /// Takes over a reference to a session.
    fileprivate func keep(_ new: Session) {
        sessions.withLock { sessions in
            if sessions.count == Self.sessionsMax { SSL_SESSION_free(sessions.removeFirst().pointer) }
            sessions.append(new)
        }
    }

    deinit { sessions.withLock { for session in $0 { SSL_SESSION_free(session.pointer) } } }

    /// An `SSL_SESSION`. OpenSSL counts references to it atomically.
    fileprivate struct Session: @unchecked Sendable {
        var pointer: OpaquePointer
    }
}

/// OpenSSL has a session that can be resumed: in TLS 1.3 once for each ticket that arrives.
private func sessionEstablished(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> CInt {
    guard let session, let client = shim_SSL_get_app_data(ssl) else { return 0 }
    Unmanaged<TLSClient>.fromOpaque(client).takeUnretainedValue().keep(TLSClient.Session(pointer: session))
    return 1
}
