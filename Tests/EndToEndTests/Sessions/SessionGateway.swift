import Foundation
import Testing

/// A gateway that keeps sessions, before an origin that logs everybody in, and what a front end would do with it.
final class SessionGateway: Sendable {
    static let refreshSecret = "another secret that no deployment may ever use"

    let gateway: Gateway
    let origin: Origin
    let preset: FrontEnd

    /// - Parameters:
    ///   - store: as `sessions.store` is written.
    ///   - login, refresh: further keys of these endpoints, each with a leading comma.
    ///   - settings: further lines of `sessions`, indented by two.
    ///   - root: further top-level lines; the routes are among them.
    init(
        _ preset: FrontEnd = .oauth2, store: String = "memory", login: String = "", refresh: String = "", settings: String = "",
        workers: Int = 1, root: String = "routes: [ { path: / } ]", secret: String = refreshSecret, origin: Origin? = nil
    ) throws {
        self.preset = preset
        let origin = try origin ?? Self.origin()
        self.origin = origin
        gateway = try Gateway(
            Self.file(preset, store: store, login: login, refresh: refresh, settings: settings, workers: workers, root: root),
            upstream: origin, files: ["refresh.secret": secret, "introspection.secret": Self.introspectionSecret])
    }

    static let introspectionSecret = "a secret of the resource servers that ask"

    static func file(
        _ preset: FrontEnd, store: String = "memory", login: String = "", refresh: String = "", settings: String = "",
        workers: Int = 1, root: String = "routes: [ { path: / } ]"
    ) -> String {
        """
        \(Gateway.admin)workers: \(workers)
        logs: { decisions: all }
        \(root)
        sessions:
          store: \(store)
          secret_file: $FOLDER/refresh.secret
        \(settings.isEmpty ? "" : settings + "\n")  endpoints:
            login: { path: \(preset.loginPath), preset: \(preset.name)\(login) }
            refresh: { path: \(preset.refreshPath), preset: \(preset.name)\(refresh) }
            logout: { path: /auth/logout }
            logout_everywhere: { path: /auth/logout-everywhere }
            revocation: { path: /auth/revoke }
            introspection: { path: /auth/introspect, secret_file: $FOLDER/introspection.secret }
            sessions: { path: /auth/sessions }
        """
    }

    /// Takes the user's name from the content of the login, and answers everything else with `ok`.
    static func origin() throws -> Origin {
        try Origin.answering { request in
            guard request.method == "POST", let user = request.json?["user"] as? String else {
                return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            }
            return loggedIn(user)
        }
    }

    static func claims(of user: String) -> String {
        #"{"sub":"\#(user)","id":7,"username":"\#(user)","email":"\#(user)@example.org","role":"admin"}"#
    }

    /// What the upstream answers to a login.
    static func loggedIn(_ user: String, content: String = #"{"welcome":true}"#, fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Session-Claims: \(claims(of: user))\r\n\(fields)"
            + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
    }

    // MARK: What a front end does

    func logIn(_ user: String = "ann", _ fields: String...) throws -> TokenPair {
        let answer = try gateway.exchange(logInRequest(user, fields))
        guard answer.status == 200 else { throw WireError.malformed("login: \(answer.headText)\(answer.text)") }
        return try pair(answer)
    }

    func logInRequest(_ user: String = "ann", _ fields: [String] = []) -> String {
        post(preset.loginPath, #"{"user":"\#(user)"}"#, type: "application/json", fields)
    }

    /// What an answer hands over; the refresh token of `before` where there is no other.
    func pair(_ answer: Message, before: TokenPair? = nil) throws -> TokenPair {
        guard let access = preset.access(answer) else { throw WireError.malformed("no access token: \(answer.text)") }
        return TokenPair(access: access, refresh: preset.refresh(answer) ?? before?.refresh ?? "")
    }

    func refreshRequest(_ pair: TokenPair, _ fields: String...) -> String {
        let (content, more) = preset.request(pair)
        return post(preset.refreshPath, content, type: preset.contentType, more + fields)
    }

    /// One refresh on a connection of its own.
    func refresh(_ pair: TokenPair) throws -> Message { try gateway.exchange(refreshRequest(pair)) }

    func get(_ access: String, at path: String = "/") throws -> Message { try gateway.get(path, "Authorization: Bearer \(access)") }

    func post(_ path: String, _ content: String = "", type: String? = nil, _ fields: [String] = []) -> String {
        let type = type.map { "Content-Type: \($0)\r\n" } ?? ""
        let lines = fields.map { $0 + "\r\n" }.joined()
        return "POST \(path) HTTP/1.1\r\nHost: api.example\r\n\(type)\(lines)Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
    }
}

/// The tokens that a front end has.
struct TokenPair: Equatable, Sendable {
    var access: String
    var refresh: String

