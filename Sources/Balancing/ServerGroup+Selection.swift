// MARK: - The choice

extension ServerGroup {
    /// Who may be chosen.
    private struct Choice {
        let now: Int64
        /// Backup servers stand in when no other is usable; one that is only busy is.
        let usesBackup: Bool
        /// Not these.
        var tried: ServerSet
    }

    /// Chooses the server for a request, which is under way there from now on.
    /// - Parameters:
    ///   - key: for `keyed` groups; nil when the request has none.
    ///   - tried: servers that have failed this very request: used only where there is no other.
    package mutating func select(key: UInt64? = nil, tried: ServerSet = ServerSet(), now: Int64) -> Selection {
        var isUsable = false
        // A backup takes over where no other server is left, for anyone or for this very request.
        var usesBackup = true
        var hasUntriedBackup = false
        for index in members.indices where members[index].isUsable(now) {
            isUsable = true
            if members[index].settings.isBackup {
                if !tried.contains(index) { hasUntriedBackup = true }
            } else if !tried.contains(index) {
                usesBackup = false
            }
        }
        if usesBackup, !tried.isEmpty, !hasUntriedBackup {
            usesBackup = !members.contains { !$0.settings.isBackup && $0.isUsable(now) }
        }
        guard isUsable else { return .none }
        var choice = Choice(now: now, usesBackup: usesBackup, tried: tried)
        var chosen = choose(key, choice)
        if chosen == nil, !tried.isEmpty {
            choice.tried = ServerSet()
            chosen = choose(key, choice)
        }
        guard let chosen else { return .full }
        began(chosen)
        return .server(chosen, isTrial: members[chosen].ejection.begin())
    }

    /// Lets the round robin begin elsewhere.
    mutating func skipTurns(_ count: Int) {
        for _ in 0..<count { _ = takeTurn(Choice(now: 0, usesBackup: false, tried: ServerSet())) }
    }

    private mutating func choose(_ key: UInt64?, _ choice: Choice) -> Int? {
        switch (settings.balance, key) {
        case (.roundRobin, _): takeTurn(choice)
        case (.keyed, let key?): owner(of: key, choice)
        case (.leastRequests, _), (.keyed, nil): leastBusy(choice).flatMap { takeTurn(choice, load: $0) }
        }
    }

    private func canTake(_ index: Int, _ choice: Choice) -> Bool {
        members[index].settings.isBackup == choice.usesBackup && members[index].isUsable(choice.now)
            && members[index].active < members[index].settings.requestsMax && !choice.tried.contains(index)
    }

    /// Smooth weighted round robin (nginx's): everyone earns its weight, the richest is chosen and pays what all have
    /// earned. A server that weighs five of seven gets a a b a c a a, not five in a row.
    /// - Parameter load: only among servers that have as much to do for their weight.
    private mutating func takeTurn(_ choice: Choice, load: Load? = nil) -> Int? {
        var total = 0
        var best = -1
        for index in members.indices where canTake(index, choice) {
            let weight = members[index].weight(choice.now, slowStart: settings.slowStart)
            if let load, members[index].active * load.weight != load.active * weight { continue }
            total += weight
            members[index].credit += weight
            if best < 0 || members[index].credit > members[best].credit { best = index }
        }
        guard best >= 0 else { return nil }
        members[best].credit -= total
        return best
    }

    /// Requests under way, for a weight.
    private struct Load {
        var active: Int
        var weight: Int
    }

    /// The least load of a server. Those that are equal take turns, so that idle servers share what little comes.
    private func leastBusy(_ choice: Choice) -> Load? {
        var least: Load?
        for index in members.indices where canTake(index, choice) {
            let load = Load(
                active: members[index].active, weight: members[index].weight(choice.now, slowStart: settings.slowStart))
            if let best = least, load.active * best.weight >= best.active * load.weight { continue }
            least = load
        }
        return least
    }

    /// A server that has as many requests as it may hands its keys on, each key always to the same other server.
    private func owner(of key: UInt64, _ choice: Choice) -> Int? {
        var best = -1
        var bestDraw = Double.infinity
        for index in members.indices where canTake(index, choice) {
            let weight = Double(members[index].weight(choice.now, slowStart: settings.slowStart))
            let draw = Rendezvous.draw(key: key, server: members[index].hash, weight: weight)
            if draw < bestDraw { (best, bestDraw) = (index, draw) }
        }
        return best >= 0 ? best : nil
    }
}
