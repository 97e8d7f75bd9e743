import Foundation
import Glibc
import Synchronization

enum BrowserError: Error {
    /// With what to do about it.
    case noBrowser(String)
    /// The browser's own words, to a command of its debugging protocol.
    case refused(command: String, String)
    /// What a script in the page threw, with its stack.
    case exception(String)
    case timedOut(waitingFor: String)
    case notLoaded(url: String, String)
    case notClickable(selector: String, String)
}

/// The debugging protocol of Chromium over a socket that it has as descriptors 3 and 4: JSON messages, each ended by NUL.
///
/// Commands may come from any thread and wait for their answers; events go to whoever listens to their session.
final class DevTools: Sendable {
    typealias Listener = @Sendable (_ event: String, _ parameters: JSON) -> Void

    private struct State {
        var lastIdentifier = 0
        var answers: [Int: JSON] = [:]
        var listeners: [String: Listener] = [:]
        var isClosed = false
    }

    private let socket: Socket
    private let writing = Mutex(())
    private let state = Mutex(State())
    private let changed = NSCondition()

    init(_ socket: Socket) {
        self.socket = socket
        startThread { [self] in
            receiveMessages()
            state.withLock { $0.isClosed = true }
            announce()
        }
    }

    /// Ends the connection, which ends the browser.
    func close() { socket.shutDown() }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Sends a command and waits for its result.
    /// - Parameter session: of the page that it is for; nil for the browser itself.
    @discardableResult
    func send(
        _ method: String, _ parameters: JSON = [:], session: String? = nil, within duration: Duration = Deadline.usual
    ) throws -> JSON {
        let identifier = state.withLock {
            $0.lastIdentifier += 1
            return $0.lastIdentifier
        }
        var message: [String: JSON] = ["id": .number(Double(identifier)), "method": .string(method), "params": parameters]
        if let session { message["sessionId"] = .string(session) }
        let bytes = Array(try JSON.object(message).text.utf8) + [0]
        try writing.withLock { _ in try socket.write(bytes, by: .after(duration)) }
        var answer: JSON?
        try wait(for: method, within: duration) {
            answer = state.withLock { $0.answers.removeValue(forKey: identifier) }
            return answer != nil
        }
        if let message = answer?["error"]?["message"]?.string { throw BrowserError.refused(command: method, message) }
        return answer?["result"] ?? .null
    }

    func listen(to session: String, _ listener: @escaping Listener) { state.withLock { $0.listeners[session] = listener } }
    func stopListening(to session: String) { state.withLock { _ = $0.listeners.removeValue(forKey: session) } }

    /// Waits until `isReached`, which is asked again with each message that has come.
    func wait(for what: String, within duration: Duration, until isReached: () -> Bool) throws {
        let deadline = Deadline.after(duration)
        changed.lock()
        defer { changed.unlock() }
        while !isReached() {
            if isClosed { throw BrowserError.refused(command: what, "Chromium has ended") }
            guard !deadline.hasPassed else { throw BrowserError.timedOut(waitingFor: what) }
            _ = changed.wait(until: Date(timeIntervalSinceNow: deadline.secondsLeft))
        }
    }

    private func receiveMessages() {
        var unread: [UInt8] = []
        while let bytes = try? socket.read(upTo: 1 << 16, by: .after(.seconds(3600)), waitingFor: "messages"), !bytes.isEmpty {
            guard let end = bytes.lastIndex(of: 0) else {
                unread += bytes
                continue
            }
            for message in (unread + bytes[..<end]).split(separator: 0) {
                if let value = try? JSON(Array(message)) { received(value) }
            }
            unread = Array(bytes[(end + 1)...])
        }
    }

    private func received(_ message: JSON) {
        if let identifier = message["id"]?.number {
            state.withLock { $0.answers[Int(identifier)] = message }
        } else if let session = message["sessionId"]?.string, let event = message["method"]?.string {
            state.withLock { $0.listeners[session] }?(event, message["params"] ?? .null)
        }
        announce()
    }

    private func announce() {
        changed.lock()
        changed.broadcast()
        changed.unlock()
    }
}
