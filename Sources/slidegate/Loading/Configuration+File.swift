import Configuration
import Signatures

/// Why there is no configuration: the file cannot be read, or it was read and has errors.
enum ConfigurationFileError: Error {
    case unreadable(FileError)
    case refused(ConfigurationRefusal)

    var lines: [String] {
        switch self {
        case .unreadable(let error): ["\(error)"]
        case .refused(let refusal): refusal.diagnostics.map { $0.line(file: refusal.file) }
        }
    }

    var status: Int32 {
        switch self {
        case .unreadable: ExitStatus.noInput
        case .refused: ExitStatus.configuration
        }
    }
}

extension Configuration {
    /// Above what `init(yaml:file:)` takes, so that it says so in its own words.
    private static let fileBytesMax = 8 << 20

    /// Reads and checks a configuration file; keys are not loaded yet.
    init(readingFile path: String) throws(ConfigurationFileError) {
        let bytes: [UInt8]
        do {
            bytes = try FileContents(path: path, bytesMax: Self.fileBytesMax).bytes
        } catch {
            throw .unreadable(error)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let diagnostic = Diagnostic(.error, at: .file, "the file is not UTF-8")
            throw .refused(ConfigurationRefusal(file: path, diagnostics: [diagnostic]))
        }
        do {
            try self.init(yaml: text, file: path)
        } catch {
            throw .refused(error)
        }
        digest = Self.digest(of: bytes)
    }

    private static func digest(of bytes: [UInt8]) -> String {
        guard let hash = try? SHA256Hasher().sha256(bytes.span) else { return "" }
        return (0..<8).map { index in
            let digits = String(hash[index], radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
