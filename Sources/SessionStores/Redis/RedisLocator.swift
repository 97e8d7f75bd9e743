import EventLoop

/// Finds out where the server is now: resolves its name, or asks the Sentinels.
final class RedisLocator {
    typealias Answer = (Result<[SocketAddress], RedisFault>) -> Void

    private let context: RedisContext
    private var lookup: Lookup?
    private var sentinel: RedisConnection?
    /// Which Sentinel is asked first: the one that has answered last.
    private var preferred = 0

    init(_ context: RedisContext) { self.context = context }

    /// - Parameter answer: called once, in a later turn mostly, unless another search begins or `cancel` comes first.
    func locate(_ answer: @escaping Answer) {
        cancel()
        switch context.settings.place {
        case .unix(let path): answer(.success([.unix(path: path)]))
        case .server(let endpoint): resolve(endpoint, answer)
        case .sentinels(let endpoints, let service, let credentials):
            guard !endpoints.isEmpty else { return answer(.failure(.lost("there is no Sentinel to ask"))) }
            let order = endpoints.indices.map { ($0 + preferred) % endpoints.count }
            ask(order[...], endpoints, service, credentials, after: .lost(""), answer)
        }
    }

    func cancel() {
        lookup = nil
        sentinel?.close()
        sentinel = nil
    }

    private func resolve(_ endpoint: RedisSettings.Endpoint, _ answer: @escaping Answer) {
        if let known = context.resolver.addressesKnownHere(endpoint.host) {
            return answer(.success(known.map { $0.withPort(endpoint.port) }))
        }
        do {
            lookup = try context.resolver.lookUp(endpoint.host) { result in
                switch result {
                case .success(let found): answer(.success(found.addresses.map { $0.withPort(endpoint.port) }))
                case .failure(let error): answer(.failure(.lost("cannot resolve \(endpoint.host): \(error)")))
                }
            }
        } catch {
            answer(.failure(.lost("memory is short")))
        }
    }

    // MARK: Sentinels

    /// Asks one Sentinel after another until one names the master.
    private func ask(
        _ order: ArraySlice<Int>, _ endpoints: [RedisSettings.Endpoint], _ service: String, _ credentials: RedisSettings.Credentials,
        after fault: RedisFault, _ answer: @escaping Answer
    ) {
        guard let index = order.first else { return answer(.failure(fault)) }
        let askNext = { [unowned self] (fault: RedisFault) in
            ask(order.dropFirst(), endpoints, service, credentials, after: fault, answer)
        }
        resolve(endpoints[index]) { [unowned self] result in
            switch result {
            case .failure(let fault): askNext(fault)
            case .success(let addresses):
                ask(addresses[...], service, credentials) { [unowned self] result in
                    switch result {
                    case .success(let master):
                        preferred = index
                        resolve(master, answer)
                    case .failure(let fault): askNext(.lost("Sentinel \(endpoints[index]): \(fault.reason)"))
                    }
                }
            }
        }
    }

    private func ask(
        _ addresses: ArraySlice<SocketAddress>, _ service: String, _ credentials: RedisSettings.Credentials,
        _ answer: @escaping (Result<RedisSettings.Endpoint, RedisFault>) -> Void
    ) {
        guard let address = addresses.first else { return answer(.failure(.lost("it has no address"))) }
        let failed = { [unowned self] (fault: RedisFault) in
            sentinel?.close()
            sentinel = nil
            guard addresses.count > 1 else { return answer(.failure(fault)) }
            ask(addresses.dropFirst(), service, credentials, answer)
        }
        do throws(RedisFault) {
            let connection = try RedisConnection(to: address, context) { _ in }
            sentinel = connection
            let question = RedisCommand("SENTINEL", "get-master-addr-by-name", service)
            connection.send(credentials.commands + [question]) { [unowned self] results in
                guard sentinel === connection else { return }
                do throws(RedisFault) {
                    // Where the password is wrong, what follows is refused as well.
                    let replies = try results.map { (result) throws(RedisFault) in try result.get() }
                    guard let master = replies.last.flatMap(RedisSettings.Endpoint.init) else {
                        throw .lost("it does not know the service \(service)")
                    }
                    connection.close()
                    sentinel = nil
                    answer(.success(master))
                } catch {
                    failed(error)
                }
            }
        } catch {
            failed(error)
        }
    }
}

extension RedisSettings.Endpoint {
    /// From a Sentinel's answer: host and port.
    fileprivate init?(_ reply: RedisValue) {
        guard let parts = reply.elements, parts.count == 2, let host = parts[0].string, !host.isEmpty,
            let port = parts[1].string.flatMap({ UInt16($0) })
        else { return nil }
        self.init(host: host, port: port)
    }
}

extension RedisSettings.Credentials {
    /// How one says who one is; none for a server that wants nobody.
    var commands: [RedisCommand] {
        guard let password else { return [] }
        if let user { return [RedisCommand("AUTH", user, password.text)] }
        return [RedisCommand("AUTH", password.text)]
    }
}
