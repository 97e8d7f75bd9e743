import Configuration
import EventLoop
import Proxy

/// Whether new connections are welcome.
enum Readiness {
    case ready
    /// What is revoked is not known yet.
    case loading
    case draining
}

/// The administration listener through reloads and hand-overs: what is asked of it, and which socket it stands on.
final class Administration {
    /// Bound and read, not in force yet.
    struct Preparation {
        fileprivate var address: SocketAddress
        fileprivate var socket: ListeningSocket
        fileprivate var secret: [UInt8]?
    }

    static let secretBytesMin = 16

    private let loop: EventLoop
    private var pages: [String: AdminPage] = [:]
    private let sessions: SessionAPI
    private var server: AdminServer?
    /// What the socket was asked for as; port 0 stands for any.
    private var requested: SocketAddress?

    init(on loop: EventLoop, _ sources: AdminSources, sessions: SessionAPI) {
        self.loop = loop
        self.sessions = sessions
        pages = Self.pages(sources, on: loop).merging(StatusPage.files) { page, _ in page }
        pages["/status.json"] = AdminPage { [unowned self] answer in
            sources.collectReport { [unowned self] report in
                let report = StatusReport(
                    gateway: report, service: sources.service(), readiness: sources.readiness(), store: sources.store(),
                    sessions: sessionAccess, now: self.loop.wallSeconds, instant: self.loop.now)
                answer(AdminAnswer(type: "application/json", report.json.bytes))
            }
        }
    }

    private var sessionAccess: StatusReport.Sessions {
        guard sessions.backend != nil else { return .none }
        return server?.secret == nil ? .secretRequired : .available
    }

    private static func pages(_ sources: AdminSources, on loop: EventLoop) -> [String: AdminPage] {
        [
            "/metrics": AdminPage { answer in
                sources.collectReport { report in
                    let type: StaticString = "text/plain; version=0.0.4; charset=utf-8"
                    answer(AdminAnswer(type: type, MetricsPage.text(of: report, sources)))
                }
            },
            "/shadow": ShadowPage.page(sources) { [unowned loop] in loop.wallSeconds },
            "/livez": AdminPage { answer in answer(AdminAnswer("ok")) },
            "/readyz": AdminPage { answer in
                switch sources.readiness() {
                case .ready: answer(AdminAnswer("ok"))
                case .loading: answer(AdminAnswer(status: 503, "revocations are not loaded yet"))
                case .draining: answer(AdminAnswer(status: 503, "draining"))
                }
            },
        ]
    }

    /// For a successor to go on with; nil while there is no listener.
    var socket: ListeningSocket? { server?.socket }

    /// Binds what is asked for and not bound yet, and reads the secret. Nothing changes before `adopt`.
    /// - Parameter inherited: loses the socket that is taken over.
    func prepare(
        _ configuration: Configuration, inheriting inherited: inout [ListeningSocket]
    ) throws -> Preparation? {
        guard let admin = configuration.admin else { return nil }
        let place = admin.address.place
        do {
            let address = try SocketAddress.resolve(admin.address.value)[0]
            try Self.check(address, configuration)
            let secret = try admin.secret.map { source in
                try LoadedSecret(source, bytesMin: Self.secretBytesMin, of: configuration).bytes
            }
            if let server, address == requested { return Preparation(address: address, socket: server.socket, secret: secret) }
            let socket = try ListeningSocket.taking(address, from: &inherited)
            if socket.isOwn { try socket.file?.setMode(0o600) }
            return Preparation(address: address, socket: socket, secret: secret)
        } catch let refusal as ConfigurationRefusal {
            throw refusal
        } catch {
            throw ConfigurationRefusal(
                file: configuration.file, diagnostics: [Diagnostic(.error, at: place, "\(error)")])
        }
    }

    /// What can be said of an address only when names have been resolved; the rest has been when the file was read.
    static func check(_ address: SocketAddress, _ configuration: Configuration) throws {
        guard let admin = configuration.admin, !admin.address.value.isUnix else { return }
        let endpoint = Endpoint(address)
        if admin.secret == nil, !endpoint.isLoopback {
            let detail = "\(admin.address.value) is \(endpoint) here, which can be reached from elsewhere, and there is no secret"
            throw ConfigurationRefusal(file: configuration.file, diagnostics: [Diagnostic(.error, at: admin.address.place, detail)])
        }
        for listener in configuration.listeners {
            for other in try SocketAddress.resolve(listener.address.value) where Endpoint(other).overlaps(endpoint) {
                let detail = "\(admin.address.value) is where clients connect: \(listener.address.value) is a listener"
                throw ConfigurationRefusal(file: configuration.file, diagnostics: [Diagnostic(.error, at: admin.address.place, detail)])
            }
        }
    }

    /// Serves by it from now on; nil: not at all. Connections that are open end, unless nothing has changed.
    func adopt(_ preparation: Preparation?) throws(EventLoopError) {
        if let preparation, let server, preparation.socket === server.socket, preparation.secret == server.secret { return }
        if preparation?.socket === server?.socket { close() } else { end() }
        requested = preparation?.address
        guard let preparation else { return }
        server = try AdminServer(on: preparation.socket, secret: preparation.secret, pages: pages, sessions: sessions, loop: loop)
    }

    /// Leaves the socket, and its file if it has one, to a successor.
    func handOver() { server?.stopAccepting() }

    /// Stops serving, and leaves nothing behind.
    func end() {
        if let server, !server.isLeaving, server.socket.isOwn { server.socket.file?.remove() }
        close()
    }

    private func close() {
        server?.close()
        server = nil
    }
}

extension Endpoint {
    /// What a name has been resolved to.
    fileprivate init(_ address: SocketAddress) {
        let host: Host =
            switch address {
            case .ipv4: .ipv4(address.hostText)
            case .ipv6: .ipv6(address.hostText)
            case .unix(let path): .unix(path: path)
            case .unnamed: .unix(path: "")
            }
        self.init(host: host, port: address.port)
    }
}
