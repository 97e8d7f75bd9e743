import Foundation
import Glibc

enum GatewayError: Error {
    case binaryNotFound(String)
    case noSuchLine(String, output: String)
}

/// The real program, `slidegate serve FILE`, running on a free port with a file of its own in a folder of its own.
final class Gateway: Sendable {
    let port: UInt16
    let process: ChildProcess
    private let folder: Folder
    /// Kept, so that an origin lives as long as the gateway before it.
    private let origins: [Origin]

    /// Starts the program and waits until it listens.
    /// - Parameters:
    ///   - settings: YAML for the file. The smallest useful file supplies the top-level keys that are missing here
    ///     (`listen`, `workers`, `upstream`, `key`, `sliding`). `$FOLDER` stands for the folder that the file is in.
    ///   - upstream: nil: there is none, and decisions are all there is.
    ///   - options: of `serve`, behind the file.
    ///   - sockets: what it is started with, as a service manager would (LISTEN_FDS).
    ///   - launcher: a shell command line that ends in starting `"$@"`, the program; for what it is to find when it starts.
    ///   - descriptorLimit: what `ulimit -n` (soft and hard) is set to before the program starts.
    init(
        _ settings: String = "", upstream: Origin?, also others: [Origin] = [], files: [String: String] = [:],
        environment: [String: String] = [:], program: String? = nil, options: [String] = [], sockets: [ListeningSocket] = [],
        launcher: String? = nil, descriptorLimit: Int? = nil
    ) throws {
        folder = try Folder()
        origins = [upstream].compactMap { $0 } + others
        try folder.write(Token.secret, to: "jwt.secret")
        for (name, text) in files { try folder.write(Array(text.utf8), to: name) }
        try folder.write(Self.file(settings, upstream: upstream?.port, in: folder), to: "slidegate.yaml")
        var command = [try program ?? Self.binary(), "serve", folder.path("slidegate.yaml")]
        for option in options { command.append(option.replacingOccurrences(of: "$FOLDER", with: folder.path)) }
        if let descriptorLimit {
            command = ["/bin/sh", "-c", "ulimit -n \(descriptorLimit); exec \"$@\"", "sh"] + command
        }
        if let launcher { command = ["/bin/sh", "-c", launcher, "sh"] + command }
        process = try ChildProcess(command, environment: environment, descriptors: sockets.map(\.descriptor))
        let line = try process.waitForLine(containing: "slidegate: listening on 127.0.0.1:")
        guard let number = line.split(separator: ":").last.flatMap({ UInt16($0.prefix(while: \.isNumber)) }) else {
            throw GatewayError.noSuchLine("listening on 127.0.0.1:PORT", output: line)
        }
        port = number
    }

    /// The path of a file in the configuration's folder.
    func path(_ name: String) -> String { folder.path(name) }

    func connect(receiveBuffer: Int32? = nil, keepsLog: Bool = true) throws -> Client {
        try Client(to: port, of: self, receiveBuffer: receiveBuffer, keepsLog: keepsLog)
    }

    /// One request on a connection of its own.
    func exchange(_ text: String, within duration: Duration = Deadline.usual) throws -> Message {
        let client = try connect()
        defer { client.close() }
        return try client.exchange(text, within: duration)
    }

    /// A GET on a connection of its own, with those field lines besides `Host`.
    func get(_ target: String = "/", _ fields: String...) throws -> Message {
        let lines = fields.map { $0 + "\r\n" }.joined()
        return try exchange("GET \(target) HTTP/1.1\r\nHost: api.example\r\n\(lines)\r\n")
    }

    /// Replaces the file that the program was started with.
    func rewrite(_ settings: String, upstream: Origin? = nil) throws {
        let file = Self.file(settings, upstream: (upstream ?? origins.first)?.port, in: folder)
        try folder.write(file, to: "slidegate.yaml")
    }

    /// Replaces the file by these very bytes.
    func rewrite(verbatim text: String) throws {
        try folder.write(Array(text.utf8), to: "slidegate.yaml")
    }

    /// What a file in the configuration's folder holds; nil when there is none.
    func contents(of name: String) -> String? { try? String(contentsOfFile: folder.path(name), encoding: .utf8) }

    /// Adds or replaces a file in the configuration's folder.
    func write(_ text: String, to name: String) throws { try folder.write(Array(text.utf8), to: name) }

    /// Everything the program has written, to either stream.
    var logs: String { process.text(of: .error) + process.text(of: .output) }

    /// `settings`, completed to a whole file.
    private static func file(_ settings: String, upstream port: UInt16?, in folder: Folder) -> [UInt8] {
        let present = settings.split(separator: "\n").filter { !$0.hasPrefix(" ") && !$0.hasPrefix("#") }
        func has(_ keys: String...) -> Bool { present.contains { line in keys.contains { line.hasPrefix($0 + ":") } } }
        var lines: [String] = []
        if !has("listen", "listeners") { lines.append("listen: 127.0.0.1:0") }
        if !has("workers") { lines.append("workers: 1") }
        if let port, !has("upstream", "upstreams") { lines.append("upstream: 127.0.0.1:\(port)") }
        if !has("key", "keys") { lines.append("key: { algorithm: HS256, secret_file: $FOLDER/jwt.secret }") }
        if !has("sliding") { lines.append("sliding: { buffer: 10m }") }
        let file = (lines + [settings]).joined(separator: "\n") + "\n"
        return Array(file.replacingOccurrences(of: "$FOLDER", with: folder.path).utf8)
    }

    /// The program that this package builds: SLIDEGATE_BINARY, else beside the test bundle.
    static func binary() throws -> String {
        if let path = ProcessInfo.processInfo.environment["SLIDEGATE_BINARY"] { return path }
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("slidegate").path
        guard access(path, X_OK) == 0 else { throw GatewayError.binaryNotFound(path) }
        return path
    }
}

/// A temporary folder that goes when its owner does.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("slidegate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { path + "/" + name }

    /// Writes whole or not at all, as an editor that renames does; readable by the owner alone.
    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path(name)), options: .atomic)
        chmod(path(name), 0o600)
    }
}
