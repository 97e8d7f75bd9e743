/// A family of metrics: what it is called and what it means, in one place for the page and its documentation.
package struct MetricFamily: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// With the unit, and `_total` for a counter.
    package let name: String
    package let kind: Kind
    /// The names of its labels.
    package let labels: [String]
    /// One sentence.
    package let help: String

    package init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }

    package init(_ name: String, _ kind: Kind, _ help: String) { self.init(name, kind, [], help) }
}
