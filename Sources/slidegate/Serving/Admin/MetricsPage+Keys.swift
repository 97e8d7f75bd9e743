import Authentication
import JOSE
import Metrics
import Proxy

extension MetricsPage {
    /// Each key's share of the requests: when an old key has no more, it can go.
    static func appendKeys(_ keys: [KeyReport], to page: inout Exposition) {
        func append(_ family: MetricFamily, _ value: (KeyReport) -> Int) {
            // Two keys without name for one algorithm cannot be told apart here.
            let sums = Sums(
                keys.map { ([$0.name.id ?? "", $0.name.algorithm.rawValue, $0.signs ? "true" : "false"], value($0)) })
            sums.append(family, to: &page)
        }
        append(.keyVerified, \.use.verified)
        append(.keyMigrated, \.use.migrated)
    }

    /// Only with sets that are fetched.
    static func appendKeySets(_ sets: [KeySetReport], to page: inout Exposition) {
        guard !sets.isEmpty else { return }
        let kept = sets.prefix(samplesMax)
        page.begin(.keySetAge)
        for set in kept { if let age = set.age { page.sample(set.source, value: Int(age)) } }
        page.begin(.keySetKeys)
        for set in kept { page.sample(set.source, value: set.keyCount) }
        page.begin(.keySetFetches)
        for set in kept {
            page.sample(set.source, "ok", value: set.fetches)
            page.sample(set.source, "failed", value: set.failures)
        }
    }
}
