import Metrics

extension MetricsPage {
    /// Only with sessions.
    static func appendStore(_ store: StoreReport, to page: inout Exposition) {
        page.single(.storeUp, store.isUp ? 1 : 0)
        page.single(.revocationEntries, store.revocationCount)
        page.single(.revocationsDropped, store.droppedCount)
        if let age = store.confirmationAge { page.single(.revocationAge, Double(age) / 1000) }
    }
}
