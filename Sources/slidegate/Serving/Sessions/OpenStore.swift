import Configuration
import Proxy
import SessionStores
import Sessions

/// A store of sessions that is open, and what is revoked as it tells.
final class OpenStore: Sendable {
    let settings: StoreSettings
    let store: any SessionStore
    let revocations: RevocationSet

    /// - Parameters:
    ///   - place: of `sessions.store` in the file, for what is wrong with it.
    ///   - onEvent: called on the store's thread, perhaps before this returns.
    /// - Throws: when it cannot be opened, and another try would fail alike. A server that is away is no error.
    init(
        _ settings: StoreSettings, at place: Place, of file: String, onEvent: @escaping @Sendable (StoreEvent) -> Void
    ) throws(ConfigurationRefusal) {
        self.settings = settings
        revocations = RevocationSet()
        do {
            store = try settings.open(revocations: revocations, onEvent: onEvent)
        } catch {
            let message = "the store cannot be opened: \(error.reason)"
            throw ConfigurationRefusal(file: file, diagnostics: [Diagnostic(.error, at: place, message)])
        }
    }

    /// Whether what is revoked has been known at any time.
    var isLoaded: Bool { revocations.confirmedAt != nil }
}

/// Why a store cannot be opened, for people.
struct StoreOpeningError: Error {
    var reason: String
}

extension StoreSettings {
    /// The store itself.
    ///
    /// - Parameter isGateway: whether it is to serve clients, rather than for a few requests of a command.
    func open(
        asGateway isGateway: Bool = true, revocations: RevocationSet, onEvent: @escaping @Sendable (StoreEvent) -> Void = { _ in }
    ) throws(StoreOpeningError) -> any SessionStore {
        switch self {
        case .memory: return MemoryStore(revocations: revocations)
        case .sqlite(let path, let poll):
            var settings = SQLiteStore.Settings()
            settings.pollMilliseconds = poll
            settings.sweepSeconds = nil  // whoever opens it sweeps all kinds of stores alike
            do {
                return try SQLiteStore(
                    path: path, as: isGateway ? .gateway : .visitor, revocations: revocations, settings: settings, onEvent: onEvent)
            } catch {
                switch error {
                case .away(let reason), .failed(let reason): throw StoreOpeningError(reason: reason)
                case .badCursor, .closed: throw StoreOpeningError(reason: "\(error)")
                }
            }
        case .redis(let settings):
            do {
                return try RedisStore(settings, revocations: revocations, onEvent: onEvent)
            } catch {
                throw StoreOpeningError(reason: "\(error)")
            }
        }
    }
}
