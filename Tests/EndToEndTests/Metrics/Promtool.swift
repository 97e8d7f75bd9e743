import Foundation

/// Prometheus' own tool, of Debian's package `prometheus`.
enum Promtool {
    /// The exit status, and everything that it says.
    static func run(_ arguments: String..., input: String = "", in folder: String? = nil) throws -> (status: Int32, said: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/promtool")
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        let (inward, outward) = (Pipe(), Pipe())
        process.standardInput = inward
        process.standardOutput = outward
        process.standardError = outward
        try process.run()
        // Apart: it may speak before it has read everything.
        startThread {
            try? inward.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try? inward.fileHandleForWriting.close()
        }
        let said = String(decoding: outward.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said)
    }
}
