/// The servers of one upstream as one worker sees them: which of them can take a request, and which one does.
///
/// Decides only: whoever calls connects, sends, and tells how it went. Each request is `select`ed a server, which counts as
/// under way until `ended`; between them one verdict at most, `succeeded` or `failed`. Times are in milliseconds of a clock that
/// never goes back.
package struct ServerGroup: Sendable {
    /// What became of a request that wants a server.
    package enum Selection: Equatable, Sendable {
        /// - isTrial: it finds out whether the server is back; to be said again with the verdict and at the end.
        case server(Int, isTrial: Bool)
        /// Every server that could take it has as many requests as it may.
        case full
        /// None can take requests.
        case none
    }

    /// A change that is worth a line in the log.
    package enum Change: Equatable, Sendable {
        case ejected(milliseconds: Int64)
        /// The trial went well.
        case readmitted
        /// By the active checks.
        case down, up
    }

    package private(set) var settings: GroupSettings
    package internal(set) var members: [Member]

    /// - Parameter offset: workers that begin at different ones do not all send their first request to the same server.
    package init(_ settings: GroupSettings, offset: Int = 0) {
        precondition(settings.members.count <= ServerSet.capacity)
        self.settings = settings
        members = settings.members.map { Member($0, rampsFrom: .min) }
        if settings.members.count > 1 { skipTurns(offset % 256) }
    }

    /// Goes over to other settings. A server of the same name keeps what is known of it and what is under way; one that
    /// joins begins slowly.
    package mutating func update(_ settings: GroupSettings, now: Int64) {
        precondition(settings.members.count <= ServerSet.capacity)
        let before = members
        self.settings = settings
        members = settings.members.map { server in
            guard var member = before.first(where: { $0.settings.name == server.name }) else {
                return Member(server, rampsFrom: settings.slowStart > 0 ? now : .min)
            }
            member.settings = server
            if settings.ejection.failuresMax == 0 { member.ejection.forget() }
            return member
        }
    }

    /// How many may be aside at a time.
    package var ejectedMax: Int {
        members.count { $0.settings.weight > 0 } * settings.ejection.shareMaxPercent / 100
    }

    /// Whether failures can ever put a server aside.
    package var canEject: Bool { settings.ejection.failuresMax > 0 && ejectedMax > 0 }
}

extension ServerGroup {
    package struct Member: Sendable {
        package fileprivate(set) var settings: MemberSettings
        /// Of the name.
        let hash: UInt64
        /// Requests under way.
        package fileprivate(set) var active = 0
        package fileprivate(set) var requests = 0
        package fileprivate(set) var failures = 0
        package fileprivate(set) var ejections = 0
        package fileprivate(set) var passesChecks = true
        var ejection = Ejection()
        /// When it began to take requests slowly; `.min`: long ago.
        fileprivate var rampsFrom: Int64
        /// Of the smooth round robin: who has been passed over longest has most.
        var credit = 0

        fileprivate init(_ settings: MemberSettings, rampsFrom: Int64) {
            self.settings = settings
            hash = KeyHash.hash(settings.name)
            self.rampsFrom = rampsFrom
        }

        /// Failures have put it aside, or it is on trial.
        package var isEjected: Bool { ejection.isAside }
        package var isOnTrial: Bool { ejection.state == .onTrial }

        func isUsable(_ now: Int64) -> Bool { settings.weight > 0 && passesChecks && ejection.admits(now) }

        /// In thousandths: while it begins slowly, the share of the time that has passed; a tenth at least, lest its first
        /// requests never come.
        func weight(_ now: Int64, slowStart: Int64) -> Int {
            let full = settings.weight * 1000
            guard rampsFrom != .min, slowStart > 0, now - rampsFrom < slowStart else { return full }
            return max(full * Int(now - rampsFrom) / Int(slowStart), full / 10)
        }
    }
}

// MARK: - How requests go

extension ServerGroup {
    /// A server has been selected by other means, there being only one.
    package mutating func began(_ index: Int) {
        members[index].active &+= 1
        members[index].requests &+= 1
    }

    /// - Returns: the change that the server is back, if it is.
    package mutating func succeeded(_ index: Int, isTrial: Bool, now: Int64) -> Change? {
        guard members[index].ejection.succeeded(isTrial: isTrial, now: now) else { return nil }
        members[index].rampsFrom = now
        return .readmitted
    }

    /// Of such a server: counted, and no more, as there is none to go to instead.
    package mutating func failed(_ index: Int) { members[index].failures &+= 1 }

    package mutating func failed(_ index: Int, isTrial: Bool, now: Int64) -> Change? {
        members[index].failures &+= 1
        let aside = members.count { $0.ejection.isAside }
        let most = ejectedMax
        guard let time = members[index].ejection.failed(
            isTrial: isTrial, now: now, settings.ejection, mayEject: { aside < most })
        else { return nil }
        members[index].ejections &+= 1
        return .ejected(milliseconds: time)
    }

    /// - Parameter abandonment: when a trial ended that gave no verdict; nil for all other requests.
    package mutating func ended(_ index: Int, trialAbandonedAt abandonment: Int64? = nil) {
        members[index].active &-= 1
        if let abandonment { members[index].ejection.trialAbandoned(now: abandonment) }
    }

    package mutating func checked(_ index: Int, passes: Bool, now: Int64) -> Change? {
        guard members[index].passesChecks != passes else { return nil }
        members[index].passesChecks = passes
        if passes { members[index].rampsFrom = now }
        return passes ? .up : .down
    }

    /// How long until a server that failed may be tried again; nil when no time is known.
    package func timeUntilTrial(now: Int64) -> Int64? {
        var earliest: Int64?
        for member in members where member.settings.weight > 0 && member.passesChecks {
            if case .aside(let until) = member.ejection.state { earliest = min(earliest ?? .max, until) }
        }
        return earliest.map { max(0, $0 - now) }
    }
}
