/// The module that pages use a session with, as the files that the gateway hands out. It is in the program itself: no
/// file lies beside it.
package enum BrowserModule {
    /// `slidegate.js`, an ES module: `slidegate.min.js` of the sources, which is made of what one reads there.
    package static var script: [UInt8] { PackageResources.slidegate_min_js }
    /// `slidegate.d.ts`, its types.
    package static var types: [UInt8] { PackageResources.slidegate_d_ts }

    /// `session.js`: a module whose default export is a session of this very gateway.
    ///
    /// - Parameter module: where `slidegate.js` is, relative to it.
    package static func sessionScript(_ settings: ClientSettings, store: SessionStore, module: String) -> String {
        """
        // A session with this gateway, made from its configuration.
        import { createSession } from "\(module)";
        export * from "\(module)";

        export const settings = Object.freeze({
          origin: new URL(import.meta.url).origin,
        \(settings.lines.map { "  \($0),\n" }.joined())});

        export default createSession(settings, { store: "\(store.rawValue)" });

        """
    }
}

/// Where the session of `session.js` keeps its tokens.
package enum SessionStore: String, Sendable {
    /// In the page: gone with its last tab.
    case memory
    /// In `localStorage`.
    case local
}
