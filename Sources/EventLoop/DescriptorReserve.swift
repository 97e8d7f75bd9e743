import Synchronization

/// Keeps the last descriptors of the process for what must work even when clients have taken all others: administration,
/// logs, a reload.
///
/// Descriptors are numbered from the lowest free one on, so that a number tells how many are open. Connections of clients and
/// to upstreams are not made with those at the end; to whoever makes them it is as if the system had none left.
package enum DescriptorReserve {
    private static let end = Atomic<CInt>(.max)

    /// - Parameters:
    ///   - count: descriptors that are kept.
    ///   - limit: descriptors that the process may have.
    package static func keep(_ count: Int, of limit: Int) {
        end.store(CInt(clamping: max(limit - count, limit / 2)), ordering: .relaxed)
    }

    /// Whether a connection must not have this one.
    static func holds(_ descriptor: CInt) -> Bool { descriptor >= end.load(ordering: .relaxed) }
}
