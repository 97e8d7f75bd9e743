package import Bytes

/// Metrics as Prometheus reads them: text exposition format 0.0.4, family by family.
package struct Exposition: ~Copyable {
    package enum Kind { case counter, gauge }

    /// The text so far.
    package private(set) var text = ByteBuffer()

    package init() {}

    /// Begins a family: its samples follow, all of them, before the next one begins.
    /// - Parameters:
    ///   - name: with the unit, and `_total` for a counter.
    ///   - help: one sentence.
    package mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text.append("# HELP ")
        text.append(name)
        text.append(" ")
        appendEscaped(help, quotes: false)
        text.append("\n# TYPE ")
        text.append(name)
        switch kind {
        case .counter: text.append(" counter\n")
        case .gauge: text.append(" gauge\n")
        }
    }

    /// - Parameter labels: names that Prometheus takes, and any text as values.
    package mutating func sample(_ name: String, _ labels: [(name: String, value: String)], _ value: Int) {
        appendName(name, labels)
        text.append(decimal: value)
        text.append("\n")
    }

    package mutating func sample(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
        appendName(name, labels)
        text.append("\(value)")
        text.append("\n")
    }

    /// A family of one sample.
    package mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        begin(name, kind, help)
        sample(name, [], value)
    }

    private mutating func appendName(_ name: String, _ labels: [(name: String, value: String)]) {
        text.append(name)
        var separator: StaticString = "{"
        for label in labels {
            text.append(separator)
            text.append(label.name)
            text.append("=\"")
            appendEscaped(label.value, quotes: true)
            text.append("\"")
            separator = ","
        }
        if !labels.isEmpty { text.append("}") }
        text.append(" ")
    }

    private mutating func appendEscaped(_ value: String, quotes: Bool) {
        for byte in value.utf8 {
            switch byte {
            case 0x5C: text.append("\\\\")
            case 0x0A: text.append("\\n")
            case 0x22 where quotes: text.append("\\\"")
            default: text.append(byte)
            }
        }
    }
}
