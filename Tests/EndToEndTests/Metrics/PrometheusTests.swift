import Foundation
import Glibc
import Testing

/// Goal: the example works as it is shipped. Method: a real Prometheus with that very file, only faster and with another port, in front of a
/// gateway that asks for a secret.
@Suite("Prometheus")
struct PrometheusTests {
    @Test func `it reads the gateway, evaluates every rule, and tells of a reload that was refused`() throws {
        let gateway = try Gateway(
            "admin: { address: \"127.0.0.1:0\", secret_file: $FOLDER/admin.secret }\n" + openToAll, upstream: .ok(),
            files: ["admin.secret": Gateway.adminSecret + "\n"])
        let prometheus = try Prometheus(scraping: try gateway.adminPort(), secret: gateway.path("admin.secret"))
        for _ in 0..<5 { #expect(try gateway.get().status == 200) }
        try eventually(within: .seconds(30)) {
            let (requests, up) = try (
                prometheus.value("sum(slidegate_requests_total{job=\"slidegate\"})"), prometheus.value("up{job=\"slidegate\"}")
            )
            return requests == 5 && up == 1
        }
        #expect(try prometheus.value("count(ALERTS{alertname=\"SlidegateReloadRefused\"})") == nil)

        try gateway.rewrite("nonsense: 1")
        gateway.process.signal(SIGHUP)
        try eventually(within: .seconds(30)) {
            try prometheus.value("ALERTS{alertname=\"SlidegateReloadRefused\",alertstate=\"firing\"}") == 1
        }
        let rules = try prometheus.rules()
        let count = try MonitoringRule.all().count
        #expect(rules.count == count)
        for (name, health) in rules { #expect(health == "ok", "\(name)") }
    }
}

/// Debian's `prometheus`, with `deploy/monitoring/prometheus.yaml`.
private final class Prometheus: Sendable {
    private let port: UInt16
    private let process: ChildProcess
    private let folder: Folder

    init(scraping target: UInt16, secret: String) throws {
        folder = try Folder()
        let shipped = Peer.root + "/deploy/monitoring/"
        let file = try String(contentsOfFile: shipped + "prometheus.yaml", encoding: .utf8).substituting("15s", by: "500ms")
            .substituting("127.0.0.1:8081", by: "127.0.0.1:\(target)").substituting("/etc/prometheus/slidegate.secret", by: secret)
        try folder.write(Array(file.utf8), to: "prometheus.yaml")
        try folder.write(Array(String(contentsOfFile: shipped + "alerts.yaml", encoding: .utf8).utf8), to: "alerts.yaml")
        let listener = try ListeningSocket()
        port = listener.port
        listener.stop()
        process = try ChildProcess([
            "/usr/bin/prometheus", "--config.file=\(folder.path("prometheus.yaml"))", "--storage.tsdb.path=\(folder.path("data"))",
            "--web.listen-address=127.0.0.1:\(port)", "--log.level=warn",
        ])
        let port = port
        do {
            try eventually(within: .seconds(30)) { try Self.get(port, "/-/ready").status == 200 }
        } catch {
            throw GatewayError.noSuchLine("prometheus to be ready", output: process.text(of: .error))
        }
    }

    private static func get(_ port: UInt16, _ target: String) throws -> Message {
        let client = try Client(to: port)
        defer { client.close() }
        return try client.exchange("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }

    private func data(_ target: String) throws -> [String: Any] {
        let answer = try Self.get(port, target)
        let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
        guard answer.status == 200, let data = object?["data"] as? [String: Any] else {
            throw WireError.malformed("\(answer.startLine) \(answer.text)")
        }
        return data
    }

    /// The value of the first series; nil when there is none.
    func value(_ query: String) throws -> Double? {
        let encoded = query.utf8.map { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                ? String(UnicodeScalar(byte)) : "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        let result = try data("/api/v1/query?query=\(encoded)")["result"] as? [[String: Any]]
        return (result?.first?["value"] as? [Any])?.last.flatMap { $0 as? String }.flatMap(Double.init)
    }

    /// Every rule, with whether it could be evaluated.
    func rules() throws -> [(name: String, health: String)] {
        let groups = try data("/api/v1/rules")["groups"] as? [[String: Any]] ?? []
        return groups.flatMap { $0["rules"] as? [[String: Any]] ?? [] }.map { rule in
            (rule["name"] as? String ?? "", rule["health"] as? String ?? "")
        }
    }
}
