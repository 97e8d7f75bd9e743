import Sessions

/// An error that a server answers a command with, by what it means to us. Nothing has been done then.
enum RedisRefusal: Error, Equatable {
    /// WRONGPASS, and what older servers say.
    case wrongPassword
    /// NOAUTH
    case passwordMissing
    /// NOPERM
    case notPermitted(String)
    case noSuchDatabase
    /// WRONGTYPE
    case wrongType
    /// LOADING
    case loading
    /// READONLY: a replica, after a failover perhaps.
    case readOnly
    /// MASTERDOWN: a replica that has lost its master.
    case masterDown
    /// OOM
    case outOfMemory
    /// MISCONF: it cannot write to its disk, and takes no changes therefore.
    case cannotPersist
    /// NOREPLICAS: fewer replicas than it is configured to want.
    case noReplicas
    /// BUSY: somebody's script runs for too long.
    case busy
    /// NOSCRIPT
    case noScript
    /// MOVED, ASK, CROSSSLOT, CLUSTERDOWN
    case cluster
    case other(String)

    init(_ text: String) {
        let code = text.prefix { $0 != " " }
        switch code {
        case "WRONGPASS": self = .wrongPassword
        case "NOAUTH": self = .passwordMissing
        case "NOPERM": self = .notPermitted(Self.excerpt(text.dropFirst(code.count + 1)))
        case "WRONGTYPE": self = .wrongType
        case "LOADING": self = .loading
        case "READONLY": self = .readOnly
        case "MASTERDOWN": self = .masterDown
        case "OOM": self = .outOfMemory
        case "MISCONF": self = .cannotPersist
        case "NOREPLICAS": self = .noReplicas
        case "BUSY": self = .busy
        case "NOSCRIPT": self = .noScript
        case "MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN", "TRYAGAIN": self = .cluster
        case "ERR" where text.contains("DB index"): self = .noSuchDatabase
        case "ERR" where text.contains("invalid password"): self = .wrongPassword
        case "ERR" where text.contains("WRONGTYPE"): self = .wrongType  // as servers before 7 put it for scripts
        case "ERR" where text.contains("The user executing the script can't"): self = .notPermitted(Self.excerpt(text.dropFirst(4)))
        default: self = .other(Self.excerpt(text[...]))
        }
    }

    /// Without what a server repeats of the command, and in one short line.
    private static func excerpt(_ text: Substring) -> String {
        let end = [", with args", " script: "].compactMap { text.firstRange(of: $0)?.lowerBound }.min() ?? text.endIndex
        return String(text[..<end].prefix(120).filter { $0.isASCII && !$0.isNewline && $0 >= " " })
    }

    var reason: String {
        switch self {
        case .wrongPassword: "the user name or the password is wrong"
        case .passwordMissing: "it wants a password"
        case .notPermitted(let what): "the user may not do what is needed: \(what)"
        case .noSuchDatabase: "it has no database of that number"
        case .wrongType: "a key with our prefix holds something that is not ours"
        case .loading: "it is loading its data"
        case .readOnly: "it is a replica"
        case .masterDown: "it is a replica that has lost its master"
        case .outOfMemory: "it has reached its memory limit"
        case .cannotPersist: "it cannot save its data, and takes no changes"
        case .noReplicas: "it has too few replicas to take changes"
        case .busy: "it is busy with a script"
        case .noScript: "it does not keep our scripts"
        case .cluster: "it belongs to a Redis Cluster, which is not supported"
        case .other(let text): "it says: \(text)"
        }
    }

    /// What a connection that hears it is good for.
    var endsConnection: Bool {
        switch self {
        case .wrongPassword, .passwordMissing, .noSuchDatabase, .loading, .readOnly, .masterDown, .cluster: true
        case .notPermitted, .wrongType, .outOfMemory, .cannotPersist, .noReplicas, .busy, .noScript, .other: false
        }
    }

    /// As the one who asked the store is told. What an operator can mend meanwhile is worth another try.
    var storeError: StoreError {
        switch self {
        case .wrongType, .noScript, .other: .failed("Redis: \(reason)")
        case .wrongPassword, .passwordMissing, .notPermitted, .noSuchDatabase, .loading, .readOnly, .masterDown, .outOfMemory,
            .cannotPersist, .noReplicas, .busy, .cluster:
            .away("Redis: \(reason)")
        }
    }
}

/// Why a command has no reply.
enum RedisFault: Error, Equatable {
    /// The connection was lost before: the command may have been executed.
    case lost(String)
    case refused(RedisRefusal)

    var reason: String {
        switch self {
        case .lost(let reason): reason
        case .refused(let refusal): refusal.reason
        }
    }

    var storeError: StoreError {
        switch self {
        case .lost(let reason): .away("Redis: \(reason)")
        case .refused(let refusal): refusal.storeError
        }
    }
}
