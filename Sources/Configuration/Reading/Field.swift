/// One value in the file, with the means to read it as what its key wants.
///
/// Each reader returns nil after it has reported why; the caller goes on with a default, since a file with an error
/// yields nothing in the end.
struct Field {
    let tree: YAMLTree
    /// From the root: `keys[0].secret_file`.
    let path: String
    let findings: Findings

    var place: Place { Place(path: path, line: tree.position.line, column: tree.position.column) }

    /// Reports that the value is not what is expected here.
    func refuse(expected: String, suggestion: String? = nil) {
        findings.error(at: place, "\(tree.kind) is not allowed here", expected: expected, suggestion: suggestion)
    }

    func refuse(_ message: String, expected: String? = nil, suggestion: String? = nil) {
        findings.error(at: place, message, expected: expected, suggestion: suggestion)
    }

    /// The scalar's text without reporting; nil for lists, mappings and nothing.
    var word: String? {
        guard case .scalar(let text, _) = tree.content, !tree.isEmpty else { return nil }
        return text
    }

    /// - Parameter expected: Completes "expected …".
    func text(expected: String) -> String? {
        guard let word, !word.isEmpty else {
            refuse(expected: expected)
            return nil
        }
        return word
    }

    func located<Value>(_ value: Value) -> Located<Value> { Located(value, at: place) }

    // MARK: Structure

    /// The elements of a list; a single value counts as a list of one where `orOne`.
    func elements(orOne: Bool = true, expected: String) -> [Field] {
        switch tree.content {
        case .sequence(let elements):
            return elements.enumerated().map {
                Field(tree: $0.element, path: "\(path)[\($0.offset)]", findings: findings)
            }
        case .mapping where orOne, .scalar where orOne && !tree.isEmpty: return [self]
        case .mapping, .scalar:
            refuse(expected: expected)
            return []
        }
    }

    /// The pairs of a mapping whose keys are the operator's own names, each key once.
    func entries(expected: String) -> [(name: String, place: Place, field: Field)] {
        guard case .mapping(let entries) = tree.content else {
            refuse(expected: expected)
            return []
        }
        var seen: Set<String> = []
        var result: [(name: String, place: Place, field: Field)] = []
        for entry in entries {
            let child = path.isEmpty ? entry.key : "\(path).\(Quotation.shortened(entry.key))"
            let keyPlace = Place(path: child, line: entry.keyMark.line, column: entry.keyMark.column)
            guard seen.insert(entry.key).inserted else {
                findings.error(at: keyPlace, "is there twice", expected: "each key once")
                continue
            }
            result.append((entry.key, keyPlace, Field(tree: entry.value, path: child, findings: findings)))
        }
        return result
    }

    /// `[]`; does not report.
    var isEmptyList: Bool {
        if case .sequence(let elements) = tree.content { elements.isEmpty } else { false }
    }

    /// Whether the value is a mapping; does not report.
    var isMapping: Bool {
        if case .mapping = tree.content { true } else { false }
    }
}
