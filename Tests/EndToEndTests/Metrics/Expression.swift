import Foundation

/// What a PromQL expression asks for: enough of its grammar to find every metric and every label in it.
struct Expression {
    struct Selector {
        var metric: String
        /// With what they are compared to.
        var matchers: [(label: String, value: String)] = []
    }

    private(set) var selectors: [Selector] = []
    /// Labels of `by`, `on` and the like.
    private(set) var groupings: Set<String> = []
    /// Labels that the outermost aggregation keeps; nil: there is none around the whole.
    private(set) var kept: Set<String>?

    private static let operators: Set = ["and", "or", "unless", "bool", "offset", "inf", "nan"]
    private static let modifiers: Set = ["by", "on", "without", "ignoring", "group_left", "group_right"]
    private static let aggregations: Set = ["sum", "max", "min", "avg", "count"]

    init(_ text: String) {
        var rest = Substring(text)
        var isFirst = true
        func skipSpace() { rest = rest.drop(while: \.isWhitespace) }
        func isName(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" || character == ":" }
        while let next = rest.first {
            if next == "\"" || next == "'" {
                rest = rest.dropFirst().drop { $0 != next }.dropFirst()
            } else if next == "[" {
                rest = rest.drop { $0 != "]" }
            } else if next.isNumber {
                rest = rest.drop { isName($0) || $0 == "." }
            } else if isName(next) {
                let name = String(rest.prefix(while: isName))
                rest = rest.dropFirst(name.count)
                skipSpace()
                if Self.modifiers.contains(name) {
                    guard rest.first == "(" else { continue }
                    let labels = rest.dropFirst().prefix { $0 != ")" }
                    let list = Set(labels.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
                    groupings.formUnion(list)
                    if name == "by", isFirst { kept = list }
                    isFirst = false
                    rest = rest.dropFirst(labels.count + 2)
                } else if Self.operators.contains(name) || Self.aggregations.contains(name) || rest.first == "(" {
                    if !Self.aggregations.contains(name) { isFirst = false }
                    continue
                } else {
                    isFirst = false
                    var selector = Selector(metric: name)
                    if rest.first == "{" {
                        let braces = rest.dropFirst().prefix { $0 != "}" }
                        selector.matchers = Self.matchers(braces)
                        rest = rest.dropFirst(braces.count + 2)
                    }
                    selectors.append(selector)
                }
            } else {
                rest = rest.dropFirst()
            }
        }
    }

    private static func matchers(_ text: Substring) -> [(label: String, value: String)] {
        var matchers: [(label: String, value: String)] = []
        var rest = text
        while let start = rest.firstIndex(where: { $0.isLetter || $0 == "_" }) {
            rest = rest[start...]
            let label = String(rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
            rest = rest.drop { $0 != "\"" }.dropFirst()
            matchers.append((label, String(rest.prefix { $0 != "\"" })))
            rest = rest.drop { $0 != "\"" }.dropFirst()
        }
        return matchers
    }
}

/// A rule of `deploy/monitoring/alerts.yaml`.
struct MonitoringRule {
    /// Of the alert or of what is recorded.
    var name: String
    var isAlert: Bool
    var expression: String
    var annotations: [String: String] = [:]

    static func all() throws -> [MonitoringRule] {
        let text = try String(contentsOfFile: Peer.root + "/deploy/monitoring/alerts.yaml", encoding: .utf8)
        var rules: [MonitoringRule] = []
        var folded: (key: String, indentation: Int)?
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let indentation = line.prefix { $0 == " " }.count
            let content = line.trimmingCharacters(in: .whitespaces)
            if let key = folded?.key, indentation > folded!.indentation {
                rules[rules.endIndex - 1].add(content, to: key)
                continue
            }
            folded = nil
            let parts = content.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            switch parts[0] {
            case "- alert", "- record":
                // The name of a recorded one has colons itself.
                let name = content.drop { $0 != " " }.dropFirst().drop { $0 != " " }.trimmingCharacters(in: .whitespaces)
                rules.append(MonitoringRule(name: name, isAlert: parts[0] == "- alert", expression: ""))
            case "expr", "summary", "description", "runbook":
                if parts[1] == ">-" {
                    folded = (parts[0], indentation)
                } else {
                    rules[rules.endIndex - 1].add(parts[1], to: parts[0])
                }
            default: break
            }
        }
        return rules
    }

    private mutating func add(_ text: String, to key: String) {
        if key == "expr" {
            expression += (expression.isEmpty ? "" : " ") + text
        } else {
            annotations[key, default: ""] += text
        }
    }
}
