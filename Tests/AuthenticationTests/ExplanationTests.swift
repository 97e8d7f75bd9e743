import Bytes
import HTTP1
import JOSE
import Sessions
import Testing

@testable import Authentication

@Suite("Explanations")
struct ExplanationTests {
    private static let policy = ShadowTests.policy(.enforce)

    private func explain(
        _ lines: [String], _ policy: AuthenticationPolicy = ExplanationTests.policy, key: ToyKey = ToyKey(), method: String = "GET",
        path: String = "/", now: Int64 = Gateway.early, revocations: RevocationView? = nil
    ) -> DecisionExplanation {
        let gateway = Gateway(policy, key: key)
        gateway.authenticator.revocations = revocations
        return Self.explain(gateway.authenticator, lines, method: method, path: path, now: now)
    }

    private static func explain(
        _ authenticator: Authenticator, _ lines: [String], method: String, path: String, now: Int64
    ) -> DecisionExplanation {
        let text = "\(method) \(path) HTTP/1.1\r\nHost: api.test\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var head = RequestHead()
        guard (try? head.parse(bytes.span)) == true else { fatalError("the test's own request does not parse: \(text)") }
        return authenticator.explain(
            head, path: Array(path.utf8).span, bytes: bytes.span, now: NumericDate(seconds: now), instant: 0)
    }

    // MARK: Agreement

    /// Claims, headers, places and times of all kinds, good and bad.
    private struct Sample {
        var lines: [String] = []
        var method = "GET"
        var path = "/"
        var now: Int64 = 0

        init(_ generator: inout SeededGenerator) {
            func pick<Value>(_ values: [Value]) -> Value { values.randomElement(using: &generator)! }
            func claim(_ name: String, _ values: [String?]) -> String? { pick(values).map { "\"\(name)\":\($0)" } }
            let claims = [
                claim("sub", ["\"alice\"", "7", nil]), claim("iss", ["\"here\"", "\"here\"", "\"there\"", nil, "1"]),
                claim("aud", ["\"api\"", "[\"x\",\"api\"]", "\"other\"", nil]), claim("role", ["\"admin\"", "\"admin\"", "\"guest\"", nil]),
                claim("iat", ["1000", "1000", "1000", "9000", "1.5", nil]), claim("exp", ["4600", "4600", "4600", "1500", "\"x\"", nil]),
                claim("nbf", [nil, nil, "1000", "8000"]), claim("jti", ["\"t\"", nil]), claim("orig_iat", [nil, nil, "10", "9000"]),
            ].compactMap(\.self)
            let header = pick([
                nil, nil, nil, #"{"alg":"none"}"#, #"{"alg":"HS256","crit":["x"]}"#, #"{"alg":"HS256","typ":"other"}"#,
                #"{"alg":"RS256"}"#, #"{"alg":"HS256","kid":"k"}"#,
            ])
            let key = ToyKey(secret: pick([1, 1, 1, 1, 2]))
            let token = pick([0, 0, 0, 0, 0, 0, 1]) == 1
                ? pick(["a.b", "..", "a.b.c.d", "%%%.e30.x", "a"]) : Toy.token("{" + claims.joined(separator: ",") + "}", key: key, header: header)
            switch pick([0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]) {
            case 1: break
            case 2: lines = ["Cookie: a=1; session=\(token)"]
            case 3: lines = ["Authorization: Bearer"]
            case 4: lines = ["Authorization: Bearer \(token)", "Cookie: session=\(token)"]
            case 5: lines = ["Authorization: Bearer \(token), Bearer \(token)"]
            case 6: lines = ["Authorization: Basic eA=="]
            default: lines = ["Authorization: Bearer \(token)"]
            }
            if let origin = pick([nil, nil, nil, "https://app.example", "https://evil.example", "https://api.test"]) {
                lines.append("Origin: \(origin)")
            }
            if pick([0, 0, 0, 0, 1]) == 1 { lines.append("Access-Control-Request-Method: \(pick(["GET", "DELETE"]))") }
            if pick([0, 0, 0, 1]) == 1 { lines.append("X-No-Refresh: 1") }
            method = pick(["GET", "GET", "POST", "OPTIONS", "DELETE"])
            path = pick(["/", "/", "/open", "/maybe", "/poll", "/shadow/x", "/elsewhere", "/open;x", "/o;x/pen"])
            now = pick([900, 1_000, 2_000, 3_999, 4_000, 4_100, 4_599, 4_600, 4_620, 4_650, 4_700, 8_000])
        }
    }

