import Foundation
import Synchronization
import Testing

/// Goal: however many refreshes come at once with one token, there is one successor, and nobody is taken for a thief. Method: two
/// hundred connections over several workers, let go at once.
@Suite("Refreshes at once")
struct ParallelRefreshTests {
    @Test(arguments: ["memory", "sqlite:$FOLDER/sessions.db"])
    func `two hundred with the same token get the same pair`(_ store: String) throws {
        let sessions = try SessionGateway(store: store, workers: 4)
        var pair = try sessions.logIn()
        for round in 1...3 {
            let before = pair
            let text = sessions.refreshRequest(pair)
            let clients = try (0..<200).map { _ in try sessions.gateway.connect() }
            // All but the last byte: whoever is served first, the others have asked by then.
            for client in clients { try client.send(String(text.dropLast())) }
            for client in clients { try client.send(String(text.suffix(1))) }
            var pairs: Set<String> = []
            for client in clients {
                let answer = try client.receive()
                #expect(answer.status == 200, "\(answer.text)")
                pair = try sessions.pair(answer)
                pairs.insert(pair.access + " " + pair.refresh)
            }
            #expect(pairs.count == 1)
            #expect(pair.counter == UInt32(round) && pair.session == before.session)
            for client in clients { client.close() }
        }
        #expect(try sessions.get(pair.access).status == 200)
        #expect(try sessions.gateway.metric("slidegate_refreshes_total") == 3)
        #expect(try sessions.gateway.metric("slidegate_refreshes_replayed_total") == 597)
        #expect(try sessions.gateway.metric("slidegate_reuse_detected_total") == 0)
        let calls = try #require(try sessions.gateway.metric("slidegate_store_calls_total"))
        #expect(calls == 601)
        #expect(try sessions.gateway.metric("slidegate_store_seconds_total") != nil)
    }

    @Test func `and an older token ends the session for all workers at once`() throws {
        let sessions = try SessionGateway(workers: 4)
        let first = try sessions.logIn()
        var pair = first
        for _ in 0..<2 { pair = try sessions.pair(sessions.refresh(pair)) }
        // One connection on each worker at least, open before.
        let clients = try (0..<32).map { _ in try sessions.gateway.connect() }
        let get = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(pair.access)\r\n\r\n"
        for client in clients { #expect(try client.exchange(get).status == 200) }
        #expect(try sessions.refresh(first).status == 400)
        for client in clients { #expect(try client.exchange(get).problemCode == "token_revoked") }
    }
}
