import Foundation
import Glibc
import Synchronization
import Testing

/// Goal: a server that says it is unwell gets no requests until it says otherwise, often enough.
@Suite("Active health checks", .timeLimit(.minutes(2)))
struct HealthCheckTests {
    private let request = "GET / HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n"

    /// An origin whose answers to checks can change; everything else it answers with 200.
    private final class Patient: Sendable {
        let origin: Origin
        private let state: State

        final class State: Sendable {
            let answer = Mutex("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }

        init() throws {
            let state = State()
            self.state = state
            origin = try Origin { connection in
                while let request = try connection.nextRequest() {
                    let isCheck = request.startLine.contains("/healthz")
                    let answer = isCheck ? state.answer.withLock { $0 } : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                    if answer.isEmpty { try connection.waitForEnd() } else { try connection.send(answer) }
                }
            }
        }

        /// An empty text is no answer at all.
        func answer(_ text: String) { state.answer.withLock { $0 = text } }
        var checks: [Message] { origin.requests.filter { $0.startLine.contains("/healthz") } }
    }

    private func gateway(_ patient: Patient, _ more: String = "") throws -> Gateway {
        let health = "health: { path: /healthz, interval: 100ms, timeout: 300ms, healthy_after: 2, unhealthy_after: 3\(more) }"
        return try Gateway(
            "upstreams: { api: { servers: [ 127.0.0.1:\(patient.origin.port) ], \(health) } }\nroutes: [ { path: / } ]",
            upstream: patient.origin)
    }

    private func waitForVerdict(_ verdict: String, from gateway: Gateway, skipping count: Int = 0) throws -> String {
        try gateway.process.waitForLine(containing: " is \(verdict): ", skipping: count)
    }

    @Test(arguments: [
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "status 500"), ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "status 302"),
        ("nonsense\r\n\r\n", "not valid HTTP"), ("", "no answer in time"),
    ])
    func `a server that fails its checks is unhealthy, and recovers`(_ bad: String, _ reason: String) throws {
        let patient = try Patient()
        let gateway = try gateway(patient)
        #expect(try gateway.exchange(request).status == 200)
        patient.answer(bad)
        #expect(try waitForVerdict("unhealthy", from: gateway).contains(reason))
        patient.answer("HTTP/1.1 204 No Content\r\n\r\n")
        _ = try waitForVerdict("healthy", from: gateway)
        try eventually { try gateway.exchange(request).status == 200 }  // the workers hear of it by mail
    }

    @Test func `checks ask for what the configuration says`() throws {
        let patient = try Patient()
        let gateway = try gateway(patient, ", host: health.example, status: [ 200, 418-420 ]")
        patient.answer("HTTP/1.1 419 Fine\r\nContent-Length: 0\r\n\r\n")
        let deadline = Deadline.after()
        while patient.checks.count < 6, !deadline.hasPassed { usleep(20_000) }
        #expect(patient.checks[0].startLine == "GET /healthz HTTP/1.1")
        #expect(patient.checks[0]["Host"] == "health.example")
        #expect(!gateway.logs.contains("unhealthy"))
    }

    @Test func `a reload keeps what is known of servers that stay`() throws {
        let patient = try Patient()
        let gateway = try gateway(patient)
        patient.answer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        _ = try waitForVerdict("unhealthy", from: gateway)
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "configuration reloaded")
        patient.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        // It would not become healthy if it had begun anew as healthy.
        _ = try waitForVerdict("healthy", from: gateway)
    }
}
