import Configuration
import EventLoop
import Glibc
import Proxy

/// The certificates, keys and authorities that a configuration names, read, checked and made into contexts. Holds
/// secrets; has no description.
struct LoadedTLS: Sendable {
    /// One for each listener of the configuration; nil for those in clear.
    private(set) var listeners: [ListenerSecurity?] = []
    /// One for each upstream of the configuration; nil for those in clear.
    private(set) var upstreams: [TLSClientContext?] = []
    /// The certificates of each listener.
    private(set) var certificates: [[TLSCertificate]] = []
    /// What is doubtful about the files themselves.
    private(set) var warnings: [Diagnostic] = []

    private static let fileBytesMax = 1 << 20
    /// Ahead of a certificate's end: the usual time to renew is longer, so nobody has.
    private static let warningSeconds: Int64 = 7 * 86_400

    /// - Parameters:
    ///   - ticketKeys: one for the process; it outlives reloads.
    ///   - now: seconds since 1970.
    /// - Throws: everything that is wrong with any file, each with its place in the configuration file.
    init(
        _ configuration: Configuration, ticketKeys: TicketKeys, now: Int64 = Int64(time(nil))
    ) throws(ConfigurationRefusal) {
        var errors: [Diagnostic] = []
        let files = Files(configuration: configuration, now: now)
        for listener in configuration.listeners {
            var certificates: [TLSCertificate] = []
            var security: ListenerSecurity?
            if let tls = listener.tls {
                do throws(Fault) {
                    certificates = try load(tls.certificates, files)
                    security = try makeSecurity(listener, tls, certificates, ticketKeys, files)
                } catch {
                    errors += error.diagnostics
                }
            }
            self.certificates.append(certificates)
            listeners.append(security)
        }
        for upstream in configuration.upstreams {
            var context: TLSClientContext?
            if let tls = upstream.tls {
                do throws(Fault) {
                    context = try makeContext(tls, files)
                } catch {
                    errors += error.diagnostics
                }
            }
            upstreams.append(context)
        }
        guard errors.isEmpty else { throw ConfigurationRefusal(file: configuration.file, diagnostics: errors) }
    }

    private struct Files {
        var configuration: Configuration
        var now: Int64
    }

    private struct Fault: Error {
        var diagnostics: [Diagnostic]

        init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

        init(_ error: TLSSetupError, at place: Place, expected: String? = nil) {
            diagnostics = [Diagnostic(.error, at: place, "\(error)", expected: expected)]
        }
    }

    // MARK: Contexts

    private mutating func makeSecurity(
        _ listener: Configuration.Listener, _ tls: Configuration.Listener.TLS, _ certificates: [TLSCertificate],
        _ ticketKeys: TicketKeys, _ files: Files
    ) throws(Fault) -> ListenerSecurity {
        var clients: TLSServer.ClientVerification?
        if let wanted = tls.clients {
            clients = TLSServer.ClientVerification(
                authorities: try contents(wanted.authorities, isSecret: false, files),
                isRequired: wanted.verification == .required, depth: wanted.depth)
        }
        do {
            let server = try TLSServer(
                TLSServer.Settings(
                    certificates: certificates, minimumVersion: TLSVersion(tls.minimumVersion), protocols: tls.protocols,
                    clients: clients, ticketKeys: tls.hasTickets ? ticketKeys : nil))
            return ListenerSecurity(
                server: server, subjectHeader: tls.clients?.subjectHeader,
                strictTransport: listener.strictTransport.map(\.fieldValue))
        } catch {
            let isAuthority = error == .noAuthority
            throw Fault(error, at: isAuthority ? tls.clients?.authorities.place ?? tls.place : tls.place)
        }
    }

    private mutating func makeContext(
        _ tls: Configuration.Upstream.TLS, _ files: Files
    ) throws(Fault) -> TLSClientContext {
        var trust = TLSClientContext.Settings.Trust.system
        if let authorities = tls.authorities {
            trust = .authorities(try contents(authorities, isSecret: false, files))
        } else if !tls.verifies {
            trust = .anyone
        }
        let certificate = try tls.certificate.map { certificate throws(Fault) in try load([certificate], files)[0] }
        do {
            return try TLSClientContext(
                TLSClientContext.Settings(
                    trust: trust, certificate: certificate, minimumVersion: TLSVersion(tls.minimumVersion)))
        } catch {
            throw Fault(error, at: tls.authorities?.place ?? tls.place)
        }
    }

    // MARK: Certificates

