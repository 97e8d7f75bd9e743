import Foundation

/// A page of metrics, read as the text exposition format 0.0.4 has it and no more leniently: each family once, its help and type
/// before its samples, no sample twice, histograms whole.
struct MetricsText {
    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
    }

    struct Family {
        var kind = ""
        var help = ""
        var samples: [(sample: Sample, value: Double)] = []
    }

    struct Fault: Error, CustomStringConvertible {
        var description: String
    }

    private(set) var families: [String: Family] = [:]
    private(set) var values: [Sample: Double] = [:]
    let byteCount: Int

    init(_ text: String) throws {
        byteCount = text.utf8.count
        guard text.hasSuffix("\n") else { throw Fault(description: "the last line has no end") }
        var current = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            if line.hasPrefix("# HELP ") {
                current = words[2]
                guard families[current] == nil else { throw Fault(description: "\(current) is there twice") }
                families[current] = Family(help: words.count > 3 ? words[3] : "")
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, words[2] == current, families[current]?.kind == "" else { throw Fault(description: "\(line)") }
                families[current]?.kind = words[3]
            } else {
                let (sample, value) = try Self.sample(line)
                let suffixes = families[current]?.kind == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { current + $0 == sample.name }) else {
                    throw Fault(description: "\(sample.name) stands in the family \(current)")
                }
                guard values.updateValue(value, forKey: sample) == nil else { throw Fault(description: "twice: \(line)") }
                families[current]?.samples.append((sample, value))
            }
        }
        for (name, family) in families where family.kind == "histogram" { try Self.check(name, family) }
    }

    /// `name{label="value",…} number`
    private static func sample(_ line: Substring) throws -> (Sample, Double) {
        let fault = Fault(description: "no sample: \(line)")
        var rest = line
        func take(while isPart: (Character) -> Bool) -> String {
            let part = rest.prefix(while: isPart)
            rest = rest.dropFirst(part.count)
            return String(part)
        }
        func expect(_ character: Character) throws { guard rest.popFirst() == character else { throw fault } }
        func isName(_ character: Character) -> Bool { character.isASCII && (character.isLetter || character.isNumber || character == "_") }

        let name = take(while: isName)
        guard let first = name.first, !first.isNumber else { throw fault }
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            while true {
                let label = take(while: isName)
                guard !label.isEmpty else { throw fault }
                try expect("=")
                try expect("\"")
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    switch rest.popFirst() {
                    case "\\": value.append("\\")
                    case "\"": value.append("\"")
                    case "n": value.append("\n")
                    default: throw fault
                    }
                }
                guard labels.updateValue(value, forKey: label) == nil else { throw fault }
                if rest.first == "," {
                    rest.removeFirst()
                } else {
                    try expect("}")
                    break
                }
            }
        }
        try expect(" ")
        let number = ["+Inf": Double.infinity, "-Inf": -.infinity, "NaN": .nan][String(rest)] ?? Double(String(rest))
        guard let number else { throw fault }
        return (Sample(name: name, labels: labels), number)
    }

    private static func check(_ name: String, _ family: Family) throws {
        let series = Dictionary(grouping: family.samples) { sample in sample.sample.labels.filter { $0.key != "le" } }
        for (labels, samples) in series {
            let fault = Fault(description: "\(name)\(labels) is no histogram")
            let buckets = samples.filter { $0.sample.name == name + "_bucket" }
            let bounds = buckets.compactMap { $0.sample.labels["le"].flatMap { $0 == "+Inf" ? .infinity : Double($0) } }
            guard bounds.count == buckets.count, bounds == bounds.sorted(), bounds.last == .infinity else { throw fault }
            guard buckets.map(\.value) == buckets.map(\.value).sorted() else { throw fault }
            guard let count = samples.first(where: { $0.sample.name == name + "_count" })?.value, count == buckets.last?.value,
                let sum = samples.first(where: { $0.sample.name == name + "_sum" })?.value, sum >= 0
            else { throw fault }
        }
    }

    /// The value of one sample; nil when it is not there.
    subscript(_ name: String, _ labels: [String: String] = [:]) -> Double? { values[Sample(name: name, labels: labels)] }

    /// The sum of the samples that have these labels, whatever others they have.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        values.filter { sample, _ in sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value } }
            .values.reduce(0, +)
    }

    /// What only grows: counters and histograms.
    var cumulative: [Sample: Double] {
        families.filter { $0.value.kind != "gauge" }.values.reduce(into: [:]) { all, family in
            for (sample, value) in family.samples { all[sample] = value }
        }
    }
}

extension Gateway {
    /// The text of the page.
    func metricsText(secret: String? = nil) throws -> String {
        let answer = try administer("/metrics", secret.map { "Authorization: Bearer \($0)" } ?? "X-No: secret")
        guard answer.status == 200 else { throw MetricsText.Fault(description: "\(answer.startLine) \(answer.text)") }
        return String(decoding: answer.body, as: UTF8.self)
    }

    func metrics(secret: String? = nil) throws -> MetricsText { try MetricsText(metricsText(secret: secret)) }
}