    /// The session's name and the counter, as the refresh token has them.
    var counter: UInt32? {
        guard refresh.hasPrefix("sgr_"), let bytes = decodeBase64url(String(refresh.dropFirst(4))), bytes.count == 37 else { return nil }
        return bytes[17..<21].reduce(0) { $0 << 8 | UInt32($1) }
    }

    var session: String? { Token(verifying: access)?.string("sid") }
}

/// What a front end of some make expects: one for each preset.
struct FrontEnd: Sendable, CustomTestStringConvertible {
    var name: String
    var loginPath = "/login"
    var refreshPath: String
    var contentType: String?
    /// The content of a refresh, and its further field lines.
    var request: @Sendable (TokenPair) -> (content: String, fields: [String])
    var access: @Sendable (Message) -> String?
    var refresh: @Sendable (Message) -> String?
    /// Statuses without a token, and with one that is used up.
    var missing: Int
    var invalid: Int

    var testDescription: String { name }

    static let oauth2 = FrontEnd(
        name: "oauth2", refreshPath: "/oauth/token", contentType: "application/x-www-form-urlencoded",
        request: { ("grant_type=refresh_token&refresh_token=\($0.refresh)", []) },
        access: { $0.json?["access_token"] as? String }, refresh: { $0.json?["refresh_token"] as? String },
        missing: 400, invalid: 400)

    static let simplejwt = FrontEnd(
        name: "simplejwt", loginPath: "/api/token/", refreshPath: "/api/token/refresh/", contentType: "application/json",
        request: { (#"{"refresh":"\#($0.refresh)"}"#, []) },
        access: { $0.json?["access"] as? String }, refresh: { $0.json?["refresh"] as? String }, missing: 400, invalid: 401)

    static let express = FrontEnd(
        name: "express", refreshPath: "/refresh-token", contentType: "application/json",
        request: { (#"{"refreshToken":"\#($0.refresh)"}"#, []) },
        access: { ($0.json?["data"] as? [String: Any])?["access_token"] as? String },
        refresh: { ($0.json?["data"] as? [String: Any])?["refresh_token"] as? String }, missing: 400, invalid: 403)

    static let cookie = FrontEnd(
        name: "cookie", refreshPath: "/refresh",
        request: { ("", $0.refresh.isEmpty ? [] : ["Cookie: theme=dark; __Host-refresh=\($0.refresh)", "Sec-Fetch-Site: same-origin"]) },
        access: { $0.json?["access_token"] as? String }, refresh: { $0.cookie("__Host-refresh") }, missing: 401, invalid: 401)

    static let bearerRefresh = FrontEnd(
        name: "bearer-refresh", refreshPath: "/refresh-token",
        request: { ("", $0.refresh.isEmpty ? [] : ["Authorization: Bearer \($0.refresh)"]) },
        access: { $0.json?["accessToken"] as? String }, refresh: { $0.json?["refreshToken"] as? String }, missing: 401, invalid: 401)

    static let bearerAccess = FrontEnd(
        name: "bearer-access", refreshPath: "/api/auth/refresh-token",
        request: { ("", $0.access.isEmpty ? [] : ["Authorization: Bearer \($0.access)"]) },
        access: { $0.json?["access_token"] as? String }, refresh: { _ in nil }, missing: 401, invalid: 401)

    /// Those with refresh tokens.
    static let dual = [oauth2, simplejwt, express, cookie, bearerRefresh]
}

extension Message {
    var json: [String: Any]? { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] }

    /// The value that a `Set-Cookie` gives the cookie.
    func cookie(_ name: String) -> String? {
        values(of: "Set-Cookie").first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1).prefix { $0 != ";" }) }
    }
}

/// What the gateway promises of every answer that may hold a token.
func expectUncacheable(_ answer: Message, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(answer.members(of: "Cache-Control").contains("no-store"), "\(answer.headText)", sourceLocation: sourceLocation)
    #expect(answer["Pragma"] == "no-cache", "\(answer.headText)", sourceLocation: sourceLocation)
    #expect(!answer.has("ETag") && !answer.has("Last-Modified"), "\(answer.headText)", sourceLocation: sourceLocation)
}
