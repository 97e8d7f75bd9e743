import Bytes
import EventLoop
import HTTP1

/// The administration listener: a small HTTP server on the control thread, apart from the workers, so that it answers
/// when they are busy, at their limits or stuck.
final class AdminServer {
    /// Scrapers and a few people.
    private static let connectionsMax = 32
    /// How long accepting waits after it has failed, in milliseconds.
    private static let acceptPause: Int64 = 1_000

    let loop: EventLoop
    let socket: ListeningSocket
    /// Nil: on loopback, where none is asked for.
    let secret: [UInt8]?
    private let pages: [String: AdminPage]
    private let sessions: SessionAPI
    private var listener: Listener?
    private var acceptTimer: LoopTimer?
    /// The oldest first.
    private var connections: [AdminConnection] = []

    init(
        on socket: ListeningSocket, secret: [UInt8]?, pages: [String: AdminPage], sessions: SessionAPI, loop: EventLoop
    ) throws(EventLoopError) {
        self.socket = socket
        self.secret = secret
        self.pages = pages
        self.sessions = sessions
        self.loop = loop
        acceptTimer = try LoopTimer(on: loop) { [unowned self] in listener?.resume() }
        listener = try Listener(socket, on: loop) { [unowned self] event in handle(event) }
    }

    private func handle(_ event: Listener.Event) {
        switch event {
        case .accepted(let accepted):
            let stream = ByteStream(accepted, on: loop)
            guard let connection = try? AdminConnection(stream, of: self) else { return stream.close() }
            // Silent ones must not keep an operator, or a probe, out: the oldest makes way.
            if connections.count >= Self.connectionsMax { connections.first?.close() }
            connections.append(connection)
            connection.start()
        case .failed:
            acceptTimer?.schedule(afterMilliseconds: Self.acceptPause)
        }
    }

    func connectionClosed(_ connection: AdminConnection) { connections.removeAll { $0 === connection } }

    /// Leaves new connections to whoever else holds the socket. What is asked over those that are open is still answered.
    func stopAccepting() { listener = nil }

    /// New connections are somebody else's: those that are open end with their next answer.
    var isLeaving: Bool { listener == nil }

    /// Closes the listener and every connection.
    func close() {
        listener = nil
        for connection in connections { connection.close() }
    }

    /// Whether it is there for everybody.
    func isOpen(_ path: String) -> Bool { pages[path]?.isOpen == true }

    /// Why a request is not for any resource here; nil when it is.
    func refusal(method: String, path: String) -> AdminAnswer? {
        if let methods = sessions.methods(at: path) {
            // On loopback, too: whoever has an account on this machine must not end, or begin, anyone's session.
            guard secret != nil else {
                return .problem(403, "secret_required", "Sessions are only shown to who has the secret, and none is configured (admin.secret_file).")
            }
            let allowed = methods.joined(separator: ", ")
            return methods.contains(method)
                ? nil : .problem(405, "method_not_allowed", "There is: \(allowed).", fields: "Allow: \(allowed)\r\n")
        }
        guard pages[path] != nil else {
            let known = pages.keys.sorted().joined(separator: " ")
            return AdminAnswer(status: 404, "There is nothing here. There is: \(known)")
        }
        return method == "GET" || method == "HEAD" ? nil : AdminAnswer(status: 405, fields: "Allow: GET, HEAD\r\n", "Only GET and HEAD.")
    }

    /// The most content that a request for it may have.
    func contentBytesMax(method: String, path: String) -> Int {
        method == "POST" && sessions.methods(at: path) != nil ? AdminRequest.contentBytesMax : 0
    }

    /// Answers a request that has been let in.
    func answer(_ request: AdminRequest, _ answer: @escaping AdminPage.Answer) {
        guard let page = pages[request.path] else { return sessions.answer(request, answer) }
        do throws(AdminFault) {
            try page.read(request, answer)
        } catch {
            answer(.problem(400, "invalid_request", error.detail))
        }
    }
}