    private static func richPolicy(cors: Bool, leeway: Int64, grace: Int64) -> AuthenticationPolicy {
        func route(_ path: String, _ change: (inout RoutePolicy) -> Void) -> RoutePolicy {
            var route = RoutePolicy(pathPrefix: path, requirements: [.init(claim: "role", values: ["admin"])])
            change(&route)
            return route
        }
        let routes = [
            route("/") { $0.methods = ["GET", "POST", "OPTIONS"] }, route("/open") { ($0.authentication, $0.requirements) = (.none, []) },
            route("/maybe") { ($0.authentication, $0.requirements) = (.optional, []) }, route("/poll") { $0.slides = false },
            route("/shadow") { $0.mode = .shadow }, route("/o") { $0.storeAway = .open },
        ]
        return Gateway.policy(
            sources: [.authorization, .cookie(name: "session")],
            sliding: RenewalPolicy(bufferWindow: .seconds(600), graceSeconds: grace, optOutHeader: "X-No-Refresh"),
            cors: cors ? CORSPolicy(origins: .listed(["https://app.example"])) : nil, routes: routes,
            validation: ValidationRules(issuers: ["here"], audiences: ["api"], leewaySeconds: leeway, graceSeconds: grace))
    }

    private static let variants: [(Bool, Int64, Int64)] = [(false, 0, 0), (true, 0, 0), (false, 30, 0), (false, 0, 60), (true, 30, 60)]

