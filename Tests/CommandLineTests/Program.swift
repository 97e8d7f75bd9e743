import Foundation

/// The real program, run to its end.
struct Program {
    var status: Int32
    var output: String
    var errors: String

    /// - Parameters:
    ///   - arguments: Without the program's name.
    ///   - input: What it reads from standard input.
    init(_ arguments: [String], input: String = "", environment: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = Self.location
        process.arguments = arguments
        // What sanitizers are told is inherited, and nothing else (see `deploy/sanitize`).
        let inherited = ProcessInfo.processInfo.environment.filter { $0.key.hasSuffix("SAN_OPTIONS") }
        process.environment = environment.merging(inherited) { own, _ in own }
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        try process.run()
        // Inputs and errors of these tests fit in a pipe; output may not, so it is read before waiting.
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        output = String(decoding: try stdout.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        errors = String(decoding: try stderr.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        status = process.terminationStatus
    }

    /// SLIDEGATE_BINARY, else beside the test bundle, where the build puts it.
    private static let location: URL = {
        if let path = ProcessInfo.processInfo.environment["SLIDEGATE_BINARY"] { return URL(filePath: path) }
        let bundle = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: bundle ?? CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "slidegate")
    }()
}

/// A directory that is removed with the value.
final class Directory {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "slidegate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file that only its owner may read, and returns its full name.
    @discardableResult
    func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let file = url.appending(path: name)
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path())
        return file.path()
    }

    func path(_ name: String) -> String { url.appending(path: name).path() }
}

/// A secret of exactly 32 bytes.
let secret = "0123456789abcdef0123456789ABCDEF"

extension Directory {
    /// The four-line file with its secret.
    func sample(_ extra: String = "", sliding: String = "sliding: { buffer: 10m }") throws -> String {
        try write("jwt.secret", secret + "\n")
        return try write(
            "slidegate.yaml",
            """
            listen: 127.0.0.1:8080
            upstream: 127.0.0.1:9000
            key: { algorithm: HS256, secret_file: jwt.secret }
            \(sliding)
            \(extra)
            """)
    }
}
