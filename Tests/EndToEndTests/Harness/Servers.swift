import Foundation
import Synchronization
import Testing

/// Several origins behind one gateway, in the order of the file.
struct Servers {
    let origins: [Origin]
    let gateway: Gateway

    /// - Parameters:
    ///   - extras: for each server, further keys of its entry (`weight: 2`).
    ///   - settings: further keys of the upstream, a line each.
    init(_ origins: [Origin], extras: [String] = [], _ settings: String..., workers: Int = 1, root: String = openToAll) throws {
        self.origins = origins
        gateway = try Gateway(
            Self.file(origins.map(\.port), extras: extras, settings, workers: workers, root: root), upstream: origins[0],
            also: Array(origins.dropFirst()))
    }

    static func file(
        _ ports: [UInt16], extras: [String] = [], _ settings: [String] = [], workers: Int = 1, root: String = openToAll
    ) -> String {
        var lines = ["workers: \(workers)", "upstreams:", "  api:", "    servers:"]
        for (index, port) in ports.enumerated() {
            let extra = index < extras.count && !extras[index].isEmpty ? ", " + extras[index] : ""
            lines.append("      - { address: 127.0.0.1:\(port)\(extra) }")
        }
        lines += settings.map { "    \($0)" }
        return (lines + [root]).joined(separator: "\n")
    }

    /// How many requests each has had.
    var counts: [Int] { origins.map(\.requests.count) }

    /// An origin that says who it is.
    static func named(_ name: String) throws -> Origin {
        try Origin.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)" }
    }

    static func named(_ count: Int) throws -> [Origin] { try (0..<count).map { try named("\($0)") } }
}

/// What a script of an origin goes by, to be changed while it runs.
final class Switch: Sendable {
    private let state: Mutex<Bool>
    init(_ isOn: Bool) { state = Mutex(isOn) }
    var isOn: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// An origin that resets every connection as its request has come, while the switch is on; otherwise answers `ok`.
func failingOrigin(_ fails: Switch, name: String = "ok") throws -> Origin {
    try Origin { connection in
        while try connection.nextRequest() != nil {
            if fails.isOn { return connection.reset() }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)")
        }
    }
}

let plainPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
