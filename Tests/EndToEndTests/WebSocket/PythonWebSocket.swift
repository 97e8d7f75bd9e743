import Foundation
import Glibc
import Testing

/// A WebSocket endpoint that is none of ours: Debian's `python3-websockets`, in a process of its own.
struct PythonWebSocket: Sendable {
    let process: ChildProcess

    private init(_ script: String, _ arguments: [String]) throws {
        let folder = try #require(Bundle.module.url(forResource: "Python", withExtension: nil)).path
        process = try ChildProcess(
            ["/usr/bin/python3", folder + "/" + script] + arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"])
    }

    /// A server, and the port it listens on.
    /// - Parameter compression: `deflate` for the extension of RFC 7692.
    static func server(compression: String? = nil) throws -> (server: PythonWebSocket, port: UInt16) {
        let server = try PythonWebSocket("websocket_server.py", compression.map { [$0] } ?? [])
        let line = try server.waitForLine("listening")
        return (server, try #require(UInt16(line.dropFirst("listening ".count))))
    }

    /// A client that connects and does a task; see the script.
    static func client(_ task: String, to url: String, _ options: String...) throws -> PythonWebSocket {
        try client(task, to: url, options)
    }

    static func client(_ task: String, to url: String, _ options: [String]) throws -> PythonWebSocket {
        try PythonWebSocket("websocket_client.py", [task, url] + options)
    }

    /// The first line that begins with `start`, once it is there.
    @discardableResult
    func waitForLine(_ start: String, within duration: Duration = .seconds(60)) throws -> String {
        do {
            let line = try process.waitForLine(containing: start, on: .output, within: duration)
            return line
        } catch {
            throw GatewayError.noSuchLine(start, output: process.text(of: .output) + process.text(of: .error))
        }
    }

    /// It ends as well when nobody holds it any more.
    func stop() { process.signal(SIGKILL) }

    var lines: [String] { process.text(of: .output).split(separator: "\n").map(String.init) }

    /// Whether everything that was checked was right.
    var isContent: Bool { lines.contains { $0.hasPrefix("ok") } && !lines.contains { $0.hasPrefix("bad") } }
}

extension Gateway {
    /// A gateway that sends `/api` to `origin`, and the rest to whatever listens at that port.
    convenience init(_ settings: String, upstreamPort: UInt16, also origin: Origin? = nil) throws {
        let origin = try origin ?? .ok()
        let routes = """
            upstreams:
              sockets: { servers: [ "127.0.0.1:\(upstreamPort)" ] }
              api: { servers: [ "127.0.0.1:\(origin.port)" ] }
            """
        let named = settings.contains("routes:")
            ? settings.replacing("path: /,", with: "path: /, upstream: sockets,")
            : settings + "\nroutes: [ { path: /, upstream: sockets }, { path: /api, upstream: api } ]"
        try self.init(routes + "\n" + named, upstream: origin)
    }

    func webSocket(_ path: String) -> String { "ws://127.0.0.1:\(port)\(path)" }
}

/// Frames as scripted peers send and read them (RFC 6455 §5.2).
struct Frame: Equatable, Sendable {
    var opcode: UInt8
    var isFinal = true
    var isMasked = false
    var payload: [UInt8]

    /// 1008 `session expired`, as the gateway sends it.
    static func close(_ code: Int, _ reason: String, isMasked: Bool = false) -> Frame {
        Frame(opcode: 8, isMasked: isMasked, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
    }

    static func text(_ text: String, isFinal: Bool = true, isMasked: Bool = false) -> Frame {
        Frame(opcode: 1, isFinal: isFinal, isMasked: isMasked, payload: Array(text.utf8))
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        let masked: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ..<126: bytes.append(masked | UInt8(payload.count))
        case ..<65_536: bytes += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [masked | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard isMasked else { return bytes + payload }
        let key: [UInt8] = [0xA1, 0xB2, 0xC3, 0xD4]
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
    }
}

extension MessageReader {
    /// The next frame, unmasked.
    func readFrame(within duration: Duration = Deadline.usual) throws -> Frame {
        let deadline = Deadline.after(duration)
        let head = try read(2, by: deadline)
        var length = Int(head[1] & 0x7F)
        if length == 126 { length = try read(2, by: deadline).reduce(0) { $0 << 8 | Int($1) } }
        if length == 127 { length = try read(8, by: deadline).reduce(0) { $0 << 8 | Int($1) } }
        let isMasked = head[1] & 0x80 != 0
        let key = isMasked ? try read(4, by: deadline) : [0, 0, 0, 0]
        let payload = try read(length, by: deadline).enumerated().map { $1 ^ key[$0 & 3] }
        return Frame(opcode: head[0] & 0x0F, isFinal: head[0] & 0x80 != 0, isMasked: isMasked, payload: payload)
    }
}
