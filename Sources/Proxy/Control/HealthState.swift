/// When so many checks in a row say the same, they are believed.
package struct HealthThresholds: Equatable, Sendable {
    package var healthyAfter: Int
    package var unhealthyAfter: Int

    package init(healthyAfter: Int, unhealthyAfter: Int) {
        self.healthyAfter = healthyAfter
        self.unhealthyAfter = unhealthyAfter
    }
}

/// What active checks have made of one address. It begins as healthy: a gateway that starts beside its servers must not turn
/// requests away until a check has come round.
package struct HealthState: Equatable, Sendable {
    package private(set) var isHealthy = true
    /// Checks in a row that contradict `isHealthy`.
    private var doubts = 0

    package init() {}

    /// - Returns: whether `isHealthy` has changed.
    package mutating func observed(isGood: Bool, _ thresholds: HealthThresholds) -> Bool {
        guard isGood != isHealthy else {
            doubts = 0
            return false
        }
        doubts += 1
        guard doubts >= (isGood ? thresholds.healthyAfter : thresholds.unhealthyAfter) else { return false }
        isHealthy = isGood
        doubts = 0
        return true
    }
}
