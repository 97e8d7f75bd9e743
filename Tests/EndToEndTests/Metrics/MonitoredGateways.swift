import Foundation
import Testing

/// Gateways of every kind that have something to tell, and what they tell after requests of every kind.
enum MonitoredGateway: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case proxy, sqlite, redis, forwardAuth, tls, shadow, fetchedKeys

    var testDescription: String { rawValue }

    /// The pages of all of them, each made once.
    static let pages = Result { try Dictionary(uniqueKeysWithValues: allCases.map { ($0, try $0.page()) }) }

    private static let idle = "X-Idle: yes"
    private static let bearer = "Authorization: Bearer "

    private func page() throws -> String {
        switch self {
        case .proxy:
            let gateway = try Gateway(Gateway.admin, upstream: Self.halting())
            for token in [Token.fresh, Token.ending] { _ = try gateway.get("/", Self.bearer + token) }
            _ = try gateway.get()
            // It begins to answer and dies.
            let client = try gateway.connect()
            try client.send("GET /cut HTTP/1.1\r\nHost: a\r\n\(Self.bearer + Token.fresh)\r\n\r\n")
            _ = try? client.receive()
            return try gateway.metricsText()
        case .sqlite: return try Self.sessions(store: "sqlite:$FOLDER/sessions.db")
        case .redis:
            let redis = try RedisServer()
            return try withExtendedLifetime(redis) { try Self.sessions(store: "redis://127.0.0.1:\(redis.port)") }
        case .forwardAuth:
            let gateway = try decisionGateway(.nginx, Gateway.admin)
            for fields in [[Self.bearer + Token.fresh], [Self.bearer + Token.ending], []] {
                _ = try gateway.exchange(Asking.nginx.request("GET", "/", fields))
            }
            return try gateway.metricsText()
        case .tls:
            let gateway = try Gateway.secured(try Certificates.pair("exact"), Gateway.admin + openToAll)
            #expect(try TLSClient(to: gateway).answer?.status == 200)
            return try gateway.metricsText()
        case .shadow:
            let gateway = try Gateway(Gateway.admin + "mode: shadow", upstream: .ok())
            for fields in [Self.bearer + Token.fresh, Self.bearer + Token.ending, Self.idle] { _ = try gateway.get("/", fields) }
            return try gateway.metricsText()
        case .fetchedKeys:
            let issuer = try Issuer(IssuerKey.set(try IssuerKey(id: "k1")))
            let gateway = try Gateway(
                """
                \(Gateway.admin)keys:
                  - { jwks_url: "\(issuer.url)" }
                  - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, id: own, use: sign }
                """, upstream: Origin.ok(), also: [issuer.origin])
            _ = try gateway.get("/", Self.bearer + Token.fresh)
            return try gateway.metricsText()
        }
    }

    /// An origin that breaks off its answer to `/cut`.
    private static func halting() throws -> Origin {
        try Origin { connection in
            while let request = try connection.nextRequest() {
                let isCut = request.startLine.contains(" /cut ")
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(isCut ? 200 : 2)\r\n\r\nok")
                if isCut { return }
            }
        }
    }

    private static func sessions(store: String) throws -> String {
        let sessions = try SessionGateway(store: store)
        let pair = try sessions.logIn()
        #expect(try sessions.refresh(pair).status == 200)
        #expect(try sessions.refresh(TokenPair(access: pair.access, refresh: "nonsense")).status == 400)
        #expect(try sessions.get(pair.access).status == 200)
        return try sessions.gateway.metricsText()
    }
}
