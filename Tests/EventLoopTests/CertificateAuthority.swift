import Glibc

/// Certificates for tests, made by the `openssl` command in a directory that goes with this object.
final class CertificateAuthority {
    let directory: String

    init() throws {
        var template = Array("/tmp/slidegate-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CommandFailure(command: "mkdtemp") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=Test-CA "
            + "-keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign,cRLSign")
    }

    deinit { _ = shell("rm -rf \(directory)") }

    /// Makes `NAME.pem`, with the authority behind it, and `NAME.key`.
    ///
    /// - Parameter names: of hosts, and addresses with `IP:` before them.
    func issue(
        _ name: String, for names: [String], algorithm: String = "ec -pkeyopt ec_paramgen_curve:P-256", subject: String? = nil,
        days: Int = 1
    ) throws {
        let list = names.map { $0.hasPrefix("IP:") ? $0 : "DNS:\($0)" }.joined(separator: ",")
        let subject = subject ?? "/CN=\(name)"
        try openssl("req -newkey \(algorithm) -nodes -subj '\(subject)' -utf8 -keyout \(name).key -out \(name).csr")
        let extension_ = list.isEmpty ? "extendedKeyUsage=clientAuth,serverAuth" : "subjectAltName=\(list)"
        try run("printf '\(extension_)\\n' > \(name).ext")
        try openssl(
            "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days \(days) -extfile \(name).ext -out \(name).leaf")
        try run("cat \(name).leaf ca.pem > \(name).pem")
    }

    func openssl(_ arguments: String) throws { try run("openssl \(arguments) 2>>openssl.log") }

    func run(_ command: String) throws {
        guard shell("cd \(directory) && \(command)") == 0 else { throw CommandFailure(command: command) }
    }

    func bytes(_ file: String) -> [UInt8] {
        guard let handle = fopen("\(directory)/\(file)", "r") else { return [] }
        defer { fclose(handle) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, handle)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    struct CommandFailure: Error { var command: String }

    private func shell(_ command: String) -> CInt { system(command) }
}
