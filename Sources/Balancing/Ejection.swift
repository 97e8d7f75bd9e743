/// Whether a server is used, judged by how its last requests went.
///
/// ```
/// admitted ──failures in a row──► aside ──time over──► on trial ──success──► admitted
///                                   ▲                      │
///                                   └──failure, for twice the time
/// ```
///
/// Only the one request that is the trial decides about its outcome: what was under way when the server was put aside
/// says nothing new.
struct Ejection: Equatable, Sendable {
    enum State: Equatable, Sendable {
        case admitted(failures: Int)
        case aside(until: Int64)
        /// One request is on its way to find out.
        case onTrial
    }

    private(set) var state = State.admitted(failures: 0)
    /// Times in a row that it was put aside.
    private var times = 0
    /// When it came back last.
    private var admittedAt = Int64.min

    var isAside: Bool { if case .admitted = state { false } else { true } }

    /// Whether a request may go there now.
    func admits(_ now: Int64) -> Bool {
        switch state {
        case .admitted: true
        case .aside(let until): until <= now
        case .onTrial: false
        }
    }

    /// A request goes there; true when it is the trial.
    mutating func begin() -> Bool {
        guard case .aside = state else { return false }
        state = .onTrial
        return true
    }

    /// True when that brings the server back.
    mutating func succeeded(isTrial: Bool, now: Int64) -> Bool {
        switch state {
        case .admitted(let failures):
            if failures > 0 { state = .admitted(failures: 0) }
            return false
        case .onTrial where isTrial:
            state = .admitted(failures: 0)
            admittedAt = now
            return true
        case .onTrial, .aside: return false
        }
    }

    /// - Parameter mayEject: whether one more server may be put aside.
    /// - Returns: for how long the server is aside from now on; nil when that has not changed.
    mutating func failed(isTrial: Bool, now: Int64, _ policy: EjectionPolicy, mayEject: () -> Bool) -> Int64? {
        switch state {
        case .admitted(let failures):
            let failures = min(failures, policy.failuresMax) + 1
            guard policy.failuresMax > 0, failures >= policy.failuresMax, mayEject() else {
                state = .admitted(failures: failures)
                return nil
            }
            // What has gone well for so long starts anew.
            if admittedAt == .min || now - admittedAt >= policy.timeMax { times = 0 }
            return putAside(now, policy)
        case .onTrial where isTrial: return putAside(now, policy)
        case .onTrial, .aside: return nil
        }
    }

    /// The trial has ended without telling anything: the next request is one.
    mutating func trialAbandoned(now: Int64) {
        if case .onTrial = state { state = .aside(until: now) }
    }

    /// Ejection has been turned off, or what was known is no longer about this server.
    mutating func forget() { self = Ejection() }

    private mutating func putAside(_ now: Int64, _ policy: EjectionPolicy) -> Int64 {
        let time = min(policy.timeMax, policy.baseTime << min(times, 20))
        times += 1
        state = .aside(until: now + time)
        return time
    }
}
