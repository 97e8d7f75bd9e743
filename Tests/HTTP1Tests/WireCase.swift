import Foundation
import Testing

@testable import HTTP1

/// A case from `Wire/*.txt`: bytes as they come over a connection, and beside them what they must lead to.
///
///     -- a sentence that says what is expected
///     requests                 or: response GET, content chunked, content length 5, content until-close
///     > bytes, with \r \n \t \\ \xNN; no line end is implied
///     = one event a line
struct WireCase: CustomTestStringConvertible, Sendable {
    var sentence: String
    var kind: Stream.Kind
    var bytes: [UInt8] = []
    var events: [String] = []

    var testDescription: String { sentence }

    /// All cases of all files.
    static let all: [WireCase] = {
        let folder = Bundle.module.bundleURL.appendingPathComponent("Wire")
        return ["requests.txt", "responses.txt", "content.txt"].flatMap { file in
            guard let text = try? String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8) else {
                fatalError("\(file) is not readable in \(folder.path)")
            }
            return read(text, from: file)
        }
    }()

    private static func read(_ text: String, from file: String) -> [WireCase] {
        var cases: [WireCase] = []
        for (index, line) in text.components(separatedBy: "\n").enumerated() {
            let rest = String(line.dropFirst(2))
            switch line.prefix(2) {
            case "", "# ", "#": break
            case "--": cases.append(WireCase(sentence: "\(file): \(line.dropFirst(3))", kind: .requests))
            case "> ": cases[cases.count - 1].bytes += unescape(rest)
            case "= ": cases[cases.count - 1].events.append(rest)
            default:
                guard let kind = kind(line) else { fatalError("\(file):\(index + 1): not understood: \(line)") }
                cases[cases.count - 1].kind = kind
            }
        }
        return cases
    }

    private static func kind(_ line: String) -> Stream.Kind? {
        let words = line.components(separatedBy: " ")
        switch words[0] {
        case "requests" where words.count == 1: return .requests
        case "response" where words.count == 2: return .response(.init(Array(words[1].utf8).span))
        case "content" where words == ["content", "chunked"]: return .content(.chunked)
        case "content" where words == ["content", "until-close"]: return .content(.untilClose)
        case "content" where words.count == 3 && words[1] == "length":
            return Int(words[2]).map { .content(.length($0)) }
        default: return nil
        }
    }

    private static func unescape(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)!)
                rest = rest.dropFirst(2)
            default: fatalError("unknown escape in \(text)")
            }
        }
        return bytes
    }
}
