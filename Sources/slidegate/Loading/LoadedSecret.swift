import Configuration

/// A secret that a configuration names, read and checked. Has no description.
struct LoadedSecret {
    var bytes: [UInt8]
    /// What is doubtful about its file.
    var warnings: [Diagnostic] = []

    private static let fileBytesMax = 4096

    /// - Throws: that it is not there, or too short; never what it is.
    init(
        _ source: Located<Configuration.SecretSource>, bytesMin: Int, of configuration: Configuration
    ) throws(ConfigurationRefusal) {
        func refusal(_ message: String, expected: String? = nil) -> ConfigurationRefusal {
            ConfigurationRefusal(
                file: configuration.file, diagnostics: [Diagnostic(.error, at: source.place, message, expected: expected)])
        }
        let text: [UInt8]
        switch source.value {
        case .file(let path):
            do {
                let file = try FileContents(path: path.relative(toDirectoryOf: configuration.file), bytesMax: Self.fileBytesMax)
                text = file.bytes
                if file.isReadableByAll {
                    warnings.append(
                        Diagnostic(
                            .warning, at: source.place, "every user of this machine can read \(path)", expected: "mode 0600 or 0640"))
                }
            } catch {
                throw refusal("\(error)")
            }
        case .environment(let name):
            guard let value = environmentVariable(name) else {
                throw refusal("the environment has no variable \(name)", expected: "a variable that is set")
            }
            text = value
        }
        guard let secret = SecretText.decode(text, as: .text), secret.count >= bytesMin else {
            throw refusal("the secret is too short", expected: "at least \(bytesMin) bytes")
        }
        bytes = secret
    }
}
