extension Configuration {
    /// A certificate and its key, by the names of their files.
    package struct Certificate: Sendable, Equatable {
        /// PEM: the certificate first, then what leads up to an authority.
        package var chain: Located<String>
        package var key: Located<String>
        /// An OCSP response in DER, sent along with the certificate.
        package var staple: Located<String>?
    }

    package enum TLSVersion: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }
}

extension Configuration.Listener {
    /// TLS in front.
    package struct TLS: Sendable, Equatable {
        /// The first is for clients that name no host, or an unknown one. Never empty.
        package var certificates: [Configuration.Certificate]
        /// What is offered by ALPN, the best first.
        package var protocols: [String]
        package var minimumVersion: Configuration.TLSVersion
        package var clients: Clients?
        /// Whether sessions may be resumed, by tickets.
        package var hasTickets: Bool
        package var place: Place
    }

    /// Certificates of clients.
    package struct Clients: Sendable, Equatable {
        /// PEM: who may issue them.
        package var authorities: Located<String>
        package var verification: Verification
        /// Intermediate authorities at most.
        package var depth: Int
        /// The request field that tells the upstream the subject.
        package var subjectHeader: String?

        package enum Verification: String, Sendable, CaseIterable { case optional, required }
    }

    /// RFC 6797 §6.1.
    package struct StrictTransport: Sendable, Equatable {
        package var maxAge: Duration
        package var includesSubdomains: Bool
        package var preload: Bool
    }
}

extension Configuration.Upstream {
    /// TLS behind.
    package struct TLS: Sendable, Equatable {
        /// Whether the server's certificate is looked at.
        package var verifies: Bool
        /// PEM; nil: what the system trusts.
        package var authorities: Located<String>?
        /// What the certificate must be for; nil: the host of the server's address.
        package var serverName: String?
        /// Ours, for servers that ask.
        package var certificate: Configuration.Certificate?
        package var minimumVersion: Configuration.TLSVersion
        package var place: Place
    }
}