    /// All of them, or every fault in any.
    private mutating func load(
        _ entries: [Configuration.Certificate], _ files: Files
    ) throws(Fault) -> [TLSCertificate] {
        var faults: [Diagnostic] = []
        var certificates: [TLSCertificate] = []
        for entry in entries {
            do throws(Fault) {
                certificates.append(try load(entry, files))
            } catch {
                faults += error.diagnostics
            }
        }
        guard faults.isEmpty else { throw Fault(faults) }
        return certificates
    }

    private mutating func load(_ entry: Configuration.Certificate, _ files: Files) throws(Fault) -> TLSCertificate {
        let chain = try contents(entry.chain, isSecret: false, files)
        let key = try contents(entry.key, isSecret: true, files)
        let certificate: TLSCertificate
        do {
            certificate = try TLSCertificate(chain: chain, key: key)
        } catch {
            throw Self.fault(error, in: entry)
        }
        warn(of: certificate, at: entry.chain.place, now: files.now)
        guard let staple = entry.staple else { return certificate }
        let response = try contents(staple, isSecret: false, files)
        do {
            try certificate.attach(staple: response, now: files.now)
        } catch {
            throw Fault(error, at: staple.place, expected: "an OCSP response in DER, about this certificate and in force")
        }
        return certificate
    }

    private static func fault(_ error: TLSSetupError, in entry: Configuration.Certificate) -> Fault {
        switch error {
        case .noCertificate, .malformedCertificate:
            Fault(error, at: entry.chain.place, expected: "PEM: the certificate, then what leads up to an authority")
        case .wrongOrder:
            Fault(error, at: entry.chain.place, expected: "the server's certificate first, each followed by its issuer")
        case .noPrivateKey, .malformedKey:
            Fault(error, at: entry.key.place, expected: "PEM: PKCS#8, PKCS#1 or SEC 1")
        case .encryptedKey:
            Fault(error, at: entry.key.place, expected: "a key without a password, as openssl pkey writes it")
        case .keyMismatch:
            Fault(error, at: entry.key.place, expected: "the key that the certificate was issued for")
        case .unsuitable, .noAuthority, .malformedStaple, .library:
            Fault(error, at: entry.chain.place)
        }
    }

    private mutating func warn(of certificate: TLSCertificate, at place: Place, now: Int64) {
        func note(_ message: String, expected: String) {
            warnings.append(Diagnostic(.warning, at: place, message, expected: expected))
        }
        if !certificate.isOrdered {
            note("the certificates of the file are not in order", expected: "each followed by its issuer")
        }
        if certificate.notAfter <= now {
            note("the certificate has expired: clients will refuse it", expected: "one that is in force")
        } else if certificate.notBefore > now {
            note("the certificate is not in force yet: clients will refuse it", expected: "one that is")
        } else if certificate.notAfter - now < Self.warningSeconds {
            let hours = (certificate.notAfter - now) / 3600
            note("the certificate expires in \(hours) hours", expected: "one with a longer time ahead")
        }
    }

    private mutating func contents(_ name: Located<String>, isSecret: Bool, _ files: Files) throws(Fault) -> [UInt8] {
        do {
            let file = try FileContents(
                path: name.value.relative(toDirectoryOf: files.configuration.file), bytesMax: Self.fileBytesMax)
            if isSecret, file.isReadableByAll {
                warnings.append(
                    Diagnostic(
                        .warning, at: name.place, "every user of this machine can read \(name.value)",
                        expected: "mode 0600 or 0640"))
            }
            return file.bytes
        } catch {
            throw Fault([Diagnostic(.error, at: name.place, "\(error)")])
        }
    }
}

extension TLSVersion {
    fileprivate init(_ version: Configuration.TLSVersion) {
        self =
            switch version {
            case .tls12: .tls12
            case .tls13: .tls13
            }
    }
}

extension Configuration.Listener.StrictTransport {
    /// RFC 6797 §6.1.
    fileprivate var fieldValue: String {
        var value = "max-age=\(maxAge.components.seconds)"
        if includesSubdomains { value += "; includeSubDomains" }
        if preload { value += "; preload" }
        return value
    }
}

extension TLSClient {
    /// For one server of an upstream: the certificate must be for the name that the file gives, or for the server's host.
    /// Nil for an upstream in clear.
    convenience init?(_ context: TLSClientContext?, _ tls: Configuration.Upstream.TLS?, server: Endpoint) {
        guard let context, let tls else { return nil }
        if let name = tls.serverName {
            let isAddress = EndpointText.isIPv4(name) || EndpointText.isIPv6(name)
            self.init(context, name: isAddress ? .address(name) : .host(name))
            return
        }
        switch server.host {
        case .ipv4(let address), .ipv6(let address): self.init(context, name: .address(address))
        case .name(let host): self.init(context, name: .host(host))
        // Without a name there is nothing to verify by; the file was refused where that matters.
        case .unix: self.init(context, name: .host("localhost"))
        }
    }
}
