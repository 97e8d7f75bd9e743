/// An instant as tokens write it (RFC 7519 §2): whole seconds since 1970-01-01T00:00:00Z, leap seconds ignored.
///
/// The RFC allows fractions; issuers do not write them, and two readers that round differently disagree about when a
/// token ends. So this program reads and writes integers only.
package struct NumericDate: Hashable, Comparable, Sendable {
    package var seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// What a token may say: 1970 to the end of the year 9999. Arithmetic on such dates and on durations of the same
    /// size cannot overflow.
    package static let range: ClosedRange<Int64> = 0...253_402_300_799

    package static func < (left: NumericDate, right: NumericDate) -> Bool { left.seconds < right.seconds }

    /// The instant `seconds` later; saturates instead of overflowing.
    package func advanced(bySeconds seconds: Int64) -> NumericDate {
        let (sum, overflow) = self.seconds.addingReportingOverflow(seconds)
        guard overflow else { return NumericDate(seconds: sum) }
        return NumericDate(seconds: seconds < 0 ? .min : .max)
    }
}
