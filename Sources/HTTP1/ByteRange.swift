/// Where a part of a message lies in the span it was parsed from: offsets, never a copy.
///
/// Half the size of `Range<Int>`. Heads are bounded far below 4 GiB, so 32 bits always do.
/// Invariant: `start ≤ end`.
package struct ByteRange: Equatable, Sendable {
    package var start: UInt32
    package var end: UInt32

    @inlinable
    package init(start: UInt32, end: UInt32) {
        self.start = start
        self.end = end
    }

    /// - Precondition: `0 ≤ start ≤ end < 2³²`; callers bound the span they parse.
    @inlinable
    package init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    package static let empty = ByteRange(start: 0, end: 0)

    @inlinable package var bounds: Range<Int> { Int(start)..<Int(end) }
    @inlinable package var count: Int { Int(end) &- Int(start) }
    @inlinable package var isEmpty: Bool { start == end }
}
