import Foundation
import Testing

/// A TLS client that is none of ours: Python's `ssl`, in a process of its own.
struct TLSClient {
    struct Handshake: Equatable {
        let version: String
        /// The common name of the gateway's certificate.
        let certificate: String
        let isResumed: Bool
    }

    struct Answer {
        let line: String
        let fields: [Message.Field]
        let length: Int
        let text: String
        /// `close_notify`, `truncated` or `reset`.
        let ending: String

        subscript(name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }
        var status: Int { Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0 }
    }

    private(set) var handshakes: [Handshake] = []
    private(set) var answers: [Answer] = []
    /// Why there was no handshake, or no answer.
    private(set) var refusals: [String] = []

    /// Does its work and ends.
    /// - Parameters:
    ///   - ports: a connection to each, one after the other, each with the session of the one before. The first
    ///     listener's if left out.
    ///   - options: of `Peers/tls_client.py`.
    init(to gateway: Gateway, ports: [UInt16]? = nil, options: String...) throws {
        defer { withExtendedLifetime(gateway) {} }
        let ports = ports ?? [gateway.port]
        let arguments = ["/usr/bin/python3", try Certificates.peer("tls_client.py")] + ports.map(String.init) + options
        let process = try ChildProcess(arguments)
        _ = try process.waitForExit(within: .seconds(60))
        try process.waitUntilRead()
        for line in process.text(of: .output).split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch words[0] {
            case "handshake":
                let facts = words[1].split(separator: " ").map(String.init)
                handshakes.append(Handshake(version: facts[0], certificate: facts[1], isResumed: facts[2] == "resumed"))
            case "answer": answers.append(try Answer(json: words[1]))
            default: refusals.append(words[1])
            }
        }
        let complaint = process.text(of: .error)
        if complaint.contains("Traceback") { throw GatewayError.noSuchLine("an orderly end", output: complaint) }
    }

    var handshake: Handshake? { handshakes.first }
    var answer: Answer? { answers.first }
}

extension TLSClient.Answer {
    fileprivate init(json: String) throws {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        line = object["line"] as? String ?? ""
        let lines = object["fields"] as? [[String]] ?? []
        fields = lines.map { Message.Field(name: $0[0], value: $0[1]) }
        length = object["length"] as? Int ?? -1
        text = object["text"] as? String ?? ""
        ending = object["ending"] as? String ?? ""
    }
}

extension Gateway {
    /// A gateway whose one listener takes TLS.
    /// - Parameters:
    ///   - tls: what stands in the mapping `tls`.
    ///   - listener: further keys of the listener.
    static func secured(
        _ tls: String, listener: String = "", _ settings: String = openToAll, upstream: Origin? = nil
    ) throws -> Gateway {
        try Gateway(securedFile(tls, listener: listener, settings), upstream: upstream ?? .ok())
    }

    static func securedFile(_ tls: String, listener: String = "", _ settings: String = openToAll, port: UInt16 = 0) -> String {
        let rest = listener.isEmpty ? "" : ", \(listener)"
        return "listeners: [ { address: \"127.0.0.1:\(port)\", tls: { \(tls) }\(rest) } ]\n" + settings
    }
}
