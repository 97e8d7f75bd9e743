import Bytes
import Configuration
import EventLoop
import Glibc
import Proxy
import Signatures

/// Opens what the access log is written to, and keeps it open for as long as configurations name it. Belongs to the control thread.
final class AccessLogKeeper {
    /// An access log that can be written to: that of a configuration which is in force, or may come to be.
    struct OpenLog {
        fileprivate let destination: LogDestination
        fileprivate let bufferBytes: Int
        let settings: AccessLogSettings
        let warnings: [Diagnostic]
    }

    /// Is told what goes wrong.
    private let teller: LogWriter
    private var current: OpenLog?
    /// Of logs that are closed.
    private var droppedBefore = 0
    /// What subjects are hashed with where no configuration says: the process's own.
    private lazy var ownSecret: [UInt8] = {
        var system = SystemRandomNumberGenerator()
        return (0..<32).map { _ in system.next() }
    }()

    init(teller: LogWriter) { self.teller = teller }

    /// Lines that nobody will ever read.
    var droppedLines: Int { droppedBefore + (current?.settings.writer.droppedLines ?? 0) }

    /// Opens what the configuration names, unless it is open already. What comes of it is to be adopted, or forgotten.
    /// - Throws: what cannot be opened or read, with its place.
    func prepare(_ configuration: Configuration) throws(ConfigurationRefusal) -> OpenLog? {
        guard let access = configuration.logs.access else { return nil }
        let secret = try LoadedSubjectSecret(access, of: configuration)
        let destination = try LogDestination(access.destination, in: configuration.file)
        let writer: LogWriter
        if let current, current.destination == destination, current.bufferBytes == access.bufferBytes {
            writer = current.settings.writer
        } else {
            do {
                writer = try LogWriter(destination, bytesMax: access.bufferBytes, teller: teller)
            } catch {
                throw configuration.refusal(at: access.destination.place, "\(error)")
            }
        }
        let settings = AccessLogSettings(
            access.format == .json ? .json : .combined, writer: writer, namesSubjects: access.subject != .none,
            makeSubjectHash: access.subject == .hashed ? makeSubjectHash(Secret(secret?.bytes ?? ownSecret)) : nil,
            startsTraces: access.trace == .start)
        return OpenLog(
            destination: destination, bufferBytes: access.bufferBytes, settings: settings, warnings: secret?.warnings ?? [])
    }

    /// The log is in force now; the one before ends with its last line.
    func adopt(_ log: OpenLog?) {
        if let current, current.settings.writer !== log?.settings.writer { droppedBefore += current.settings.writer.droppedLines }
        current = log
    }

    /// Whatever has become of the file, lines go to one of that name from now on.
    func reopen() { current?.settings.writer.reopen() }

    /// The end of the program: writes what there is, unless the reader stalls.
    func close() { current?.settings.writer.close() }

    /// Without opening anything: whether the configuration's log could be there. A file is not made.
    static func check(_ configuration: Configuration) throws(ConfigurationRefusal) -> [Diagnostic] {
        guard let access = configuration.logs.access else { return [] }
        let secret = try LoadedSubjectSecret(access, of: configuration)
        guard case .file(let path) = access.destination.value else { return secret?.warnings ?? [] }
        let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        var status = stat()
        if stat(folder.isEmpty ? "/" : String(folder), &status) != 0 {
            throw configuration.refusal(
                at: access.destination.place, "cannot log to \(path): \(String(cString: strerror(errno)))", expected: "a folder that is there")
        }
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw configuration.refusal(at: access.destination.place, "cannot log to \(path): it is a folder", expected: "the name of a file")
        }
        return secret?.warnings ?? []
    }

    private func makeSubjectHash(_ secret: Secret) -> @Sendable () -> (Span<UInt8>) -> UInt64 {
        {
            // HMAC takes any key there is, unless the system has no memory left: then nobody is named.
            guard let hash = try? HMACSHA256(secret) else { return { _ in 0 } }
            return { subject in
                let code = hash.code(subject)
                return (0..<8).reduce(0) { $0 << 8 | UInt64(code[$1]) }
            }
        }
    }
}

/// What pseudonyms are made with, and stay the same by.
private struct LoadedSubjectSecret {
    private static let bytesMin = 16

    let bytes: [UInt8]
    let warnings: [Diagnostic]

    /// Nil: the configuration names none.
    init?(_ access: Configuration.Logs.Access, of configuration: Configuration) throws(ConfigurationRefusal) {
        guard access.subject == .hashed, let source = access.subjectSecret else { return nil }
        let secret = try LoadedSecret(source, bytesMin: Self.bytesMin, of: configuration)
        bytes = secret.bytes
        warnings = secret.warnings
    }
}

extension LogDestination {
    /// Blocks where a name has to be resolved.
    /// - Throws: that it did not resolve.
    fileprivate init(
        _ destination: Located<Configuration.Logs.Access.Destination>, in file: String
    ) throws(ConfigurationRefusal) {
        switch destination.value {
        case .stdout: self = .descriptor(STDOUT_FILENO)
        case .stderr: self = .descriptor(STDERR_FILENO)
        case .file(let path): self = .file(path: path)
        case .syslogSocket(let path): self = .syslogSocket(path: path)
        case .syslogServer(let endpoint):
            do {
                self = .syslogServer(try SocketAddress.resolve(endpoint)[0])
            } catch {
                throw ConfigurationRefusal(file: file, diagnostics: [Diagnostic(.error, at: destination.place, "\(error)")])
            }
        }
    }
}

extension Configuration {
    fileprivate func refusal(at place: Place, _ message: String, expected: String? = nil) -> ConfigurationRefusal {
        ConfigurationRefusal(file: file, diagnostics: [Diagnostic(.error, at: place, message, expected: expected)])
    }
}
