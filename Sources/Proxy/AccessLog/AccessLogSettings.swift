/// What an access log is to be.
package struct AccessLogSettings: Sendable {
    package enum Format: Sendable {
        /// An object a line.
        case json
        /// As Apache httpd and nginx name it.
        case combined
    }

    package var format: Format
    /// One for all workers.
    package var writer: LogWriter
    /// Whether lines say whose token it was.
    package var namesSubjects: Bool
    /// Makes, for one worker, what turns a subject into a pseudonym. Nil: subjects are named as they are.
    package var makeSubjectHash: (@Sendable () -> (Span<UInt8>) -> UInt64)?
    /// Whether a request that is part of no trace begins one.
    package var startsTraces: Bool

    package init(
        _ format: Format, writer: LogWriter, namesSubjects: Bool = true,
        makeSubjectHash: (@Sendable () -> (Span<UInt8>) -> UInt64)? = nil, startsTraces: Bool = true
    ) {
        self.format = format
        self.writer = writer
        self.namesSubjects = namesSubjects
        self.makeSubjectHash = makeSubjectHash
        self.startsTraces = startsTraces
    }
}
