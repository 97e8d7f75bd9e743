import Bytes

/// How many connections each client has open, for all workers together: a count-min sketch of atomic counters.
///
/// Four rows of 32,768 counters; a client has one counter in each row, chosen by a keyed hash, and its count is the least of
/// the four. No lock, no list of clients, no eviction, and one mebibyte whatever happens. The count is never too low. It is
/// too high only where other clients meet this one in all four rows: with N connections open, by more than N / 12,000
/// with a probability below e⁻⁴, that is 2 % (Cormode and Muthukrishnan 2005); with 20,000 connections, by one.
package final class ClientCounts: Sendable {
    private static let rows = 4
    private static let columns = 1 << 15

    private let counters = AtomicTable(rows * columns)

    package init() {}

    /// Counts another connection of the client; how many it has now.
    package func add(_ client: ClientKey) -> Int { change(client, by: 1) }

    /// Takes back what `add` has counted, once for each.
    package func remove(_ client: ClientKey) { _ = change(client, by: ~0) }

    private func change(_ client: ClientKey, by amount: UInt64) -> Int {
        var hash = client.keyedHash
        var least = UInt64.max
        for row in 0..<Self.rows {
            let column = Int(hash & 0x7FFF)
            hash >>= 15
            least = min(least, counters.add(amount, at: row * Self.columns + column))
        }
        return Int(least)
    }
}