    @Test(arguments: variants)
    func `the checks told, the decision told and the decision made are one`(_ cors: Bool, _ leeway: Int64, _ grace: Int64) throws {
        var generator = SeededGenerator(seed: 6)
        let policy = Self.richPolicy(cors: cors, leeway: leeway, grace: grace)
        var reasons: Set<String> = []
        for round in 0..<1_500 {
            let sample = Sample(&generator)
            let revocations = RevocationSet()
            if round % 3 != 0 { revocations.confirm(at: 0) }
            if round % 5 == 0 {
                let revocation = Revocation(.subject("alice", before: NumericDate(seconds: 5_000)), expiresAt: NumericDate(seconds: 99_999))
                revocations.insert(revocation, now: NumericDate(seconds: 0))
            }
            func gateway() -> Gateway {
                let gateway = Gateway(policy)
                if round % 2 == 0 { gateway.authenticator.revocations = RevocationView(revocations, awayAfter: 5_000) }
                return gateway
            }
            let deciding = gateway()
            let request = deciding.request(sample.lines, method: sample.method, path: sample.path, now: sample.now)
            let explaining = gateway().authenticator
            let explanation = Self.explain(explaining, sample.lines, method: sample.method, path: sample.path, now: sample.now)

            #expect(Self.describe(explanation.decision) == Self.describe(request.decision), "\(sample)")
            let reason = request.refusal?.reason ?? request.admission?.wouldRefuse?.reason
            if explanation.route != nil, request.preflight == nil, request.refusal?.code != "origin_not_allowed" {
                #expect(explanation.failure.map { Refusal($0).reason } == reason, "\(sample)")
            } else {
                #expect(explanation.failure == nil, "\(sample)")
            }
            if let admission = request.admission {
                let response = deciding.respond(to: admission, now: sample.now)
                #expect(explanation.outcome?.description == response.outcome.description, "\(sample)")
                let fields = explanation.responseFields.map(\.name)
                #expect(fields == response.lines.map { String($0.prefix { $0 != ":" }) }, "\(sample)")
                if admission.token != nil { #expect(explanation.prospect?.now == admission.renewal, "\(sample)") }
            }
            Self.expectNoToken(in: explanation, sample.lines)
            reasons.insert(reason ?? "none")
        }
        #expect(reasons.count > 20, "the samples are of many kinds: \(reasons.sorted())")
    }

    private static func describe(_ decision: Decision) -> String {
        switch decision {
        case .admit(let admission): "\(admission) would \(admission.wouldRefuse?.reason ?? "pass")"
        case .refuse(let refusal): "\(refusal.status) \(refusal.reason) \(refusal.route ?? -1)"
        case .preflight(let preflight): "\(preflight)"
        }
    }

    private static func expectNoToken(in explanation: DecisionExplanation, _ lines: [String]) {
        for field in explanation.requestFields + explanation.responseFields {
            guard case .text(let text) = field.value else { continue }
            // Three segments are in no other field.
            #expect(text.split(separator: ".").count < 3 || text.contains(" "), "\(field)")
        }
    }

    // MARK: What is told

    @Test func `each check is told in its order, and behind a failure those that can be made`() throws {
        let token = Toy.token(#"{"sub":"alice","iss":"there","aud":"other","role":"guest","iat":1000,"exp":4600}"#)
        let explanation = explain(["Authorization: Bearer \(token)"])
        let failed = explanation.checks.compactMap { check, finding in
            if case .failed(let kind) = finding { (check, Refusal(kind).reason) } else { nil }
        }
        #expect(failed.map(\.0) == [.token(.issuer), .token(.audience)])
        #expect(failed.map(\.1) == ["wrong_issuer", "wrong_audience"])
        #expect(explanation.refusal?.reason == "wrong_issuer")
        guard case .open? = explanation.checks.last?.finding else { return #expect(Bool(false), "the role was looked at") }
        #expect(explanation.requirements.map(\.claim) == ["\"guest\""])
        #expect(explanation.requirements.map(\.isMet) == [false])
    }

    @Test func `where the token is and what signed it`() {
        let token = ShadowTests.token()
        #expect(explain(["Cookie: session=\(token)"]).place == .found(.cookie(name: "session")))
        #expect(explain([]).place == .nowhere)
        let explanation = explain(["Authorization: Bearer \(token)"])
        #expect(explanation.token?.keyIndex == 0)
        #expect(explanation.token?.candidates == [0])
        #expect(explanation.token?.claims?.string(.subject) == "alice")
        #expect(explanation.fingerprint != nil)
        #expect(explain(["Authorization: Bearer \(ShadowTests.token(key: ToyKey(secret: 9)))"]).token?.keyIndex == nil)
    }

    @Test func `before the window: when it opens and what it will bring`() throws {
        let prospect = try #require(explain(["Authorization: Bearer \(ShadowTests.token())"]).prospect)
        #expect(prospect.tokenEnd == 4_600)
        #expect(prospect.windowStart == 4_000)
        #expect(prospect.sessionEnd == 44_200)
        #expect(prospect.idleSeconds == 600)
        #expect(prospect.now == .skip(.notDue))
        #expect(prospect.next == .renew(Renewal(expiration: 7_600, issuedAt: 4_000, slot: 0, anchor: 1_000, sessionEnd: 44_200)))
    }

    @Test func `within the window: what the client gets, and no token that can be used`() throws {
        let explanation = explain(["Authorization: Bearer \(ShadowTests.token())", "X-User-Id: mallory"], now: Gateway.due)
        #expect(explanation.outcome?.isAttached == true)
        #expect(explanation.dropped == ["X-User-Id"])
        #expect(explanation.requestFields == [.init(name: "X-User-Id", value: .text("alice"))])
        #expect(explanation.responseFields.first == .init(name: "X-Refresh-Token", value: .token(.successor)))
        #expect(explanation.responseFields.contains(.init(name: "Cache-Control", value: .text("private, no-store"))))
    }

    @Test func `a cookie's line is not shown either`() {
        var policy = Self.policy
        policy.sliding = RenewalPolicy(bufferWindow: .seconds(600), delivery: .cookie(CookieDelivery()))
        policy.routes[0].forwarding = .renewed
        let explanation = explain(["Cookie: a=secret; session=\(ShadowTests.token())"], policy, now: Gateway.due)
        #expect(explanation.responseFields.first == .init(name: "Set-Cookie", value: .token(.successor)))
        #expect(explanation.requestFields.first == .init(name: "Cookie", value: .token(.successor)))
    }

    @Test func `a route that does not slide has a token and no window`() throws {
        var policy = Self.policy
        policy.routes[0].slides = false
        let prospect = try #require(explain(["Authorization: Bearer \(ShadowTests.token())"], policy).prospect)
        #expect(prospect.windowStart == nil && prospect.idleSeconds == nil)
        #expect(prospect.now == .skip(.routeDoesNotSlide) && prospect.next == .skip(.routeDoesNotSlide))
    }

    // MARK: The course of a session

    /// The interval, and the end: of the session, or where a use misses the window of 600 s, of the token.
    private static let courses: [(Int64, Int64)] = [(60, 44_200), (600, 44_200), (3_601, 4_600)]

    @Test(arguments: courses)
    func `used at intervals, a session lives to its cap, or its token ends`(_ interval: Int64, _ end: Int64) {
        let policy = RenewalPolicy(bufferWindow: .seconds(600))
        let course = policy.course(expiration: 4_600, issuedAt: 1_000, anchor: 1_000, now: 1_000, interval: interval)
        #expect(!course.isEndless)
        #expect(course.end <= end && course.end > end - 400, "\(course)")
        #expect((course.renewals > 0) == (end > 4_600))
    }

    @Test func `without a cap it is endless, and no dates are none of its business`() {
        let policy = RenewalPolicy(bufferWindow: .seconds(600), capSeconds: nil)
        #expect(policy.course(expiration: 4_600, issuedAt: 1_000, anchor: 1_000, now: 1_000, interval: 60).isEndless)
        let unknown = policy.course(expiration: 4_600, issuedAt: nil, anchor: nil, now: 1_000, interval: 60)
        #expect(unknown == .init(end: 4_600, renewals: 0, isEndless: false))
        for hostile in [Int64.min, -1, 0, .max] {
            _ = policy.course(expiration: hostile, issuedAt: hostile, anchor: hostile, now: 0, interval: hostile)
            _ = policy.course(expiration: 4_600, issuedAt: 1_000, anchor: 1_000, now: hostile, interval: 1)
            #expect(policy.windowStart(expiration: hostile, issuedAt: 0) == nil || hostile == 0)
        }
    }

    @Test func `the idle time told is one that sessions survive, and hardly a longer one`() throws {
        for lifetime in [100, 900, 3_600] as [Int64] {
            for buffer in [10, 40, 90] as [Int64] where buffer < lifetime {
                let policy = RenewalPolicy(bufferWindow: .seconds(buffer), capSeconds: nil)
                let idle = try #require(policy.idleSeconds(expiration: 1_000 + lifetime, issuedAt: 1_000))
                #expect(idle == min(buffer, lifetime - buffer))
                func survives(_ interval: Int64, from now: Int64) -> Bool {
                    policy.course(expiration: 1_000 + lifetime, issuedAt: 1_000, anchor: 1_000, now: now, interval: interval).isEndless
                }
                if idle > 0 { for start in 1_000..<1_000 + min(idle, 20) { #expect(survives(idle, from: start)) } }
            }
        }
    }
}
