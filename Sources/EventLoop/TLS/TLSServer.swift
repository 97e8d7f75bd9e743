import COpenSSL
import Glibc

/// How a listener speaks TLS, as one immutable value for all workers; a reload makes a new one, and connections keep the
/// one that they began with.
///
/// Each set of certificates that some name selects has a context of its own. A handshake begins with the default one and
/// changes over when the client has said which name it wants: the exact name, or the wildcard one label above.
package final class TLSServer: TLSContext, @unchecked Sendable {
    // Written in `init` only; OpenSSL locks what it changes inside.

    package struct Settings: Sendable {
        /// The first is for clients that name no host, or an unknown one. Never empty.
        package var certificates: [TLSCertificate]
        package var minimumVersion: TLSVersion
        /// What is offered by ALPN (RFC 7301), the best first.
        package var protocols: [String]
        package var clients: ClientVerification?
        /// Nil: no session is resumed.
        package var ticketKeys: TicketKeys?

        package init(
            certificates: [TLSCertificate], minimumVersion: TLSVersion = .tls12, protocols: [String] = ["http/1.1"],
            clients: ClientVerification? = nil, ticketKeys: TicketKeys? = nil
        ) {
            self.certificates = certificates
            self.minimumVersion = minimumVersion
            self.protocols = protocols
            self.clients = clients
            self.ticketKeys = ticketKeys
        }
    }

    /// Certificates of clients.
    package struct ClientVerification: Sendable {
        /// PEM: who may issue them.
        package var authorities: [UInt8]
        /// Whether a client without a certificate is turned away. One with a bad certificate always is.
        package var isRequired: Bool
        /// Intermediate authorities between a client's certificate and one of `authorities`, at most.
        package var depth: Int

        package init(authorities: [UInt8], isRequired: Bool, depth: Int = 1) {
            self.authorities = authorities
            self.isRequired = isRequired
            self.depth = depth
        }
    }

    /// The default context.
    let pointer: OpaquePointer
    private var contexts: [OpaquePointer] = []
    private var contextOfName: [String: OpaquePointer] = [:]
    private let certificates: [TLSCertificate]
    /// ALPN's own form: each name behind its length.
    private let protocols: [UInt8]
    fileprivate let ticketKeys: TicketKeys?

    /// - Throws: what OpenSSL finds wrong with a certificate or an authority.
    package init(_ settings: Settings) throws(TLSSetupError) {
        precondition(!settings.certificates.isEmpty)
        certificates = settings.certificates
        ticketKeys = settings.ticketKeys
        protocols = settings.protocols.flatMap { [UInt8(clamping: $0.utf8.count)] + Array($0.utf8) }
        let selections = CertificateSelections(settings.certificates)
        let fallback = selections.fallback
        var made: [[Int]: OpaquePointer] = [:]
        do {
            for selection in [fallback] + selections.ofName.values where made[selection] == nil {
                let context = try Self.makeServerContext(settings, selection.map { settings.certificates[$0] })
                made[selection] = context
            }
        } catch {
            for context in made.values { SSL_CTX_free(context) }
            throw error
        }
        pointer = made[fallback]!
        contexts = Array(made.values)
        contextOfName = selections.ofName.mapValues { made[$0]! }
        // Unretained: every stream keeps its server, so nothing calls back into one that is gone.
        let argument = Unmanaged.passUnretained(self).toOpaque()
        for context in contexts {
            _ = shim_SSL_CTX_set_app_data(context, argument)
            _ = shim_SSL_CTX_set_tlsext_servername_callback(context, chooseCertificate)
            _ = shim_SSL_CTX_set_tlsext_servername_arg(context, argument)
            if !protocols.isEmpty { SSL_CTX_set_alpn_select_cb(context, chooseProtocol, argument) }
            _ = shim_SSL_CTX_set_tlsext_status_cb(context, stapleResponse)
            _ = shim_SSL_CTX_set_tlsext_status_arg(context, argument)
            if ticketKeys != nil { SSL_CTX_set_tlsext_ticket_key_evp_cb(context, sealOrOpenTicket) }
        }
    }

    deinit { for context in contexts { SSL_CTX_free(context) } }

    func prepare(_ ssl: OpaquePointer) { SSL_set_accept_state(ssl) }

    private static func makeServerContext(
        _ settings: Settings, _ certificates: [TLSCertificate]
    ) throws(TLSSetupError) -> OpaquePointer {
        let context = try makeContext(TLS_server_method(), minimumVersion: settings.minimumVersion)
        do throws(TLSSetupError) {
            for certificate in certificates { try certificate.install(in: context) }
            try setSessions(settings, context)
            if let clients = settings.clients { try verify(clients, context) }
            return context
        } catch {
            SSL_CTX_free(context)
            throw error
        }
    }

    private static func setSessions(_ settings: Settings, _ context: OpaquePointer) throws(TLSSetupError) {
        _ = shim_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))  // tickets need no memory here
        guard settings.ticketKeys != nil else {
            _ = SSL_CTX_set_options(context, shim_SSL_OP_NO_TICKET())
            SSL_CTX_set_num_tickets(context, 0)
            return
        }
        SSL_CTX_set_timeout(context, Int(TicketKeys.lifetimeSeconds))
        // A session is resumed only where clients are verified by the same rules: the keys of tickets are common to all
        // listeners, and a session begun without a certificate would pass where one is required.
        var rules: [UInt8] = [0]
        if let clients = settings.clients {
            rules = [clients.isRequired ? 2 : 1, UInt8(clamping: clients.depth)] + clients.authorities
        }
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_Q_digest(nil, "SHA256", nil, rules, rules.count, &digest, nil) == 1,
            SSL_CTX_set_session_id_context(context, digest, UInt32(digest.count)) == 1
        else { throw .library(ErrorQueue.drain() ?? "SSL_CTX_set_session_id_context") }
    }

    private static func verify(_ clients: ClientVerification, _ context: OpaquePointer) throws(TLSSetupError) {
        try trustAuthorities(clients.authorities, context)
        for authority in try PEMText.certificates(in: clients.authorities) {
            SSL_CTX_add_client_CA(context, authority)  // copies its name
            X509_free(authority)
        }
        let mode = SSL_VERIFY_PEER | (clients.isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
        SSL_CTX_set_verify(context, mode, nil)
        SSL_CTX_set_verify_depth(context, CInt(clamping: clients.depth))
    }
}

