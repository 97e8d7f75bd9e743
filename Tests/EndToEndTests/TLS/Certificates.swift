import Foundation
import Testing

/// Certificates for all suites, made once by the `openssl` command (`Peers/make_certificates.sh`).
enum Certificates {
    static let folder = Result { () throws -> Folder in
        let folder = try Folder()
        let process = try ChildProcess(["/bin/sh", "-c", "cd '\(folder.path)' && exec sh '\(try peer("make_certificates.sh"))'"])
        let ending = try process.waitForExit(within: .seconds(60))
        guard ending == .exited(0) else { throw GatewayError.noSuchLine("certificates", output: process.text(of: .error)) }
        return folder
    }

    static func path(_ name: String) throws -> String { try folder.get().path(name) }
    static func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    /// `certificate: …, key: …` of that name, for a mapping in the file.
    static func pair(_ name: String) throws -> String { "certificate: \(try path("\(name).pem")), key: \(try path("\(name).key"))" }

    static func peer(_ script: String) throws -> String {
        try #require(Bundle.module.url(forResource: "Peers", withExtension: nil)).path + "/" + script
    }
}
