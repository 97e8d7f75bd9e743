/// Servers of one group, by index below `capacity`.
package struct ServerSet: Equatable, Sendable {
    /// The largest group. What selects looks at every server, and does so in a few microseconds up to here.
    package static let capacity = 256
    private var bits = SIMD4<UInt64>(repeating: 0)

    package init() {}

    package var isEmpty: Bool { bits == SIMD4(repeating: 0) }
    package func contains(_ index: Int) -> Bool { bits[index >> 6 & 3] >> UInt64(index & 63) & 1 != 0 }
    package mutating func insert(_ index: Int) { bits[index >> 6 & 3] |= 1 << UInt64(index & 63) }
}
