import Foundation
import Synchronization

/// A key pair of a token issuer, made by the program itself, and tokens that it signs.
final class IssuerKey: Sendable {
    let id: String
    let algorithm: String
    /// The public half, as one JWK.
    let publicJWK: String
    private let folder: Folder

    init(_ algorithm: String = "EdDSA", id: String) throws {
        self.id = id
        self.algorithm = algorithm
        folder = try Folder()
        let arguments = ["--algorithm", algorithm, "--format", "jwk", "--id", id, "--out", folder.path("private.jwk")]
        _ = try Self.run(["keys", "generate"] + arguments + ["--public-out", folder.path("public.jwk")])
        publicJWK = try String(contentsOfFile: folder.path("public.jwk"), encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The whole key, as one JWK.
    var privateJWK: String { get throws { try String(contentsOfFile: folder.path("private.jwk"), encoding: .utf8) } }

    /// A token that is good for so many seconds more, of a lifetime of an hour.
    func token(left: Int = 3000, subject: String = "user-1") throws -> String {
        let end = Token.now() + left
        let claims = #"{"sub":"\#(subject)","iat":\#(end - 3600),"exp":\#(end)}"#
        return try Self.run(["token", "mint", "--key-file", folder.path("private.jwk"), "--claims", claims])
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static func set(_ keys: IssuerKey...) -> String { #"{"keys":[\#(keys.map(\.publicJWK).joined(separator: ","))]}"# }

    private static func run(_ arguments: [String]) throws -> String {
        let process = try ChildProcess([try Gateway.binary()] + arguments)
        let ending = try process.waitForExit(within: .seconds(30))
        try process.waitUntilRead()
        guard ending == .exited(0) else { throw WireError.malformed(process.text(of: .error)) }
        return process.text(of: .output)
    }
}

/// An issuer that serves a key set, and what it serves can change.
final class Issuer: Sendable {
    let origin: Origin
    private let answer: Box

    final class Box: Sendable {
        private let text: Mutex<String>
        init(_ text: String) { self.text = Mutex(text) }
        var value: String {
            get { text.withLock { $0 } }
            set { text.withLock { $0 = newValue } }
        }
    }

    init(_ content: String, fields: String = "") throws {
        let box = Box(Self.answer(content, fields))
        answer = box
        origin = try Origin.answering { _ in box.value }
    }

    func serve(_ content: String, fields: String = "") { answer.value = Self.answer(content, fields) }
    /// A whole answer, head and content.
    func serve(verbatim text: String) { answer.value = text }

    var url: String { "http://127.0.0.1:\(origin.port)/jwks.json" }

    private static func answer(_ content: String, _ fields: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: application/jwk-set+json\r\n\(fields)Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
    }
}
