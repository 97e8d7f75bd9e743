import Authentication
import JOSE
import Metrics
import Proxy

extension MetricsPage {
    /// Each key's share of the requests: when an old key has no more, it can go.
    static func appendKeys(_ keys: [KeyReport], to page: inout Exposition) {
        // Two keys without name for one algorithm cannot be told apart here, and a name may stand only once.
        var uses: [[String]: (labels: [(name: String, value: String)], use: KeyUse)] = [:]
        var order: [[String]] = []
        for key in keys {
            let values = [key.name.id ?? "", key.name.algorithm.rawValue, key.signs ? "true" : "false"]
            if uses[values] == nil {
                uses[values] = (Array(zip(["kid", "algorithm", "signs"], values)).map { (name: $0.0, value: $0.1) }, KeyUse())
                order.append(values)
            }
            uses[values]?.use += key.use
        }
        let verified = "slidegate_key_verified_requests_total"
        page.begin(verified, .counter, "Requests whose token a key had signed; of an old key, what is left of its tokens.")
        for values in order { if let (labels, use) = uses[values] { page.sample(verified, labels, use.verified) } }
        let migrated = "slidegate_key_migrated_successors_total"
        page.begin(migrated, .counter, "Successors signed by the signing key for tokens that another key had signed.")
        for values in order { if let (labels, use) = uses[values] { page.sample(migrated, labels, use.migrated) } }
    }
}
