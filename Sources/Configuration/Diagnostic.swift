/// One thing that is wrong, or doubtful, in a configuration file.
package struct Diagnostic: Sendable, Hashable {
    package enum Severity: Sendable, Hashable { case error, warning }

    package var severity: Severity
    package var place: Place
    /// What is the matter: one clause, no capital, no full stop. Never contains a secret.
    package var message: String
    /// What would have been right: `a duration such as 10m`. Nil when the message says it.
    package var expected: String?
    /// The nearest name that would have been accepted.
    package var suggestion: String?

    package init(
        _ severity: Severity, at place: Place, _ message: String, expected: String? = nil, suggestion: String? = nil
    ) {
        self.severity = severity
        self.place = place
        self.message = message
        self.expected = expected
        self.suggestion = suggestion
    }

    /// `file:line:column: path: message; expected …; did you mean …?`, the order compilers use and editors jump to.
    package func line(file: String) -> String {
        var text = file
        if place.line > 0 { text += ":\(place.line):\(place.column)" }
        text += ": "
        if severity == .warning { text += "warning: " }
        if !place.path.isEmpty { text += "\(Quotation.printable(place.path)): " }
        text += message
        if let expected { text += "; expected \(expected)" }
        if let suggestion { text += "; did you mean \"\(suggestion)\"?" }
        return text
    }
}

/// The file was refused: every error in it, and every warning, in the order of the file.
package struct ConfigurationRefusal: Error, Equatable {
    package var file: String
    /// At least one is an error.
    package var diagnostics: [Diagnostic]

    package init(file: String, diagnostics: [Diagnostic]) {
        self.file = file
        self.diagnostics = diagnostics
    }
}
