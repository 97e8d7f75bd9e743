/// How full a worker's share of memory for buffers is, and so what it takes on.
package struct Pressure: Equatable, Sendable {
    package enum Level: Int, Comparable, Sendable {
        case none
        /// No new connections.
        case high
        /// No new requests either.
        case full

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    package private(set) var level = Level.none
    private var bytesMax: Int

    /// - Parameter bytesMax: at which the level is `full`.
    package init(bytesMax: Int) { self.bytesMax = max(8, bytesMax) }

    /// From here on the level may be another than `none`.
    package var highMark: Int { bytesMax - bytesMax / 8 }

    /// Rises at once. Falls a good deal lower, lest each answer that is read flips it: from `full` at seven eighths, from
    /// `high` at three quarters.
    package mutating func update(bytes: Int) {
        let isHigh = bytes >= (level == .none ? highMark : bytesMax - bytesMax / 4)
        let isFull = bytes >= (level == .full ? highMark : bytesMax)
        level = isFull ? .full : isHigh ? .high : .none
    }
}
