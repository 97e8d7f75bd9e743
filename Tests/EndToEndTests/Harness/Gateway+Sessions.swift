import Foundation

extension Gateway {
    static let adminSecret = "sixteen-bytes-or-more"

    /// Settings with sessions, and an administration listener that has a secret.
    /// - Parameters:
    ///   - sessions: members of `sessions` in flow form, besides the secret.
    ///   - endpoints: members of its endpoints in flow form.
    static func withSessions(_ sessions: String, endpoints: String = "refresh: /refresh, logout: /logout", _ rest: String = "") -> String {
        """
        admin: { address: "127.0.0.1:0", secret_file: $FOLDER/admin.secret }
        sessions: { secret_file: $FOLDER/refresh.secret, \(sessions), endpoints: { \(endpoints) } }
        \(rest)
        """
    }

    static let sessionFiles = [
        "admin.secret": adminSecret + "\n", "refresh.secret": "a refresh secret that no deployment may ever use\n",
    ]

    /// A gateway with sessions, and administration.
    static func keepingSessions(
        _ sessions: String, endpoints: String = "refresh: /refresh, logout: /logout", _ rest: String = ""
    ) throws -> Gateway {
        try Gateway(withSessions(sessions, endpoints: endpoints, rest), upstream: Origin.ok(), files: sessionFiles)
    }

    /// A request to the session API, on a connection of its own.
    func api(_ method: String, _ target: String, _ content: String? = nil, secret: String? = adminSecret) throws -> Message {
        let client = try Client(to: adminPort(), of: self)
        defer { client.close() }
        let authorization = secret.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        let length = content.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        return try client.exchange("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n\(authorization)\(length)\r\n\(content ?? "")")
    }

    /// The status of a request with that access token.
    func status(with access: String, at path: String = "/") throws -> Int {
        try get(path, "Authorization: Bearer \(access)").status
    }

    /// A session of `subject` by the API.
    func beginSession(of subject: String) throws -> BegunSession {
        let answer = try api("POST", "/sessions", #"{"claims":{"sub":"\#(subject)"}}"#)
        guard answer.status == 201, let session = BegunSession(answer) else {
            throw WireError.malformed("no session: \(answer.startLine) \(answer.text)")
        }
        return session
    }

    /// By the preset oauth2 at `/refresh`.
    func refresh(_ token: String) throws -> Message {
        let content = "grant_type=refresh_token&refresh_token=\(token)"
        return try exchange(
            "POST /refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)")
    }
}

/// What the session API answers to who begins a session.
struct BegunSession {
    let id: String
    let access: String
    let refresh: String

    init?(_ answer: Message) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any],
            let session = object["session"] as? [String: Any], let id = session["id"] as? String,
            let access = object["access_token"] as? String, let refresh = object["refresh_token"] as? String
        else { return nil }
        (self.id, self.access, self.refresh) = (id, access, refresh)
    }
}
