extension Configuration {
    /// Where the gateway serves the module for browsers, and where the session made there keeps its tokens.
    package struct Browser: Sendable, Equatable {
        /// In normal form, without a slash at its end, and not the root.
        package var path: String
        package var store: Store
        package var place: Place

        package enum Store: String, Sendable, CaseIterable {
            /// Of the page: gone with its last tab.
            case memory
            /// `localStorage`.
            case local
        }

        /// Whether a path is the folder itself or below: the gateway answers there, and nobody else.
        package func covers(_ path: String) -> Bool { path == self.path || path.hasPrefix(self.path + "/") }
    }
}
