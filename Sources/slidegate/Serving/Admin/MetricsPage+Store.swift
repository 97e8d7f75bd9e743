import Metrics

extension MetricsPage {
    /// Only with sessions.
    static func appendStore(_ store: StoreReport, to page: inout Exposition) {
        page.single("slidegate_store_up", .gauge, "Whether the store of sessions answers: 1 or 0.", store.isUp ? 1 : 0)
        page.single(
            "slidegate_revocation_entries", .gauge, "Revocations that are remembered, expired ones until they are swept.",
            store.revocationCount)
        page.begin(
            "slidegate_revocations_dropped_total", .counter, "Revocations that there was no room for; while any are missing, the store counts as away.")
        page.sample("slidegate_revocations_dropped_total", [], store.droppedCount)
        guard let age = store.confirmationAge else { return }
        let name = "slidegate_revocation_confirmation_age_seconds"
        page.begin(name, .gauge, "Time since every revocation in the store was known here; absent before the first load.")
        page.sample(name, [], Double(age) / 1000)
    }
}
