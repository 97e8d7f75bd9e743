/// What one part of the file must know of another while it is read.
struct ReadingContext {
    let findings: Findings
    var upstreamNames: [String] = []
    var encodedSlashes: Configuration.Paths.EncodedSlashes = Defaults.encodedSlashes
    /// Whether requests go to upstreams; without any, decisions are all there is.
    var isProxy = true
    var hasSliding = false
    var hasSessions = false
    /// Of routes that do not say.
    var mode = Defaults.mode
}
