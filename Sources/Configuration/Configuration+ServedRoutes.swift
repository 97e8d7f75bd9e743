extension Configuration {
    /// What the routes of a request are searched among: those that logins make, and behind them those of the file.
    package var servedRoutes: [Route] { (sessions.map(loginRoutes) ?? []) + routes }

    private func loginRoutes(_ sessions: Sessions) -> [Route] {
        sessions.endpoints.logins.enumerated().flatMap { index, login in
            // A route for the same path and certain hosts would go before one for any host, and open a login without tokens.
            let hosts = routes.filter { $0.pathPrefix == login.endpoint.path }.flatMap(\.hosts)
            return (hosts.isEmpty ? [[]] : [hosts, []]).map {
                var route = Route(login, index: index, hosts: $0)
                route.mode = mode
                return route
            }
        }
    }
}

extension Configuration.Route {
    fileprivate init(_ login: Configuration.Sessions.Login, index: Int, hosts: [String]) {
        self.init(
            pathPrefix: login.endpoint.path, hosts: hosts, methods: login.endpoint.methods, authentication: .none, slides: false,
            require: [], authorization: .original, claimHeaders: [], upstream: login.upstream, streams: .free,
            login: index, place: login.endpoint.place)
    }
}
