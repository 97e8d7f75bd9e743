/// The module that pages use a session with, as the files that the gateway hands out. It is in the program itself: no
/// file lies beside it.
package enum BrowserModule {
    /// `slidegate.js`, an ES module.
    package static var script: [UInt8] { PackageResources.slidegate_js }
    /// `slidegate.d.ts`, its types.
    package static var types: [UInt8] { PackageResources.slidegate_d_ts }

    /// `session.js`: a module whose default export is a session of this very gateway.
    ///
    /// - Parameter module: where `slidegate.js` is, relative to it.
    package static func sessionScript(_ settings: ClientSettings, _ options: SessionOptions, module: String) -> String {
        """
        // A session with this gateway, made from its configuration.
        import { createSession } from "\(module)";
        export * from "\(module)";

        export const settings = Object.freeze({
          origin: new URL(import.meta.url).origin,
        \(settings.lines.map { "  \($0),\n" }.joined())});

        export default createSession(settings, \(options.text));

        """
    }
}

/// What the session of `session.js` does beyond the settings.
package struct SessionOptions: Sendable, Equatable {
    package enum Store: String, Sendable {
        /// Of the page: gone with its last tab.
        case memory
        /// `localStorage`.
        case local
    }

    package var store: Store
    /// Whether a token is refreshed before its end although no request needs it.
    package var isProactive: Bool

    package init(store: Store = .memory, isProactive: Bool = true) {
        self.store = store
        self.isProactive = isProactive
    }

    fileprivate var text: String { "{ store: \"\(store.rawValue)\", proactive: \(isProactive) }" }
}
