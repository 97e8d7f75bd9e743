import Configuration

/// The longest pause after which a session is still alive, whenever it begins: min(B, L − q).
///
/// A request at any instant finds a token that was renewed within its window, so at least L − q of it was left when it was
/// handed out (successors begin at multiples of q); and a token that is not yet in its window has more than B left.
struct IdleTime {
    private let sliding: Configuration.Sliding

    init(_ sliding: Configuration.Sliding) { self.sliding = sliding }

    /// `10m or less`, or `33% of its lifetime or less`.
    var bufferText: String {
        switch sliding.buffer {
        case .duration(let buffer): "\(DurationText.format(buffer)) or less"
        case .percent(let percent): "\(percent)% of its lifetime or less"
        }
    }

    /// For tokens of a known lifetime.
    func duration(lifetime: Duration) -> Duration {
        let buffer = window(lifetime: lifetime)
        let quantum = sliding.quantum ?? buffer
        return max(.zero, min(buffer, lifetime - quantum))
    }

    /// When the window of a token begins; nil when its lifetime cannot be told.
    func windowStart(expiration: Int64, issuedAt: Int64?) -> Int64? {
        switch sliding.lifetime {
        case .fixed(let lifetime):
            return expiration - window(lifetime: lifetime).wholeSeconds
        case .inherit:
            guard let issuedAt, issuedAt < expiration else { return nil }
            let lifetime = min(.seconds(expiration - issuedAt), sliding.lifetimeMax)
            return expiration - window(lifetime: lifetime).wholeSeconds
        }
    }

    private func window(lifetime: Duration) -> Duration {
        switch sliding.buffer {
        case .duration(let buffer): buffer
        case .percent(let percent): .seconds(max(1, lifetime.wholeSeconds * Int64(percent) / 100))
        }
    }

    var text: String {
        switch (sliding.lifetime, sliding.buffer) {
        case (.fixed(let lifetime), _):
            return DurationText.format(duration(lifetime: lifetime))
        case (.inherit, .duration(let buffer)):
            let quantum = sliding.quantum ?? buffer
            return "\(DurationText.format(buffer)), with tokens that live \(DurationText.format(buffer + quantum)) or longer"
        case (.inherit, .percent(let percent)):
            let hour = DurationText.format(duration(lifetime: .seconds(3600)))
            guard sliding.quantum == nil else { return "\(hour), with tokens that live an hour" }
            return "\(min(percent, 100 - percent))% of a token's lifetime: \(hour) with tokens that live an hour"
        }
    }
}
