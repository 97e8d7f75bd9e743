import Authentication
import BrowserModule
import Bytes
import Configuration
import JOSE
import Proxy
import Signatures

extension ServedFiles {
    /// What the configuration has the gateway itself serve: its public keys as they are loaded, and the module for browsers.
    init?(_ configuration: Configuration, _ keys: LoadedKeys, _ sessions: LoadedSessions?) {
        var files: [ServedFile] = []
        if let published = configuration.publishedKeys {
            files.append(
                ServedFile(
                    at: published.path, content: Array(keys.publicJWKSet().utf8), mediaType: "application/jwk-set+json",
                    caching: "public, max-age=\(published.maxAge.wholeSeconds)"))
        }
        if let browser = configuration.browser {
            let settings = ClientSettings(AuthenticationPolicy(configuration), sessions.map { SessionPolicy($0) })
            files += Self.module(browser, settings)
        }
        self.init(files, folders: configuration.browser.map { [$0.path] } ?? [])
    }

    /// The module under a name of its content, which never changes and is never asked for again, and under a name that stays; what
    /// else there is has only the latter. While several gateways are upgraded, one is asked for the module that another has
    /// named: the own one serves, for that once.
    private static func module(_ browser: Configuration.Browser, _ settings: ClientSettings) -> [ServedFile] {
        let script = BrowserModule.script
        let named = "slidegate.\(digest(script).prefix(16)).js"
        let session = BrowserModule.sessionScript(settings, store: SessionStore(browser.store), module: "./\(named)")
        let javaScript = "text/javascript; charset=utf-8"
        func file(_ name: String, _ content: [UInt8], _ mediaType: String, _ caching: String = "no-cache") -> ServedFile {
            ServedFile(at: "\(browser.path)/\(name)", content: content, mediaType: mediaType, caching: caching)
        }
        let anyVersion = ServedFile.Place.hashes(before: Array("\(browser.path)/slidegate.".utf8), behind: Array(".js".utf8))
        return [
            file(named, script, javaScript, "public, max-age=31536000, immutable"), file("slidegate.js", script, javaScript),
            file("session.js", Array(session.utf8), javaScript), file("slidegate.d.ts", BrowserModule.types, "text/plain; charset=utf-8"),
            ServedFile(at: anyVersion, content: script, mediaType: javaScript, caching: "no-store"),
        ]
    }
}

extension ServedFile {
    fileprivate init(at path: String, content: [UInt8], mediaType: String, caching: String) {
        self.init(at: .path(Array(path.utf8)), content: content, mediaType: mediaType, caching: caching)
    }

    fileprivate init(at place: Place, content: [UInt8], mediaType: String, caching: String) {
        self.init(at: place, content: content, digest: String(digest(content).prefix(32)), mediaType: mediaType, caching: caching)
    }
}

/// SHA-256 in lower-case hexadecimal.
private func digest(_ content: [UInt8]) -> String {
    // Authenticators have one each, and are made before; what is left is a system without memory.
    guard let hasher = try? SHA256Hasher() else { preconditionFailure("OpenSSL has no SHA-256 any more") }
    let hash = hasher.sha256(content.span)
    var text = ""
    for index in hash.indices {
        text += String(hash[index] >> 4, radix: 16) + String(hash[index] & 15, radix: 16)
    }
    return text
}

extension SessionStore {
    fileprivate init(_ store: Configuration.Browser.Store) {
        self =
            switch store {
            case .memory: .memory
            case .local: .local
            }
    }
}
