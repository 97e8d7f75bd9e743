import Glibc
import Testing

@testable import EventLoop

@Suite("Name resolution", .timeLimit(.minutes(1)))
struct NameResolverTests {
    let loop: EventLoop
    init() throws { loop = try EventLoop() }

    private func resolver(_ server: NameServer?, timeout: Int64 = 3_000) throws -> NameResolver {
        let servers = server.map { [SocketAddress.ipv4(address: 0x7F00_0001, port: $0.port)] } ?? []
        return try NameResolver(NameResolver.Settings(servers: servers, timeout: timeout), on: loop)
    }

    private func answer(
        for name: String, from server: NameServer, timeout: Int64 = 3_000
    ) throws -> Result<Resolution, LookupError> {
        let resolver = try resolver(server, timeout: timeout)
        var answers: [Result<Resolution, LookupError>] = []
        let lookup = try resolver.lookUp(name) { answers.append($0) }
        try loop.run { !answers.isEmpty }
        withExtendedLifetime(lookup) {}
        #expect(answers.count == 1)
        return answers[0]
    }

    private static let one = SocketAddress.ipv4(address: 0xC000_0201, port: 0)
    private static let two = SocketAddress.ipv4(address: 0xC000_0202, port: 0)
    private static let six = SocketAddress.ipv6(high: 0x2001_0DB8 << 32, low: 1, port: 0, scope: 0)

    @Test func `gives the addresses of both families, IPv4 first, and the shortest time to live`() throws {
        let server = try NameServer([
            .aaaa("api.test", "2001:db8::1", ttl: 90), .a("api.test", "192.0.2.1", ttl: 30), .a("api.test", "192.0.2.2", ttl: 60),
        ])
        #expect(try answer(for: "api.test", from: server) == .success(Resolution(addresses: [Self.one, Self.two, Self.six], secondsToLive: 30)))
    }

    @Test func `one family is enough`() throws {
        let four = try NameServer([.a("api.test", "192.0.2.1", ttl: 5)])
        #expect(try answer(for: "api.test", from: four) == .success(Resolution(addresses: [Self.one], secondsToLive: 5)))
        let six = try NameServer([.aaaa("api.test", "2001:db8::1", ttl: 7)])
        #expect(try answer(for: "api.test", from: six) == .success(Resolution(addresses: [Self.six], secondsToLive: 7)))
    }

    @Test func `one family that fails is asked for again at once`() throws {
        let server = try NameServer { $0.kind == .a ? .records([.a("api.test", "192.0.2.1")]) : .silence }
        #expect(try answer(for: "api.test", from: server, timeout: 300) == .success(Resolution(addresses: [Self.one], secondsToLive: 0)))
    }

    @Test func `a CNAME in the answer is followed`() throws {
        let server = try NameServer { question in
            question.kind == .a ? .records([.cname("www.test", "api.test"), .a("api.test", "192.0.2.1", ttl: 9)]) : .nothing
        }
        #expect(try answer(for: "www.test", from: server) == .success(Resolution(addresses: [Self.one], secondsToLive: 9)))
    }

    @Test(arguments: [
        (NameServer.Answer.noSuchName, LookupError.noSuchName), (.nothing, .noAddresses), (.truncated, .truncated),
        (.code(5), .serverRefused), (.silence, .timedOut), (.garbage([0xC0, 0xFF, 0xC0]), .malformedAnswer),
        (.verbatim([1, 2, 3]), .timedOut), (.verbatim([UInt8](repeating: 0xFF, count: 600)), .timedOut),
        (.records([.a("api.test", "0.0.0.0")]), .noAddresses),
    ])
    func `what is no answer says why`(_ given: NameServer.Answer, _ expected: LookupError) throws {
        let server = try NameServer { _ in given }
        #expect(try answer(for: "api.test", from: server, timeout: 400) == .failure(expected))
    }

    @Test func `a server that fails is reported within the time given`() throws {
        let server = try NameServer { _ in .serverFailure }
        let start = Instant.current()
        let outcome = try answer(for: "api.test", from: server, timeout: 400)
        #expect(outcome == .failure(.serverFailed) || outcome == .failure(.timedOut))
        #expect(Instant.current() < start.advanced(byMilliseconds: 3_000))
    }

    @Test func `a cancelled lookup says nothing, and a dropped one neither`() throws {
        let server = try NameServer([.a("api.test", "192.0.2.1")])
        let resolver = try resolver(server)
        var answers = 0
        let cancelled = try resolver.lookUp("api.test") { _ in answers += 1 }
        var dropped: Lookup? = try resolver.lookUp("api.test") { _ in answers += 1 }
        cancelled.cancel()
        cancelled.cancel()
        withExtendedLifetime(dropped) {}
        dropped = nil
        var other: Lookup?
        var isAnswered = false
        other = try resolver.lookUp("api.test") { _ in isAnswered = true }
        try loop.run { isAnswered }
        withExtendedLifetime(other) {}
        #expect(answers == 0)
    }

    @Test func `the owner may let go of a lookup while it answers`() throws {
        let server = try NameServer([.a("api.test", "192.0.2.1")])
        let resolver = try resolver(server)
        var lookup: Lookup?
        var answers = 0
        lookup = try resolver.lookUp("api.test") { _ in
            lookup = nil
            answers += 1
        }
        try loop.run { answers == 1 }
        #expect(lookup == nil)
    }

    @Test(arguments: [("192.0.2.1", 1), ("2001:db8::1", 1), ("localhost", nil), ("a.localhost", 2)])
    func `literals and localhost are no business of any server`(_ name: String, _ count: Int?) throws {
        let server = try NameServer { _ in .noSuchName }
        let resolver = try resolver(server)
        let addresses = try #require(resolver.addressesKnownHere(name))
        #expect(count == nil ? !addresses.isEmpty : addresses.count == count)
        #expect(server.questions.isEmpty)
    }

    @Test func `the hosts file is read as it is written`() {
        let file = HostsFile("""
            # 192.0.2.9 commented.test
            192.0.2.1\tOne.test alias.test # two.test
            2001:db8::1 both.test
            192.0.2.2   both.test\r
            nonsense    one.test
            192.0.2.2
            """)
        #expect(file.addresses(of: "one.test") == [Self.one])
        #expect(file.addresses(of: "alias.test") == [Self.one])
        #expect(file.addresses(of: "both.test") == [Self.two, Self.six])
        #expect(file.addresses(of: "two.test") == nil)
        #expect(file.addresses(of: "commented.test") == nil)
        #expect(HostsFile(at: "/nowhere/hosts") == nil)
    }
}
