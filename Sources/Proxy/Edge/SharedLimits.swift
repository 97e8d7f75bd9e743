import Synchronization
import Throttling

/// What clients have of the whole process: the one thing that workers share on a request's way, as atomic numbers without a
/// lock. One for the process, so that a reload forgets nothing; untouched where no limit asks for it.
final class SharedLimits: Sendable {
    let connections = ClientCounts()
    let failures = FailureBuckets()
    /// Requests under way.
    let requests = Atomic<Int>(0)
}
