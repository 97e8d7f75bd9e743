/// An instant after which a wait is a failure, so that a broken program fails a test and never hangs it.
struct Deadline: Sendable {
    /// What a wait may take when the test says nothing: far more than any correct answer needs on a loaded machine.
    static let usual: Duration = .seconds(20)

    private let instant: ContinuousClock.Instant

    static func after(_ duration: Duration = usual) -> Deadline {
        Deadline(instant: ContinuousClock.now.advanced(by: duration))
    }

    var hasPassed: Bool { ContinuousClock.now >= instant }

    /// Milliseconds left, rounded up, at least 0: what `poll(2)` takes.
    var millisecondsLeft: Int32 {
        let left = ContinuousClock.now.duration(to: instant)
        guard left > .zero else { return 0 }
        let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
        return Int32(clamping: milliseconds)
    }

    /// Seconds left as Foundation's conditions want them.
    var secondsLeft: Double { Double(millisecondsLeft) / 1000 }
}

extension Duration {
    /// Whole and fractional seconds, for comparisons and messages.
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
