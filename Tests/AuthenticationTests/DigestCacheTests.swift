import JOSE
import Testing

@testable import Authentication

@Suite("The verified-token cache")
struct DigestCacheTests {
    private final class Entry {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    private func key(_ number: Int) -> Digest { Digest(Toy.digest(Array("\(number)".utf8))) }

    @Test func `What was put in is found until it is removed`() {
        var cache = DigestCache<Entry>(entriesMax: 100, bytesMax: 10_000)
        for number in 0..<50 { cache.insert(Entry(number), bytes: 10, for: key(number)) }
        for number in 0..<50 { #expect(cache.find(key(number))?.number == number) }
        #expect(cache.find(key(50)) == nil)
        cache.remove(key(7))
        cache.remove(key(7))
        #expect(cache.find(key(7)) == nil)
        #expect(cache.count == 49)
        #expect(cache.bytes == 490)
    }

    @Test func `At the limit of entries the least recently used goes`() {
        var cache = DigestCache<Entry>(entriesMax: 3, bytesMax: 10_000)
        for number in 0..<3 { cache.insert(Entry(number), bytes: 10, for: key(number)) }
        _ = cache.find(key(0))
        cache.insert(Entry(3), bytes: 10, for: key(3))
        #expect(cache.find(key(1)) == nil)
        #expect(cache.find(key(0)) != nil)
        #expect(cache.count == 3)
    }

    @Test func `At the limit of bytes as many go as must`() {
        var cache = DigestCache<Entry>(entriesMax: 100, bytesMax: 100)
        for number in 0..<10 { cache.insert(Entry(number), bytes: 10, for: key(number)) }
        cache.insert(Entry(10), bytes: 35, for: key(10))
        #expect((0..<4).allSatisfy { cache.find(key($0)) == nil })
        #expect(cache.find(key(4)) != nil)
        #expect(cache.bytes == 95)
    }

    @Test func `What is larger than the cache is not kept, and puts nothing out`() {
        var cache = DigestCache<Entry>(entriesMax: 100, bytesMax: 100)
        cache.insert(Entry(0), bytes: 100, for: key(0))
        cache.insert(Entry(1), bytes: 101, for: key(1))
        #expect(cache.find(key(0)) != nil)
        #expect(cache.find(key(1)) == nil)
    }

    @Test func `A cache of nothing keeps nothing`() {
        var cache = DigestCache<Entry>(entriesMax: 0, bytesMax: 100)
        cache.insert(Entry(0), bytes: 1, for: key(0))
        #expect(cache.find(key(0)) == nil)
    }

    @Test func `A second entry for a key replaces the first`() {
        var cache = DigestCache<Entry>(entriesMax: 10, bytesMax: 100)
        cache.insert(Entry(0), bytes: 60, for: key(0))
        cache.insert(Entry(1), bytes: 60, for: key(0))
        #expect(cache.find(key(0))?.number == 1)
        #expect(cache.count == 1)
        #expect(cache.bytes == 60)
    }

    @Test func `It behaves like a list in the order of use`() {
        var generator = SeededGenerator(seed: 7)
        for entriesMax in [1, 2, 17, 64] {
            var cache = DigestCache<Entry>(entriesMax: entriesMax, bytesMax: 500)
            var model: [(number: Int, bytes: Int)] = []
            for _ in 0..<5_000 {
                let number = Int.random(in: 0..<100, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0:
                    cache.remove(key(number))
                    model.removeAll { $0.number == number }
                case 1:
                    let bytes = Int.random(in: 1...50, using: &generator)
                    cache.insert(Entry(number), bytes: bytes, for: key(number))
                    model.removeAll { $0.number == number }
                    model.append((number, bytes))
                    while model.count > entriesMax || model.reduce(0, { $0 + $1.bytes }) > 500 { model.removeFirst() }
                default:
                    #expect(cache.find(key(number))?.number == model.first { $0.number == number }?.number)
                    if let index = model.firstIndex(where: { $0.number == number }) { model.append(model.remove(at: index)) }
                }
                #expect(cache.count == model.count)
                #expect(cache.bytes == model.reduce(0) { $0 + $1.bytes })
            }
        }
    }

    // MARK: In the authenticator

    @Test func `An entry lives to the end of its token, and not beyond a clock set back`() throws {
        let gateway = Gateway(Gateway.policy(validation: ValidationRules(leewaySeconds: 30)))
        let token = Toy.token(#"{"exp":4600,"nbf":2000}"#)
        func entry(_ now: Int64) -> TokenEntry? { gateway.request(["Authorization: Bearer \(token)"], now: now).admission?.token }
        _ = try #require(entry(2_000))
        #expect(gateway.authenticator.cache.count == 0, "what comes once is not worth keeping")
        let first = try #require(entry(2_000))
        #expect(entry(4_599) === first)
        #expect(gateway.authenticator.cache.count == 1)
        // In the leeway it is admitted, verified anew each time.
        let late = try #require(entry(4_600))
        #expect(late !== first)
        #expect(gateway.authenticator.cache.count == 0)
        #expect(entry(4_700) == nil)
        _ = try #require(entry(2_100))
        #expect(entry(1_000) == nil)
    }

    @Test func `Tokens are found again whichever were used in between, and after eviction verified anew`() throws {
        var policy = Gateway.policy()
        policy.cache.entriesMax = 300
        let gateway = Gateway(policy)
        let tokens = (0..<400).map { Toy.token(#"{"exp":4600,"sub":"\#($0)"}"#) }
        var entries: [TokenEntry] = []
        for token in tokens {
            for _ in 0..<2 { _ = gateway.request(["Authorization: Bearer \(token)"]) }
            entries.append(try #require(gateway.request(["Authorization: Bearer \(token)"]).admission?.token))
        }
        for number in 100..<400 {
            let entry = gateway.request(["Authorization: Bearer \(tokens[number])"]).admission?.token
            #expect(entry === entries[number])
        }
        for number in 0..<100 {
            let entry = try #require(gateway.request(["Authorization: Bearer \(tokens[number])"]).admission?.token)
            #expect(entry !== entries[number])
            #expect(entry.token.claims.string(named: "sub") == "\(number)")
        }
        #expect(gateway.authenticator.cache.count == 300)
    }

    @Test func `Refused tokens are not remembered`() {
        let gateway = Gateway()
        for number in 0..<10 { _ = gateway.request(["Authorization: Bearer a.\(number).c"]) }
        #expect(gateway.authenticator.cache.count == 0)
    }

    @Test func `Tokens that differ in one bit are different tokens`() throws {
        let gateway = Gateway()
        #expect(gateway.request(["Authorization: Bearer \(Gateway.token)"]).admission != nil)
        var bytes = Array(Gateway.token.utf8)
        for index in bytes.indices where bytes[index] != UInt8(ascii: ".") {
            let byte = bytes[index]
            bytes[index] = byte == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let forged = String(decoding: bytes, as: UTF8.self)
            #expect(gateway.request(["Authorization: Bearer \(forged)"]).refusal?.status == 401)
            bytes[index] = byte
        }
    }
}
