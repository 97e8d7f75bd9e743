/// Collects what is found wrong while a file is read. One for each reading; reading goes on after an error.
final class Findings {
    private(set) var diagnostics: [Diagnostic] = []

    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    /// In the order of the file; what concerns no place comes first.
    var ordered: [Diagnostic] {
        diagnostics.enumerated().sorted { a, b in
            (a.element.place.line, a.element.place.column, a.offset)
                < (b.element.place.line, b.element.place.column, b.offset)
        }.map(\.element)
    }

    func error(at place: Place, _ message: String, expected: String? = nil, suggestion: String? = nil) {
        report(Diagnostic(.error, at: place, message, expected: expected, suggestion: suggestion))
    }

    func warning(at place: Place, _ message: String, expected: String? = nil) {
        report(Diagnostic(.warning, at: place, message, expected: expected))
    }

    /// The same finding through an alias is one finding.
    private func report(_ diagnostic: Diagnostic) {
        guard !diagnostics.contains(diagnostic) else { return }
        // A file of nothing but errors is answered with the first thousand.
        guard diagnostics.count < 1000 else { return }
        diagnostics.append(diagnostic)
    }
}
