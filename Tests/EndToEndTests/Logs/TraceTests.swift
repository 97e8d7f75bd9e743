import Testing

/// Goal: a request keeps the trace that it is part of, and begins one where it is part of none (W3C Trace Context). Method: what
/// the upstream gets.
@Suite("traceparent on its way")
struct TraceTests {
    static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    static let wrong = [
        "", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "nonsense",
    ]

    private func received(_ settings: String, _ fields: String...) throws -> (request: Message, line: AccessLine?) {
        let origin = try Origin.ok()
        let gateway = try Gateway(settings + openToAll, upstream: origin)
        #expect(try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n").status == 200)
        let request = try #require(try origin.waitForRequests(1).first)
        return (request, settings.isEmpty ? nil : try gateway.accessLine())
    }

    @Test(arguments: [parent, "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-the-future-brings"])
    func `one that is right passes unchanged, its state with it, and is logged`(_ value: String) throws {
        for settings in [Gateway.accessLog(), Gateway.accessLog("trace: pass")] {
            let (request, line) = try received(settings, "traceparent: \(value)", "tracestate: a=1", "tracestate: b=2")
            #expect(request.values(of: "traceparent") == [value])
            #expect(request.values(of: "tracestate") == ["a=1", "b=2"])
            #expect(line?["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736")
        }
    }

    @Test(arguments: wrong)
    func `one that is wrong is replaced, and its state goes`(_ value: String) throws {
        let (request, line) = try received(Gateway.accessLog(), "TraceParent: \(value)", "Tracestate: a=1", "tracestate: b=2")
        let begun = try #require(request.values(of: "traceparent").first)
        #expect(request.values(of: "traceparent").count == 1 && !request.has("tracestate"))
        let match = try #require(try /00-([0-9a-f]{32})-[0-9a-f]{16}-01/.wholeMatch(in: begun), "\(begun)")
        #expect(begun != value)
        #expect(line?["trace_id"] == String(match.1))
    }

    @Test func `two lines are as bad as none`() throws {
        let (request, _) = try received(Gateway.accessLog(), "traceparent: \(Self.parent)", "traceparent: \(Self.parent)")
        #expect(request.values(of: "traceparent").count == 1 && request["traceparent"] != Self.parent)
    }

    @Test func `each request begins a trace of its own`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: origin)
        for _ in 0..<20 { #expect(try gateway.get().status == 200) }
        let begun = try origin.waitForRequests(20).compactMap { $0["traceparent"] }
        #expect(Set(begun).count == 20)
    }

    @Test(arguments: wrong)
    func `where nothing is to begin, and without an access log, nothing is touched`(_ value: String) throws {
        for settings in ["", Gateway.accessLog("trace: pass")] {
            let (request, line) = try received(settings, "traceparent: \(value)", "tracestate: a=1")
            #expect(request.values(of: "traceparent") == [value] && request.values(of: "tracestate") == ["a=1"])
            #expect(line?["trace_id"] == nil)
            #expect(try !received(settings).request.has("traceparent"))
        }
    }
}