/// Puts the authorities in PEM `text` into the context's store.
func trustAuthorities(_ text: [UInt8], _ context: OpaquePointer) throws(TLSSetupError) {
    let authorities = try PEMText.certificates(in: text)
    guard !authorities.isEmpty else { throw .noAuthority }
    for authority in authorities {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority)
        X509_free(authority)
    }
    ERR_clear_error()
}

/// Which certificates go together: for each name one of each kind of key, the first in the order given.
struct CertificateSelections {
    /// Indices of certificates.
    private(set) var ofName: [String: [Int]] = [:]
    let fallback: [Int]

    init(_ certificates: [TLSCertificate]) {
        var ofName: [String: [Int]] = [:]
        for (index, certificate) in certificates.enumerated() {
            for name in certificate.names {
                let present = ofName[name, default: []]
                guard !present.contains(where: { certificates[$0].keyType == certificate.keyType }) else { continue }
                ofName[name] = present + [index]
            }
        }
        // The first certificate, and of the others that share its name those of another kind.
        fallback = certificates[0].names.first.flatMap { ofName[$0] } ?? [0]
        self.ofName = ofName
    }
}

// MARK: - Choices in a handshake

extension TLSServer {
    fileprivate func context(forName name: String) -> OpaquePointer? {
        if let exact = contextOfName[name] { return exact }
        guard let dot = name.firstIndex(of: ".") else { return nil }
        return contextOfName["*" + name[dot...]]
    }

    /// A copy for OpenSSL of what is to be sent along with the certificate chosen; nil when there is nothing in force.
    fileprivate func staple(for certificate: OpaquePointer) -> [UInt8]? {
        let staple = certificates.first { $0.leaf == certificate }?.staple
        guard let staple, staple.nextUpdate > Int64(time(nil)) else { return nil }
        return staple.der
    }

    fileprivate func selectProtocol(
        _ offered: UnsafePointer<UInt8>?, _ count: UInt32, into selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ selectedCount: UnsafeMutablePointer<UInt8>?
    ) -> Bool {
        guard let offered else { return false }
        let offers = UnsafeBufferPointer(start: offered, count: Int(count))
        return protocols.withUnsafeBufferPointer { protocols in
            var mine = 0
            while mine < protocols.count {
                let name = UnsafeBufferPointer(rebasing: protocols[(mine + 1)...].prefix(Int(protocols[mine])))
                var theirs = 0
                while theirs < offers.count {
                    let offer = UnsafeBufferPointer(rebasing: offers[(theirs + 1)...].prefix(Int(offers[theirs])))
                    if offer.elementsEqual(name) {
                        selected?.pointee = offer.baseAddress
                        selectedCount?.pointee = UInt8(clamping: offer.count)
                        return true
                    }
                    theirs += 1 + Int(offers[theirs])
                }
                mine += 1 + Int(protocols[mine])
            }
            return false
        }
    }
}

private func server(_ argument: UnsafeMutableRawPointer?) -> TLSServer {
    Unmanaged<TLSServer>.fromOpaque(argument!).takeUnretainedValue()
}

private func chooseCertificate(
    _ ssl: OpaquePointer?, _: UnsafeMutablePointer<CInt>?, _ argument: UnsafeMutableRawPointer?
) -> CInt {
    guard let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return SSL_TLSEXT_ERR_NOACK }
    guard let context = server(argument).context(forName: String(cString: name).lowercased()) else {
        return SSL_TLSEXT_ERR_NOACK
    }
    SSL_set_SSL_CTX(ssl, context)
    return SSL_TLSEXT_ERR_OK
}

private func chooseProtocol(
    _: OpaquePointer?, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ selectedCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ count: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> CInt {
    let isAgreed = server(argument).selectProtocol(offered, count, into: selected, selectedCount)
    return isAgreed ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL  // no_application_protocol
}

private func stapleResponse(_ ssl: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> CInt {
    guard let certificate = SSL_get_certificate(ssl), let der = server(argument).staple(for: certificate),
        let copy = shim_OPENSSL_malloc(der.count)
    else { return SSL_TLSEXT_ERR_NOACK }
    copy.copyMemory(from: der, byteCount: der.count)
    _ = shim_SSL_set_tlsext_status_ocsp_resp(ssl, copy.assumingMemoryBound(to: UInt8.self), der.count)
    return SSL_TLSEXT_ERR_OK
}

private func sealOrOpenTicket(
    _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ isSealing: CInt
) -> CInt {
    guard let name, let vector, let argument = shim_SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)),
        let keys = server(argument).ticketKeys
    else { return -1 }
    if isSealing == 1 { return keys.seal(name: name, vector: vector, cipher: cipher, mac: mac) ? 1 : -1 }
    switch keys.open(name: name, vector: vector, cipher: cipher, mac: mac) {
    case .no: return 0
    // In TLS 1.3 clients use a ticket once: with each resumption they get another.
    case .yes: return SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1
    case .yesButRenew: return 2
    }
}
