package import Authentication
package import Sessions

/// What a worker needs to serve the endpoints of sessions and to capture logins.
package struct SessionSettings: Sendable {
    /// One for the process. Settings that have been replaced keep theirs until the last exchange under them has ended.
    package var store: any SessionStore
    /// Makes the endpoints of one worker, beside its authenticator: at start, at a reload, and each time keys change. Nil: none are
    /// served.
    package var makeEndpoints: @Sendable (Authenticator) -> SessionEndpoints?
    /// The longest wait for an answer of the store, in milliseconds. Then the client is told to come again. It is to be longer than
    /// the time-outs of the store's own: a store that has given up knows that a rotation is in doubt, while one that answers
    /// later takes it for known.
    package var storeTimeout: Int64

    package init(
        store: any SessionStore, storeTimeout: Int64 = 5_000, makeEndpoints: @escaping @Sendable (Authenticator) -> SessionEndpoints?
    ) {
        self.store = store
        self.storeTimeout = storeTimeout
        self.makeEndpoints = makeEndpoints
    }
}

/// Sessions as one worker has them. A class: a request that does not concern them asks for it and nothing else.
final class SessionService {
    let settings: SessionSettings
    let endpoints: SessionEndpoints
    /// By route: index of the login whose answers are captured there; -1: none. In shadow mode they are not.
    private let loginOfRoute: [Int32]

    /// Nil: there are none.
    init?(_ settings: SessionSettings?, _ authenticator: Authenticator) {
        guard let settings, let endpoints = settings.makeEndpoints(authenticator) else { return nil }
        self.settings = settings
        self.endpoints = endpoints
        loginOfRoute = authenticator.policy.routes.map { $0.mode == .shadow ? -1 : Int32($0.login ?? -1) }
    }

    func login(ofRoute route: Int) -> Int? { loginOfRoute[route] < 0 ? nil : Int(loginOfRoute[route]) }
}
