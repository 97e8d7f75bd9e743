import Foundation
import Glibc
import Synchronization
import Testing

/// A proxy that asks a gateway, in front of an API: proxy and gateway run with the files of `deploy/forward-auth`.
final class PeerFront: Sendable {
    let api: AnsweringAPI
    let gateway: Gateway
    let process: PeerProcess
    /// Where the gateway's further keys would come from, if it had any.
    private let issuer: Issuer

    /// How successors are delivered.
    enum Delivery: Hashable, Sendable { case header, cookie }

    /// - Parameters:
    ///   - edit: what is done to the gateway's file before it starts.
    ///   - editPeer: what is done to the proxy's.
    init(
        _ peer: Peer, _ delivery: Delivery = .header, edit: (String) throws -> String = { $0 },
        editPeer: (String) -> String = { $0 }
    ) throws {
        api = try AnsweringAPI()
        issuer = try Issuer("")
        issuer.serve(verbatim: "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        let file = try edit(Self.gatewayFile(proxy: peer.rawValue, delivery, issuer: issuer))
        gateway = try Gateway(file, upstream: api.origin, files: Self.files)
        process = try PeerProcess(peer, gateway: gateway.port, api: api.origin.port, edit: editPeer)
    }

    /// The shipped file, at home in another place, with a few routes and rules more.
    static func gatewayFile(proxy: String, _ delivery: Delivery = .header, issuer: Issuer? = nil) throws -> String {
        var file = try Peer.shipped("slidegate.yaml").substituting("listen: 127.0.0.1:8080", by: "listen: 127.0.0.1:0")
            .substituting("upstream: 127.0.0.1:9000", by: "workers: 1")
            .substituting("/etc/slidegate/", by: "$FOLDER/").substituting("sqlite:/var/lib/slidegate/", by: "sqlite:$FOLDER/")
            .substituting("proxy: nginx", by: "proxy: \(proxy)")
            .substituting(
                "  - { path: /poll, slide: false }",
                by: """
                      - { path: /public, auth: none }
                      - { path: /by-method, methods: [ GET ], auth: none }
                      - { path: /by-host, host: open.example, auth: none }
                      - { path: /poll, slide: false }
                    """)
        if let issuer {
            file = try file.substituting(
                "key: { algorithm: HS256, secret_file: $FOLDER/jwt.secret }",
                by: """
                    keys:
                      - { id: own, algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: sign }
                      - { jwks_url: "\(issuer.url)", algorithms: [ RS256 ] }
                    limits: { failed_verifications: 3/m }
                    """)
        }
        guard delivery == .cookie else { return file }
        return try file.substituting(
            "sliding: { buffer: 10m }",
            by: """
                sliding: { buffer: 10m, deliver: { cookie: { name: __Host-token } } }
                tokens: { from: [ { cookie: __Host-token } ] }
                """)
    }

    static let files = ["refresh.secret": "a refresh secret that no deployment may ever use\n"]

    // MARK: One for all tests of a proxy, as starting some of them takes seconds

    static func shared(_ peer: Peer, _ delivery: Delivery = .header) throws -> PeerFront {
        try places[Key(peer: peer, delivery: delivery)]!.front.withLock { front in
            if let front { return front }
            let new = try PeerFront(peer, delivery)
            front = new
            return new
        }
    }

    private struct Key: Hashable { var peer: Peer, delivery: Delivery }

    /// A lock each, so that they start side by side.
    private final class Place: Sendable { let front = Mutex<PeerFront?>(nil) }

    private static let places: [Key: Place] = {
        // Their folders go when they do.
        atexit { for place in PeerFront.places.values { place.front.withLock { $0 = nil } } }
        let keys = Peer.allCases.flatMap { peer in [Delivery.header, .cookie].map { Key(peer: peer, delivery: $0) } }
        return Dictionary(uniqueKeysWithValues: keys.map { ($0, Place()) })
    }()

    // MARK: Asking

    /// What came of a request: the client's answer, and what the API has seen of it.
    struct Outcome {
        var answer: Message
        /// Nil: nothing.
        var request: Message?
    }

    func connect(from source: String? = nil) throws -> Client {
        Client(try source.map { try Socket.connected(to: process.port, from: $0) } ?? Socket.connected(to: process.port), of: gateway)
    }

    /// Sends a request, on a connection of its own unless there is one.
    /// - Parameters:
    ///   - fields: lines, besides Host.
    ///   - answer: what the API answers if it is asked.
    func ask(
        _ line: String = "GET /things", _ fields: [String] = [], content: String? = nil, host: String = "api.example",
        on client: Client? = nil, answering answer: String = AnsweringAPI.ok
    ) throws -> Outcome {
        let number = api.prepare(answer)
        var text = "\(line) HTTP/1.1\r\nHost: \(host)\r\nX-Case: \(number)\r\n"
        for field in fields { text += field + "\r\n" }
        if let content { text += "Content-Length: \(content.utf8.count)\r\n" }
        text += "\r\n" + (content ?? "")
        let own = try client ?? connect()
        defer { if client == nil { own.close() } }
        let answer = try own.exchange(text)
        return Outcome(answer: answer, request: api.request(number))
    }
}

/// An API that answers each request as it was told before.
final class AnsweringAPI: Sendable {
    static let ok = answer()

    /// An answer with those field lines.
    static func answer(_ status: String = "200 OK", _ fields: String..., content: String = "ok") -> String {
        let length = status.hasPrefix("304") || status.hasPrefix("204") ? "" : "Content-Length: \(content.utf8.count)\r\n"
        let lines = fields.map { $0 + "\r\n" }.joined()
        return "HTTP/1.1 \(status)\r\n\(lines)\(length)\r\n\(length.isEmpty ? "" : content)"
    }

    let origin: Origin
    private let answers: Answers

    private final class Answers: Sendable {
        private let list = Mutex<[String]>([])
        func add(_ answer: String) -> String {
            list.withLock {
                $0.append(answer)
                return String($0.count - 1)
            }
        }
        func answer(_ number: String?) -> String {
            list.withLock { list in number.flatMap { Int($0) }.flatMap { list.indices.contains($0) ? list[$0] : nil } ?? AnsweringAPI.ok }
        }
    }

    init() throws {
        let answers = Answers()
        self.answers = answers
        origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                let answer = answers.answer(request["X-Case"])
                let head = answer.components(separatedBy: "\r\n\r\n")[0] + "\r\n\r\n"
                try connection.send(request.method == "HEAD" ? head : answer)
                guard answer.hasPrefix("HTTP/1.1 101") else { continue }
                // A tunnel: whatever comes goes back.
                while true {
                    let bytes = try connection.reader.readSome(upTo: 1024, by: .after())
                    if bytes.isEmpty { return }
                    try connection.send(bytes)
                }
            }
        }
    }

    /// - Returns: the number that a request names in `X-Case` to be answered with `answer`.
    fileprivate func prepare(_ answer: String) -> String { answers.add(answer) }

    /// The request of that number; nil when it has not come.
    func request(_ number: String) -> Message? { origin.requests.first { $0["X-Case"] == number } }
}
