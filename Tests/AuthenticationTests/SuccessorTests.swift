import JOSE
import Testing

@testable import Authentication

@Suite("The successor")
struct SuccessorTests {
    @Test func `It says what the decision says, and keeps everything else`() throws {
        let claims = #"{"sub":"alice","big":9007199254740993,"iat":1000,"exp":4600,"nbf":900,"jti":"t-1","é":"\u00e9","aud":["a"]}"#
        let response = try Gateway().exchange(token: Toy.token(claims), now: Gateway.due)
        let successor = Toy.claims(of: try #require(response.successor))
        let expected = #"{"sub":"alice","big":9007199254740993,"iat":4000,"exp":7600,"nbf":4000,"jti":"JTI","é":"\u00e9","aud":["a"]"#
        let tokenID = try #require(successor.firstMatch(of: /"jti":"([^"]*)"/)).1
        #expect(tokenID.count == 22)
        #expect(successor.hasPrefix(expected.replacing("JTI", with: String(tokenID))))
        #expect(successor.contains(#""orig_iat":1000"#))
        #expect(successor.contains(/"sid":"[A-Za-z0-9_-]{22}"/))
    }

    @Test func `It is accepted in its turn`() throws {
        let gateway = Gateway()
        let successor = try #require(gateway.exchange(now: Gateway.due).successor)
        let request = gateway.request(["Authorization: Bearer \(successor)"], now: Gateway.due)
        #expect(request.admission?.token != nil)
        #expect(request.admission?.renewal == .skip(.notDue))
    }

    @Test func `Every worker, process and node hands out the same bytes inside a slot`() throws {
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<100 {
            let lifetime = Int64.random(in: 10...2_000_000, using: &generator)
            let buffer = Int64.random(in: 1..<lifetime, using: &generator)
            let issuedAt = Int64.random(in: 0...2_000_000_000, using: &generator)
            let tokenID = Bool.random(using: &generator) ? #","jti":"\#(Int.random(in: 0...9, using: &generator))""# : ""
            let token = Toy.token(#"{"iat":\#(issuedAt),"exp":\#(issuedAt + lifetime)\#(tokenID)}"#)
            let policy = RenewalPolicy(bufferWindow: .seconds(buffer), capSeconds: nil)
            var successors: Set<String> = []
            for _ in 0..<4 {
                let gateway = Gateway(Gateway.policy(sliding: policy))
                for _ in 0..<3 {
                    let now = issuedAt + lifetime - .random(in: 1...buffer, using: &generator)
                    successors.insert(try #require(gateway.exchange(token: token, now: now).successor))
                }
            }
            #expect(successors.count == 1)
        }
    }

    @Test func `Another slot, parent or key has another jti`() throws {
        var policy = RenewalPolicy(bufferWindow: .seconds(600))
        policy.quantumSeconds = 60
        let gateway = Gateway(Gateway.policy(sliding: policy))
        let tokens = [
            Gateway.token, Toy.token(#"{"iat":1000,"exp":4600,"jti":"t-2"}"#), Toy.token(#"{"iat":1000,"exp":4600}"#),
            Toy.token(#"{"iat":1000,"exp":4600,"n":1}"#),
        ]
        var tokenIDs: Set<Substring> = []
        for token in tokens {
            for now in [4_000, 4_060, 4_599] as [Int64] {
                let successor = try #require(gateway.exchange(token: token, now: now).successor)
                tokenIDs.insert(try #require(Toy.claims(of: successor).firstMatch(of: /"jti":"([^"]*)"/)).1)
            }
        }
        let key = ToyKey(secret: 2)
        let foreign = Gateway(Gateway.policy(sliding: policy), key: key)
        let token = Toy.token(#"{"iat":1000,"exp":4600,"jti":"t-1"}"#, key: key)
        let successor = try #require(try foreign.exchange(token: token, now: 4_000).successor)
        tokenIDs.insert(try #require(Toy.claims(of: successor).firstMatch(of: /"jti":"([^"]*)"/)).1)
        #expect(tokenIDs.count == 13)
    }

    @Test func `The family's name and anchor pass down the chain`() throws {
        let gateway = Gateway(Gateway.policy(sliding: RenewalPolicy(bufferWindow: .percent(20), capSeconds: 20_000)))
        var token = Gateway.token
        var families: Set<String> = []
        var now: Int64 = 1_000
        var generations = 0
        while now < 30_000 {
            let request = gateway.request(["Authorization: Bearer \(token)"], now: now)
            guard let admission = request.admission else { break }
            let entry = try #require(admission.token)
            families.insert(try #require(gateway.authenticator.sessionID(of: entry)))
            if let successor = gateway.respond(to: admission, now: now).successor {
                generations += 1
                token = successor
                let claims = Toy.claims(of: successor)
                #expect(claims.contains(#""orig_iat":1000"#))
                let end = try #require(claims.firstMatch(of: /"exp":(\d+)/).flatMap { Int64($0.1) })
                #expect(end <= 21_000)
            }
            now += 100
        }
        #expect(generations > 5)
        #expect(families.count == 1)
        #expect(now <= 21_000 && now > 20_000)
    }

    @Test func `A name is the first 128 bits of the MAC, in base64url`() throws {
        let gateway = Gateway()
        let entry = try #require(gateway.request(["Authorization: Bearer \(Gateway.token)"]).admission?.token)
        let mac = gateway.key.derive("slidegate sid", ([0] + Array("t-1".utf8)).span)
        let expected = Toy.base64URL((0..<16).map { mac[$0] })
        #expect(gateway.authenticator.sessionID(of: entry) == expected)
    }

    @Test(arguments: [
        (#"{"iat":1000,"exp":4600,"auth_time":500}"#, 500), (#"{"iat":1000,"exp":4600,"auth_time":500,"orig_iat":300}"#, 300),
        (#"{"iat":1000,"exp":4600}"#, 1_000),
    ] as [(String, Int64)])
    func `The anchor is orig_iat, else auth_time, else iat`(_ claims: String, _ anchor: Int64) throws {
        let policy = RenewalPolicy(bufferWindow: .seconds(600), capSeconds: 4_500)
        let response = try Gateway(Gateway.policy(sliding: policy)).exchange(token: Toy.token(claims), now: Gateway.due)
        guard case .attached(let renewal, _) = response.outcome else {
            #expect(anchor + 4_500 - 4_600 < 360)
            #expect(response.skip == .sessionCap)
            return
        }
        #expect(renewal.sessionEnd == anchor + 4_500)
        #expect(renewal.expiration == anchor + 4_500)
    }

    @Test func `Nothing that may be printed shows a token`() throws {
        let gateway = Gateway(Gateway.policy(routes: [RoutePolicy(pathPrefix: "/", forwarding: .renewed)]))
        let request = gateway.request(["Authorization: Bearer \(Gateway.token)"], now: Gateway.due)
        let admission = try #require(request.admission)
        let response = gateway.respond(to: admission, now: Gateway.due)
        let successor = try #require(response.successor)
        let bytes = "\(Array(successor.utf8).prefix(8))".dropFirst().dropLast()
        for text in ["\(request.decision)", "\(admission)", "\(response.outcome)", "\(String(describing: admission.token))"] {
            #expect(!text.contains(successor) && !text.contains(Gateway.token) && !text.contains(bytes))
        }
    }

    @Test func `A successor is signed once a token and slot, from the token's second use on`() throws {
        let gateway = Gateway()
        _ = try gateway.exchange(now: Gateway.due)
        let first = gateway.key.signatures
        for _ in 0..<5 { _ = try gateway.exchange(now: Gateway.due) }
        #expect(gateway.key.signatures == first + 1)
    }

    @Test func `A failure to mint never fails the request`() throws {
        let gateway = Gateway()
        gateway.key.isBroken = true
        let response = try gateway.exchange(answer: ["Cache-Control: public", "ETag: \"x\""], now: Gateway.due)
        #expect(response.skip == .mintFailed)
        #expect(response.lines == ["Cache-Control: public", "ETag: \"x\""])
        gateway.key.isBroken = false
        #expect(try gateway.exchange(now: Gateway.due).successor != nil)
    }

    @Test func `Without a signing key nothing is minted`() throws {
        let authenticator = Authenticator(
            policy: Gateway.policy(), keys: KeySet(verifiers: [ToyKey()], signer: nil), hasher: ToyHasher(),
            mintCache: SharedMintCache())
        let entry = try TokenEntry(
            TokenVerifier(keys: KeySet(verifiers: [ToyKey()]), rules: ValidationRules()).verify(
                Array(Gateway.token.utf8).span, now: NumericDate(seconds: 4_100)),
            compact: [], hasher: ToyHasher(), now: NumericDate(seconds: 4_100))
        let due = Renewal(expiration: 7_600, issuedAt: 4_000, slot: 0, anchor: 1_000, sessionEnd: nil)
        #expect(authenticator.successor(of: entry, due, now: NumericDate(seconds: 4_100)) == nil)
        #expect(authenticator.sessionID(of: entry) == nil)
    }

    // MARK: Algorithms whose signatures differ

    @Test func `Inside a process one mint cache makes workers agree`() throws {
        let mintCache = SharedMintCache()
        let token = Toy.token(#"{"iat":1000,"exp":4600}"#, key: ToyKey(algorithm: .ES256))
        var successors: Set<String> = []
        for _ in 0..<3 {
            let gateway = Gateway(key: ToyKey(algorithm: .ES256), mintCache: mintCache)
            _ = gateway.key.sign([UInt8]().span)
            successors.insert(try #require(gateway.exchange(token: token, now: Gateway.due).successor))
        }
        #expect(successors.count == 1)
        let gateway = Gateway(key: ToyKey(algorithm: .ES256))
        for _ in 0..<7 { _ = gateway.key.sign([UInt8]().span) }
        successors.insert(try #require(gateway.exchange(token: token, now: Gateway.due).successor))
        #expect(successors.count == 2)
        #expect(Set(successors.map(Toy.claims)).count == 1)
    }

    @Test func `The mint cache is bounded, keeps failures out and keys apart`() {
        let cache = SharedMintCache(entriesMax: 2)
        func key(_ issuedAt: Int64, keyID: String? = nil) -> MintKey {
            MintKey(parent: Digest(Toy.digest([])), expiration: 1, issuedAt: issuedAt, keyID: keyID)
        }
        var minted = 0
        func ask(_ key: MintKey, fails: Bool = false) -> [UInt8]? {
            cache.successor(for: key, now: 0) {
                minted += 1
                return fails ? nil : [UInt8(minted)]
            }
        }
        #expect(ask(key(1), fails: true) == nil)
        #expect(ask(key(1)) == [2])
        #expect(ask(key(1)) == [2])
        #expect(ask(key(1, keyID: "k")) == [3])
        #expect(ask(key(2)) == [4])  // evicts the first
        #expect(ask(key(1, keyID: "k")) == [3])
        #expect(ask(key(1)) == [5])
        #expect(ask(key(1, keyID: "k")) == [6])
    }

    // MARK: Shared state across answers

    @Test func `Two renewals of one token under way do not mix`() throws {
        var policy = RenewalPolicy(bufferWindow: .seconds(600))
        policy.quantumSeconds = 60
        let gateway = Gateway(Gateway.policy(sliding: policy))
        let early = try #require(gateway.request(["Authorization: Bearer \(Gateway.token)"], now: 4_000).admission)
        let late = try #require(gateway.request(["Authorization: Bearer \(Gateway.token)"], now: 4_060).admission)
        let second = try #require(gateway.respond(to: late, now: 4_070).successor)
        let first = try #require(gateway.respond(to: early, now: 4_070).successor)
        #expect(Toy.claims(of: first).contains(#""iat":4000"#))
        #expect(Toy.claims(of: second).contains(#""iat":4060"#))
        #expect(try gateway.exchange(now: 4_000).successor == first)
    }
}
