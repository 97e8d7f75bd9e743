import Balancing

/// Servers a, b, c … of those weights.
func group(
    _ weights: Int..., balance: Balance = .roundRobin, backup: Set<Int> = [], requestsMax: Int = .max,
    ejection: EjectionPolicy = EjectionPolicy(), slowStart: Int64 = 0, offset: Int = 0
) -> ServerGroup {
    ServerGroup(
        settings(weights, balance: balance, backup: backup, requestsMax: requestsMax, ejection: ejection, slowStart: slowStart),
        offset: offset)
}

func settings(
    _ weights: [Int], balance: Balance = .roundRobin, backup: Set<Int> = [], requestsMax: Int = .max,
    ejection: EjectionPolicy = EjectionPolicy(), slowStart: Int64 = 0
) -> GroupSettings {
    let members = weights.indices.map {
        MemberSettings(
            name: String("abcdefghijklmnopqrstuvwxyz".dropFirst($0).prefix(1)), weight: weights[$0],
            isBackup: backup.contains($0), requestsMax: requestsMax)
    }
    return GroupSettings(members, balance: balance, ejection: ejection, slowStart: slowStart)
}

extension ServerGroup {
    /// The server that takes a request; it stays under way. -1: full, -2: none.
    mutating func pick(key: UInt64? = nil, tried: ServerSet = ServerSet(), now: Int64 = 0) -> Int {
        switch select(key: key, tried: tried, now: now) {
        case .server(let index, _): index
        case .full: -1
        case .none: -2
        }
    }

    /// As `pick`, and the request is over at once.
    mutating func serve(key: UInt64? = nil, now: Int64 = 0) -> Int {
        let index = pick(key: key, now: now)
        if index >= 0 { ended(index) }
        return index
    }

    /// How many of `requests` each server gets.
    mutating func shares(of requests: Int, now: Int64 = 0) -> [Int] {
        var counts = [Int](repeating: 0, count: members.count)
        for _ in 0..<requests { counts[serve(now: now)] += 1 }
        return counts
    }

    /// Fails until the server is aside.
    mutating func eject(_ index: Int, now: Int64 = 0) {
        for _ in 0..<settings.ejection.failuresMax { _ = failed(index, isTrial: false, now: now) }
    }
}
