import Foundation
import Testing

/// A gateway that keeps sessions, the API behind it, and pages that use the module it serves.
///
/// `/page` has a `session`, and for the tests: `events`, what the session has told; `get(path, init)`, the status of a request or
/// the name of its error; `burst(count, path)`, how often each of these came; and `persisted`, whether the page was last shown from the
/// back/forward cache. A strict content security policy holds for it.
final class WebApplication: Sendable {
    let sessions: SessionGateway
    var gateway: Gateway { sessions.gateway }
    var origin: Origin { sessions.origin }

    /// What the API answers below `/api`, a whole message.
    typealias API = @Sendable (Message) throws -> String

    /// - Parameters:
    ///   - settings: further lines of `sessions`, indented by two.
    ///   - root: top-level lines besides those for routes and pages.
    ///   - slides: whether requests to the API renew their tokens.
    init(
        _ preset: FrontEnd = .oauth2, settings: String = "", login: String = "", refresh: String = "", slides: Bool = false,
        root: String = "sliding: { buffer: 10m }", files: [String: WebSite.File] = [:], api: @escaping API = { _ in WebApplication.ok }
    ) throws {
        let loginPath = preset.loginPath
        let origin = try Origin.answering { request in
            let path = String(request.target.prefix { $0 != "?" })
            if path == loginPath, let user = request.json?["user"] as? String { return SessionGateway.loggedIn(user) }
            if path.hasPrefix("/api/") { return try api(request) }
            return WebSite.answer(files[path] ?? Self.files[path])
        }
        let routes = "browser: /slidegate\nroutes: [ { path: /, auth: none }, { path: /api, slide: \(slides) } ]\n"
        sessions = try SessionGateway(preset, login: login, refresh: refresh, settings: settings, root: routes + root, origin: origin)
    }

    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// Opens a page and waits for its session.
    /// - Parameters:
    ///   - options: of its session, in JavaScript; nil: it is the one of `session.js` itself.
    ///   - origin: of the page; by default the gateway.
    func open(in browser: Browser, _ options: String? = "{ proactive: false }", origin: String? = nil) throws -> Page {
        let page = try browser.newPage()
        try open(page, options, origin: origin)
        return page
    }

    func open(_ page: Page, _ options: String? = "{ proactive: false }", origin: String? = nil) throws {
        try page.open((origin ?? url) + "/page?" + query(options))
        try page.waitUntil("window.session")
    }

    private func query(_ options: String?) -> String {
        var query = URLComponents()
        query.queryItems = [URLQueryItem(name: "gateway", value: url)]
        if let options { query.queryItems?.append(URLQueryItem(name: "options", value: options)) }
        return query.percentEncodedQuery ?? ""
    }

    var url: String { "http://127.0.0.1:\(gateway.port)" }

    /// Targets of the requests that have reached the API, in order.
    var apiTargets: [String] { origin.requests.map(\.target).filter { $0.hasPrefix("/api/") } }

    // MARK: What the gateway counted

    /// Requests to the refresh endpoint that got tokens: first of a rotation, and again for a token just used up.
    func refreshes() throws -> [Int] {
        try ["slidegate_refreshes_total", "slidegate_refreshes_replayed_total"].map { try Int(gateway.metric($0) ?? 0) }
    }

    /// In front of the gateway: passes each request on at once, and its answer when `release` opens; `came` opens when it is there.
    func holdingAnswers(came: Gate, until release: Gate) throws -> Origin {
        let port = gateway.port
        return try Origin { connection in
            while let request = try connection.nextRequest() {
                let client = try Client(to: port)
                defer { client.close() }
                try client.send(request.head + request.body)
                let answer = try client.receive(to: request.method)
                came.open()
                try release.wait()
                try connection.send(answer.head + answer.body)
            }
        }
    }

    // MARK: Tokens

    /// A new session, whose access token is replaced by one of the same session, user and key.
    /// - Parameters:
    ///   - left: seconds until it ends; negative when it has.
    ///   - life: seconds from `iat` to `exp`; by default that began when it can have.
    func tokens(left: Int, life: Int? = nil) throws -> TokenPair {
        var pair = try sessions.logIn()
        pair.access = access(of: pair, left: left, life: life ?? max(60, left))
        return pair
    }

    func access(of pair: TokenPair, left: Int, life: Int) -> String {
        let end = Token.now() + left
        let (session, begin) = (pair.session ?? "", end - life)
        return Token.signed(claims: #"{"sub":"ann","sid":"\#(session)","iat":\#(begin),"orig_iat":\#(begin),"exp":\#(end)}"#)
    }

    // MARK: Pages

    private static let policy = "Content-Security-Policy: default-src 'self' http://127.0.0.1:* http://localhost:*; style-src 'none'"

    static let files: [String: WebSite.File] = [
        "/favicon.ico": WebSite.File(type: "image/x-icon", content: ""),
        "/page": .page(#"<title>Page</title><script type="module" src="/page.js"></script>"#, policy, "Cache-Control: no-cache"),
        "/elsewhere": .page("<title>Elsewhere</title>", policy),
        "/page.js": .script(
            """
            const query = new URLSearchParams(location.search);
            const gateway = query.get("gateway");
            const { default: made, createSession, settings } = await import(gateway + "/slidegate/session.js");
            const options = query.get("options");
            if (options) made.close();
            const session = options ? createSession(settings, parsed(options)) : made;

            window.events = [];
            for (const type of ["started", "renewed", "ending", "ended"]) {
              session.addEventListener(type, ({ detail }) => events.push(detail.reason ? `${type}: ${detail.reason}` : type));
            }
            window.get = async (path, init) => {
              try {
                const answer = await session.fetch(gateway + path, init);
                await answer.text();
                return String(answer.status);
              } catch (error) {
                return error.name;
              }
            };
            window.burst = async (count, path, { from = Date.now(), every = 0 } = {}) => {
              const outcomes = {};
              await Promise.all(Array.from({ length: count }, async (_, number) => {
                await new Promise((resolve) => setTimeout(resolve, from + number * every - Date.now()));
                const outcome = await get(`${path}?${number}`);
                outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
              }));
              return outcomes;
            };
            addEventListener("pageshow", ({ persisted }) => { window.persisted = persisted });
            window.createSession = createSession;
            window.settings = settings;
            window.session = session;

            // As JavaScript writes them, without eval.
            function parsed(text) {
              return JSON.parse(text.replace(/(\\w+):/g, '"$1":').replace(/'/g, '"'));
            }
            """),
    ]
}

extension Page {
    /// Begins a session with those tokens, as after a login.
    func start(_ pair: TokenPair, expiresIn: Int? = nil) throws {
        let tokens: JSON = [
            "access": .string(pair.access), "refresh": .string(pair.refresh), "expiresIn": expiresIn.map { .number(Double($0)) } ?? .null,
        ]
        try run("await session.start(\(try tokens.text))")
    }

    /// Logs in by the gateway's login.
    func logIn(_ user: String = "ann", at path: String = "/login") throws {
        try run(
            """
            const body = JSON.stringify({ user: "\(user)" });
            const headers = { "Content-Type": "application/json" };
            await session.start(await session.fetch(new URLSearchParams(location.search).get("gateway") + "\(path)", { method: "POST", headers, body }));
            """)
    }

    /// The status of a request, or the name of its error.
    func get(_ path: String, _ options: String = "{}") throws -> String { try evaluate("get('\(path)', \(options))") }

    /// What the session has told so far.
    func events() throws -> [String] { try evaluate("events") }
    func token() throws -> String? { try evaluate("session.token ?? null") }
    func isActive() throws -> Bool { try evaluate("session.state.active") }
}
