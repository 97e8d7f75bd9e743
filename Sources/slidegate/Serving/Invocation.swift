import Glibc

/// How this process was started, so that it can be started again.
struct Invocation {
    /// By the name it was started with and not by what runs: what an upgrade has put there since is what is wanted.
    let path: String
    let arguments: [String]

    /// Before the working directory changes, and before anything replaces the program.
    init() {
        arguments = CommandLine.arguments
        path = Self.absolutePath(of: arguments.first ?? "") ?? Self.runningProgram
    }

    /// What the heir is started with: the environment, without what was meant for this process alone.
    static var environment: [String] {
        let personal = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "WATCHDOG_PID"]
        var variables: [String] = []
        var next = environ
        while let entry = next.pointee {
            let variable = String(cString: entry)
            if !personal.contains(where: { variable.hasPrefix($0 + "=") }) { variables.append(variable) }
            next += 1
        }
        return variables
    }

    private static func absolutePath(of name: String) -> String? {
        if name.hasPrefix("/") { return name }
        if name.contains("/") { return workingDirectory.map { "\($0)/\(name)" } }
        let folders = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return folders.split(separator: ":").map { "\($0)/\(name)" }.first { $0.hasPrefix("/") && access($0, X_OK) == 0 }
    }

    private static var workingDirectory: String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    private static var runningProgram: String {
        var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        return String(decoding: path.prefix(max(count, 0)), as: UTF8.self)
    }
}
