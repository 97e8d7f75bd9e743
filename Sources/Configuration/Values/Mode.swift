extension Configuration {
    /// Whether what is decided about requests has effect.
    package enum Mode: String, Sendable, CaseIterable {
        case enforce
        /// Everything is decided, logged and counted; nothing is refused or renewed.
        case shadow
    }
}
