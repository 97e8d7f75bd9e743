extension Configuration.Sessions.Store {
    static let form = "memory, sqlite:PATH, redis://HOST:PORT/DATABASE or redis+unix:PATH"

    /// One word, or a mapping.
    static func read(_ field: Field) -> Self? {
        if field.isMapping { return readLong(field) }
        guard let text = field.text(expected: form) else { return nil }
        if text == "memory" { return .memory }
        guard let colon = text.firstIndex(of: ":") else {
            field.refuse(expected: form, suggestion: Suggestion.nearest(to: text, among: ["memory", "sqlite:sessions.db"]))
            return nil
        }
        let rest = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "sqlite": return readFile(rest, field)
        case "redis", "redis+unix", "rediss":
            return RedisURL.read(text, field).map { .redis($0) }
        case let scheme:
            let near = ["valkey": "redis", "unix": "redis+unix", "sqlite3": "sqlite"][String(scheme)]
            field.refuse(
                "\"\(Quotation.shortened(String(scheme)))\" is no kind of store", expected: form,
                suggestion: near ?? Suggestion.nearest(to: String(scheme), among: ["sqlite", "redis", "redis+unix"]))
            return nil
        }
    }

    private static func readFile(_ path: String, _ field: Field) -> Self? {
        let form = "sqlite: and the name of a file, such as sqlite:/var/lib/slidegate/sessions.db"
        if path.hasPrefix("//") {
            let plain = "/" + path.drop { $0 == "/" }
            field.refuse("a file is named by its path alone, not by a URL", expected: form, suggestion: "sqlite:\(Quotation.shortened(plain))")
        } else if path == ":memory:" {
            field.refuse("SQLite in memory would be gone with its connection", expected: form, suggestion: "memory")
        } else if !isFileName(path) {
            field.refuse("names no file", expected: form)
        } else {
            return .sqlite(path: path)
        }
        return nil
    }

    private static func isFileName(_ path: String) -> Bool {
        !path.isEmpty && !path.hasSuffix("/") && path.utf8.count <= 4000 && path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    private static func readLong(_ field: Field) -> Self? {
        let form = "{ sqlite: { path: … } } or { redis: { address: … } }"
        guard let section = Section<Vocabulary.SessionStore>(field, expected: form) else { return nil }
        switch (section[.sqlite], section[.redis]) {
        case (let sqlite?, nil):
            guard let file = Section<Vocabulary.SQLite>(sqlite, expected: "a mapping such as { path: sessions.db }") else { return nil }
            guard let path = file[.path] else {
                sqlite.refuse("path is missing", expected: "a file name")
                return nil
            }
            return path.fileName().flatMap { readFile($0, path) }
        case (nil, let redis?): return Configuration.Sessions.Redis.read(redis).map { .redis($0) }
        case (_?, _?), (nil, nil):
            if !section.hasUnknownKeys { field.refuse("there is one store", expected: form) }
            return nil
        }
    }
}

extension Configuration.Sessions.Redis {
    init(_ server: Server) {
        self.init(
            server: server, username: nil, password: nil, database: 0, prefix: Defaults.redisPrefix,
            timeout: Defaults.redisTimeout)
    }

    fileprivate static func read(_ field: Field) -> Self? {
        let form = "a mapping such as { address: 10.0.0.5:6379, password_file: redis.password }"
        guard let section = Section<Vocabulary.Redis>(field, expected: form) else { return nil }
        let server = readServer(section)
        var redis = Self(server ?? .address(Endpoint(host: .name("redis"), port: Defaults.redisPort)))
        redis.username = section[.username].flatMap(readUser)
        redis.password = section.secret(file: .passwordFile, environment: .passwordEnvironment)
        redis.database = section[.database]?.integer(in: Bounds.redisDatabase) ?? redis.database
        redis.prefix = section[.prefix].flatMap(readPrefix) ?? redis.prefix
        redis.timeout = section[.timeout]?.duration(in: Bounds.redisTimeout) ?? redis.timeout
        if redis.username != nil, !section.has(.passwordFile), !section.has(.passwordEnvironment) {
            section.field.findings.error(
                at: section.place(of: .username), "a user name without a password", expected: "password_file or password_env")
        }
        return server == nil ? nil : redis
    }

    private static func readServer(_ section: Section<Vocabulary.Redis>) -> Server? {
        let form = "address, or sentinels and service"
        switch (section[.address], section[.sentinels]) {
        case (let address?, nil):
            for key in [Vocabulary.Redis.service, .sentinelUsername, .sentinelPasswordFile, .sentinelPasswordEnvironment]
            where section.has(key) {
                section.field.findings.error(at: section.place(of: key), "\(key.rawValue) belongs to sentinels")
            }
            return address.endpoint(zeroPort: false).map { .address($0.value) }
        case (nil, let sentinels?): return readSentinels(sentinels, section).map { .sentinels($0) }
        case (_?, let second?):
            second.refuse("address already says where the server is", expected: form)
            return nil
        case (nil, nil):
            if !section.hasUnknownKeys { section.field.refuse("address is missing", expected: form) }
            return nil
        }
    }

