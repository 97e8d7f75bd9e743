import Configuration
import EventLoop

/// One set of keys that is fetched.
struct KeySetReport {
    /// Where from, without query.
    var source: String
    /// 0: it is not there.
    var keyCount: Int
    /// In seconds, since it was last known to be whole; nil: it is not there.
    var age: Int64?
    var fetches: Int
    var failures: Int
}

/// A certificate that clients are shown.
struct CertificateReport {
    /// The listener's address.
    var listener: String
    /// The first host that it holds for, else its subject.
    var name: String
    /// Seconds since 1970.
    var notAfter: Int64
}

extension LoadedTLS {
    /// One for each name of each listener: where two kinds of keys share it, of the certificate that ends first.
    func certificateReports(of configuration: Configuration) -> [CertificateReport] {
        zip(configuration.listeners, certificates).flatMap { listener, certificates in
            var ends: [String: Int64] = [:]
            for certificate in certificates {
                let name = certificate.names.first ?? certificate.subject
                ends[name] = min(ends[name] ?? .max, certificate.notAfter)
            }
            return ends.sorted { $0.key < $1.key }.map { name, end in
                CertificateReport(listener: listener.address.value.description, name: name, notAfter: end)
            }
        }
    }
}
