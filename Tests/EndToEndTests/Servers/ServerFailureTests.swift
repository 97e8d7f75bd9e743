import Foundation
import Testing

/// Goal: a server that fails costs no request that may be sent twice, and no request is done twice that may not be.
/// Method: origins that reset, refuse or stall, beside ones that answer.
@Suite("A server that fails")
struct ServerFailureTests {
    @Test func `costs no idempotent request, as another answers`() throws {
        let fails = Switch(false)
        let servers = try Servers([try failingOrigin(fails), try Origin.ok()])
        let load = Load(8, at: servers.gateway)
        try load.waitForMore(500)
        fails.isOn = true
        try load.waitForMore(1000)
        servers.origins[0].stop()
        try load.waitForMore(1000)
        #expect(try load.stop() == [])
        let line = "server_ejected upstream=api server=127.0.0.1:\(servers.origins[0].port)"
        _ = try servers.gateway.process.waitForLine(containing: line)
    }

    @Test func `never has a POST done twice`() throws {
        let servers = try Servers(
            [try failingOrigin(Switch(true)), try failingOrigin(Switch(true))],
            "retries: { attempts: 3, on: [ connect_failure, reset_before_response, timeout, status_502, status_503, status_504 ] }")
        for _ in 0..<6 { expectProblem(try servers.gateway.exchange(plainPost), status: 502, code: "upstream_closed") }
        #expect(servers.counts.reduce(0, +) == 6)
    }

    @Test func `that refuses connections has even a POST sent elsewhere`() throws {
        let gone = try Origin.ok()
        let servers = try Servers([gone, try Servers.named("1")])
        gone.stop()
        try waitUntilRefused(at: gone.port)
        for _ in 0..<6 { #expect(try servers.gateway.exchange(plainPost).text == "1") }
        #expect(servers.counts == [0, 6])
    }

    @Test func `with a status to try again is bettered by another; the last answer stands`() throws {
        func makeBusy() throws -> Origin {
            try Origin.answering { _ in "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy" }
        }
        let busy = try makeBusy()
        let servers = try Servers([busy, try Servers.named("1")], "retries: { on: [ status_503 ] }")
        for _ in 0..<6 { #expect(try servers.gateway.get().text == "1") }
        for _ in 0..<4 {
            let answer = try servers.gateway.exchange(plainPost)
            #expect(["busy", "1"].contains(answer.text))
        }
        let all = try Servers([busy, try makeBusy()], "retries: { attempts: 1, on: [ status_503 ] }")
        let answer = try all.gateway.get()
        #expect(answer.status == 503 && answer.text == "busy")
    }

    @Test func `that stalls is given up in time for another`() throws {
        let stalling = try Origin { connection in
            while try connection.nextRequest() != nil { _ = try connection.waitForEnd() }
        }
        let servers = try Servers([stalling, try Servers.named("1")], "retries: { on: [ timeout ], try_timeout: 100ms }")
        for _ in 0..<4 { #expect(try servers.gateway.get().text == "1") }
    }

    @Test func `all of them: the time in all is kept`() throws {
        func stalling() throws -> Origin {
            try Origin { connection in
                while try connection.nextRequest() != nil { _ = try connection.waitForEnd() }
            }
        }
        let servers = try Servers(
            [try stalling(), try stalling()], "retries: { attempts: 9, on: [ timeout ], try_timeout: 50ms, total_timeout: 200ms }")
        let start = ContinuousClock.now
        expectProblem(try servers.gateway.get(), status: 504, code: "upstream_timeout")
        #expect(ContinuousClock.now - start < .seconds(3))
    }

    @Test func `cannot multiply the requests beyond the budget`() throws {
        let servers = try Servers(
            [try failingOrigin(Switch(true)), try failingOrigin(Switch(true))], "retries: { attempts: 3, budget: 20% }",
            "health: { eject_after_failures: none }")
        let client = try servers.gateway.connect()
        for _ in 0..<400 { #expect(try client.exchange(plainGet).status == 502) }
        let tries = servers.counts.reduce(0, +) - 400
        #expect(tries >= 30 && tries < 200, "\(tries)")
    }

    @Test func `is aside for a while, then one request finds out whether it is back`() throws {
        let fails = Switch(true)
        let servers = try Servers(
            [try failingOrigin(fails, name: "0"), try Servers.named("1")],
            "health: { eject_after_failures: 3, eject_for: 300ms }")
        for _ in 0..<12 { #expect(try servers.gateway.get().text == "1") }
        #expect(servers.counts[0] == 3)
        let until = Deadline.after()
        while servers.counts[0] == 3, !until.hasPassed { #expect(try servers.gateway.get().text == "1") }
        #expect(servers.counts[0] == 4, "one trial, which failed")
        fails.isOn = false
        var answers: Set<String> = []
        while answers.count < 2, !until.hasPassed { answers.insert(try servers.gateway.get().text) }
        #expect(answers == ["0", "1"])
        _ = try servers.gateway.process.waitForLine(containing: "server_readmitted upstream=api")
    }

    @Test func `is used all the same when too many others are aside`() throws {
        let servers = try Servers(
            [try failingOrigin(Switch(true)), try failingOrigin(Switch(true))],
            "retries: none", "health: { eject_after_failures: 1, eject_for: 1h, eject_for_max: 1h, max_ejected: 50% }")
        for _ in 0..<10 { #expect(try servers.gateway.get().status == 502) }
        #expect(servers.counts.sorted()[1] >= 9)
    }

    @Test func `as all do: 503 at once, with the time to come back`() throws {
        let servers = try Servers(
            [try failingOrigin(Switch(true)), try failingOrigin(Switch(true))],
            "retries: none", "health: { eject_after_failures: 1, eject_for: 30s, max_ejected: 100% }")
        for _ in 0..<2 { #expect(try servers.gateway.get().status == 502) }
        let start = ContinuousClock.now
        let answer = try servers.gateway.get()
        expectProblem(answer, status: 503, code: "no_healthy_upstream")
        #expect(answer["Retry-After"].flatMap { Int($0) }.map { (1...30).contains($0) } == true)
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(servers.counts.reduce(0, +) == 2)
    }

    @Test func `by answers that count as failures`() throws {
        let broken = try Origin.answering { _ in "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n" }
        let servers = try Servers(
            [broken, try Origin.ok()],
            "health: { eject_after_failures: 2, eject_for: 1h, eject_for_max: 1h, eject_statuses: [ 500 ] }")
        let statuses = try (0..<20).map { _ in try servers.gateway.get().status }
        #expect(statuses.count { $0 == 500 } == 2)
    }
}