    private static func readSentinels(_ field: Field, _ section: Section<Vocabulary.Redis>) -> Sentinels? {
        let form = "a list of addresses such as [ 10.0.0.5:26379, 10.0.0.6:26379 ]"
        var addresses: [Endpoint] = []
        if field.isEmptyList { field.refuse("no sentinel", expected: form) }
        for element in field.elements(expected: form) {
            guard let endpoint = element.endpoint(zeroPort: false)?.value else { continue }
            guard !addresses.contains(endpoint) else {
                element.refuse("\(endpoint) is there twice", expected: "each once")
                continue
            }
            addresses.append(endpoint)
        }
        if addresses.count > Bounds.sentinels {
            field.refuse("there are \(addresses.count) sentinels", expected: "at most \(Bounds.sentinels)")
        }
        let username = section[.sentinelUsername].flatMap(readUser)
        let password = section.secret(file: .sentinelPasswordFile, environment: .sentinelPasswordEnvironment)
        if username != nil, !section.has(.sentinelPasswordFile), !section.has(.sentinelPasswordEnvironment) {
            section.field.findings.error(
                at: section.place(of: .sentinelUsername), "a user name without a password",
                expected: "sentinel_password_file or sentinel_password_env")
        }
        guard let service = section[.service] else {
            section.field.refuse("service is missing", expected: "the primary's name among its sentinels, such as mymaster")
            return nil
        }
        guard let name = service.text(expected: "a name such as mymaster") else { return nil }
        guard isName(name) else {
            service.refuse("is no name of a service", expected: "letters, digits, dots, hyphens and underscores")
            return nil
        }
        return addresses.isEmpty ? nil : Sentinels(addresses: addresses, service: name, username: username, password: password)
    }

    private static func isName(_ text: String) -> Bool {
        text.utf8.count <= 256
            && text.utf8.allSatisfy { byte in
                (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || [0x2D, 0x2E, 0x5F].contains(byte)
            }
    }

    private static func readUser(_ field: Field) -> String? {
        guard let text = field.text(expected: "a user name") else { return nil }
        guard text.utf8.count <= 256, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            field.refuse("is no user name", expected: "at most 256 bytes without spaces")
            return nil
        }
        return text
    }

    private static func readPrefix(_ field: Field) -> String? {
        let form = "what all keys begin with, such as slidegate:"
        guard let text = field.text(expected: form) else { return nil }
        // Braces mean something to a cluster, and stars and brackets to whoever lists keys by a pattern.
        guard text.utf8.count <= 128, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"{}*?[]\\".utf8.contains($0) }) else {
            field.refuse("is no prefix", expected: "at most 128 printable characters without spaces, braces, brackets, stars")
            return nil
        }
        return text
    }
}

/// `redis://HOST:PORT/DATABASE` and `redis+unix:PATH`.
enum RedisURL {
    static let form = "redis://HOST:PORT/DATABASE or redis+unix:PATH"

    static func read(_ text: String, _ field: Field) -> Configuration.Sessions.Redis? {
        if text.hasPrefix("rediss:") {
            field.refuse(
                "there is no TLS to Redis: the hiredis of Debian 12 has none",
                expected: "redis:// through a private network, or through a TLS tunnel such as stunnel on this machine")
            return nil
        }
        guard !text.contains("@") else {
            // What may be a password is not repeated: the message may end in a log.
            field.refuse(
                "a user or a password does not belong in this address",
                expected: "{ redis: { address: HOST:PORT, username: NAME, password_file: NAME } }, or password_env")
            return nil
        }
        if text.hasPrefix("redis+unix:") {
            return endpoint("unix:\(text.dropFirst("redis+unix:".utf8.count))", text, field).map { Configuration.Sessions.Redis(.address($0)) }
        }
        guard text.hasPrefix("redis://") else {
            field.refuse("is no address of a Redis", expected: form)
            return nil
        }
        let rest = text.dropFirst("redis://".utf8.count)
        let authority = rest.prefix { $0 != "/" }
        let hasPort = authority.hasPrefix("[") ? !authority.hasSuffix("]") : authority.contains(":")
        let address = hasPort ? String(authority) : "\(authority):\(Defaults.redisPort)"
        guard let endpoint = endpoint(address, text, field) else { return nil }
        var redis = Configuration.Sessions.Redis(.address(endpoint))
        let path = rest.dropFirst(authority.count)
        guard !path.isEmpty, path != "/" else { return redis }
        guard path.utf8.count <= 6, path.utf8.dropFirst().allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let database = Int(path.dropFirst()), Bounds.redisDatabase.contains(database)
        else {
            field.refuse("what follows the port is no database", expected: "a number such as /0")
            return nil
        }
        redis.database = database
        return redis
    }

    private static func endpoint(_ address: String, _ text: String, _ field: Field) -> Endpoint? {
        switch EndpointText.parse(address) {
        case .success(let endpoint) where endpoint.isUnix || endpoint.port != 0: return endpoint
        case .success:
            field.refuse("\"\(Quotation.shortened(text))\" has port 0", expected: "a port from 1 to 65535")
        case .failure(let fault):
            field.refuse("\"\(Quotation.shortened(text))\" \(fault.message)", expected: form)
        }
        return nil
    }
}
