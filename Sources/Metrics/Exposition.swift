package import Bytes

/// Metrics as Prometheus reads them: text exposition format 0.0.4, family by family.
///
/// A family is begun once, and all its samples follow before the next one begins. Names of metrics and labels come from
/// `MetricFamily`; values of labels may be any text.
package struct Exposition: ~Copyable {
    /// A value of a label is cut beyond this: routes are named by paths, which may be long.
    package static let labelBytesMax = 128

    /// The text so far.
    package private(set) var text = ByteBuffer()
    private var family = MetricFamily.none

    package init() {}

    /// Begins a family: its samples follow, all of them, before the next one begins.
    package mutating func begin(_ family: MetricFamily) {
        self.family = family
        text.append("# HELP ")
        text.append(family.name)
        text.append(" ")
        appendEscaped(family.help.utf8, quotes: false)
        text.append("\n# TYPE ")
        text.append(family.name)
        text.append(" ")
        text.append(family.kind.rawValue)
        text.append("\n")
    }

    /// - Parameter labels: the values, one for each label of the family, in its order; no two samples have the same ones.
    package mutating func sample(_ labels: String..., value: Int) { sample(labels, value: value) }

    package mutating func sample(_ labels: [String], value: Int) {
        appendName("", labels)
        text.append(decimal: value)
        text.append("\n")
    }

    package mutating func sample(_ labels: String..., value: Double) {
        appendName("", labels)
        append(value)
        text.append("\n")
    }

    /// The sample of a distribution: its buckets, sum and count.
    /// - Parameter buckets: by upper bound, which rises; how many values were no greater. The last one, for all, is added.
    package mutating func sample(_ labels: [String], buckets: [(upTo: Double, count: Int)], sum: Double, count: Int) {
        for bucket in buckets { appendBucket(labels, bucket.upTo, bucket.count) }
        appendBucket(labels, .infinity, count)
        appendName("_sum", labels)
        append(sum)
        text.append("\n")
        appendName("_count", labels)
        text.append(decimal: count)
        text.append("\n")
    }

    /// A family of one sample without labels.
    package mutating func single(_ family: MetricFamily, _ value: Int) {
        begin(family)
        sample(value: value)
    }

    package mutating func single(_ family: MetricFamily, _ value: Double) {
        begin(family)
        sample(value: value)
    }

    private mutating func appendBucket(_ labels: [String], _ bound: Double, _ count: Int) {
        appendName("_bucket", labels, bound: bound)
        text.append(decimal: count)
        text.append("\n")
    }

    private mutating func appendName(_ suffix: StaticString, _ values: [String], bound: Double? = nil) {
        precondition(values.count == family.labels.count, "\(family.name) has other labels")
        text.append(family.name)
        text.append(suffix)
        var separator: StaticString = "{"
        for (label, value) in zip(family.labels, values) {
            text.append(separator)
            text.append(label)
            text.append("=\"")
            appendLabelValue(value)
            text.append("\"")
            separator = ","
        }
        if let bound {
            text.append(separator)
            text.append("le=\"")
            append(bound)
            text.append("\"")
            separator = ","
        }
        if !values.isEmpty || bound != nil { text.append("}") }
        text.append(" ")
    }

    /// As Go's ParseFloat takes it.
    private mutating func append(_ value: Double) {
        if value.isInfinite {
            text.append(value < 0 ? "-Inf" : "+Inf")
        } else if value.isNaN {
            text.append("NaN")
        } else {
            text.append("\(value)")
        }
    }

    /// What is too long ends with a hash of the whole, so that values which begin alike stay apart.
    private mutating func appendLabelValue(_ value: String) {
        guard value.utf8.count > Self.labelBytesMax else { return appendEscaped(value.utf8, quotes: true) }
        let hash = String(Self.hash(value), radix: 16)
        var kept = value.utf8.prefix(Self.labelBytesMax - 1 - hash.utf8.count)
        // Whole characters: what follows must be UTF-8 too.
        while let next = value.utf8[kept.endIndex...].first, next & 0xC0 == 0x80 { kept.removeLast() }
        appendEscaped(kept, quotes: true)
        text.append("~")
        text.append(hash)
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ value: String) -> UInt64 {
        value.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private mutating func appendEscaped(_ value: some Sequence<UInt8>, quotes: Bool) {
        for byte in value {
            switch byte {
            case 0x5C: text.append("\\\\")
            case 0x0A: text.append("\\n")
            case 0x22 where quotes: text.append("\\\"")
            default: text.append(byte)
            }
        }
    }
}
