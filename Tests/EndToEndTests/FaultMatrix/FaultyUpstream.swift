/// An upstream that shows one fault, and knows what it has executed.
final class FaultyUpstream: Sendable {
    let port: UInt16
    private let origin: Origin?
    private let unreachable: UnreachableAddress?

    init(_ upstream: Fault.Upstream) throws {
        switch upstream {
        case .absent:
            // Bound and let go of: nobody is there, and the system gives the number to others last.
            port = try ListeningSocket().port
            origin = nil
            unreachable = nil
        case .unreachable:
            let address = try UnreachableAddress()
            port = address.port
            unreachable = address
            origin = nil
        case .script(let script):
            let scripted = try Origin(keepsLog: false, script)
            port = scripted.port
            origin = scripted
            unreachable = nil
        }
    }

    /// How many requests for `target` have come whole: each of them may have been executed.
    func executions(of target: String) -> Int { origin?.requests.count { $0.target == target } ?? 0 }

    /// Until the fault of `Occasion.betweenRequests` has happened.
    func waitForFirstConnectionToEnd() throws { try origin?.waitForEnded(1) }
}
