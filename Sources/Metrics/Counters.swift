/// What one worker has done since it started; summed over workers by whoever reports.
package struct Counters: Sendable {
    package var connections = 0
    /// Requests admitted and sent upstream.
    package var exchanges = 0
    /// Answers that carried a successor.
    package var renewals = 0
    /// Renewals that were due and could not be signed; the requests went on without.
    package var mintFailures = 0
    /// Requests refused by policy.
    package var refusals = 0
    /// Requests that failed otherwise: malformed, timed out, upstream down.
    package var failures = 0
    /// Times that accepting was paused, at the limit of connections or descriptors.
    package var acceptPauses = 0

    package init() {}

    package static func += (total: inout Counters, part: Counters) {
        total.connections += part.connections
        total.exchanges += part.exchanges
        total.renewals += part.renewals
        total.mintFailures += part.mintFailures
        total.refusals += part.refusals
        total.failures += part.failures
        total.acceptPauses += part.acceptPauses
    }
}
