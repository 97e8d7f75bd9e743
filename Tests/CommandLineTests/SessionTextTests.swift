import Foundation
import JOSE
import Sessions
import SessionStores
import Testing

@testable import slidegate

@Suite("Sessions in words and in JSON")
struct SessionTextTests {
    static let login = NumericDate(seconds: 2_000_000_000)

    static func session(
        _ low: UInt64 = 2, subject: String = "alice", claims: String = #"{"sub":"alice"}"#, device: Session.Device = Session.Device()
    ) throws -> Session {
        try Session.begin(
            SessionID(high: 1, low: low), subject: subject, claims: Array(claims.utf8), device: device, address: "192.0.2.1",
            rules: SessionRules(refreshSeconds: 86_400, expiry: .slidingWithCap(capSeconds: 172_800)), now: login)
    }

    @Test func `a table has a line for each session`() throws {
        let now = Self.login.advanced(bySeconds: 3600)
        let first = try Self.session(2, device: Session.Device(id: "d-1", name: "Firefox on Ubuntu"))
        var second = try Self.session(3, subject: "bob")
        second.end(.reuse, now: Self.login.advanced(bySeconds: 60))
        #expect(
            SessionText.table([first, second], now: now) == """
                SESSION                 SUBJECT  LOGIN   LAST USED  STATE                                    FROM       DEVICE
                AAAAAAAAAAEAAAAAAAAAAg  alice    1h ago  1h ago     expires in 23h                           192.0.2.1  Firefox on Ubuntu
                AAAAAAAAAAEAAAAAAAAAAw  bob      1h ago  1h ago     ended 59m ago: refresh token used twice  192.0.2.1
                """)
        #expect(SessionText.table([], now: now) == "There are no sessions.")
    }

    @Test func `an expired session says so`() throws {
        let table = SessionText.table([try Self.session()], now: Self.login.advanced(bySeconds: 86_400))
        #expect(table.contains("  expired now  "))
    }

    @Test(arguments: Session.Reason.allCases)
    func `each reason has words of its own`(_ reason: Session.Reason) throws {
        var session = try Self.session()
        session.end(reason, now: Self.login)
        let table = SessionText.table([session], now: Self.login)
        let others = try Session.Reason.allCases.filter { $0 != reason }.map { other in
            var session = try Self.session()
            session.end(other, now: Self.login)
            return SessionText.table([session], now: Self.login)
        }
        #expect(table.contains("ended now: "))
        #expect(!others.contains(table))
    }

    @Test func `what strangers have written does no harm to a terminal`() throws {
        let session = try Self.session(
            subject: "\u{1B}[31mred\0", claims: "{\"a\":\"\u{202E}x\"}", device: Session.Device(name: "a\nb" + String(repeating: "x", count: 60)))
        let table = SessionText.table([session], now: Self.login)
        #expect(table.split(separator: "\n").count == 2)
        #expect(table.contains("\\u{1b}[31mred\\u{0}"))
        #expect(table.hasSuffix("a\\u{a}bxxxxxxxxxxxxxxxxxxxxxxxx…"))
        let details = SessionText(session, now: Self.login).details
        #expect(details.contains("{\"a\":\"\\u{202e}x\"}"))
        #expect(!details.unicodeScalars.contains("\u{1B}"))
    }

    @Test func `JSON has everything, and claims where they are asked for`() throws {
        var session = try Self.session(subject: "al\0ice\"", device: Session.Device(id: "d", name: "n", application: "a"))
        _ = session.refresh(0, from: "192.0.2.2", rules: SessionRules(refreshSeconds: 86_400), now: Self.login.advanced(bySeconds: 5))
        let text = SessionText(session, now: Self.login)
        let json =
            #"{"id":"AAAAAAAAAAEAAAAAAAAAAg","subject":"al\u0000ice\"","alive":true,"created_at":2000000000,"last_used_at":2000000005,"#
            + #""expires_at":2000086405,"ends_at":2000172800,"rotations":1,"address":"192.0.2.2","device":{"id":"d","name":"n","application":"a"}}"#
        #expect(text.json == json)
        #expect(text.jsonWithClaims == json.dropLast() + #","claims":{"sub":"alice"}}"#)
        #expect(SessionText(try Self.session(), now: Self.login).json.hasSuffix(#","device":{}}"#))
        session.end(.limit, now: Self.login.advanced(bySeconds: 9))
        let ended = SessionText(session, now: Self.login).json
        #expect(ended.contains(#""alive":false"#))
        #expect(ended.contains(#""ended_at":2000000009,"ended_by":"limit""#))
        #expect(try JSONSerialization.jsonObject(with: Data(ended.utf8)) is [String: Any])
    }

    @Test func `details are for people`() throws {
        let now = Self.login.advanced(bySeconds: 3600)
        #expect(
            SessionText(try Self.session(device: Session.Device(application: "shop")), now: now).details == """
                session        AAAAAAAAAAEAAAAAAAAAAg
                subject        alice
                state          expires in 23h
                login          2033-05-18T03:33:20Z, 1h ago
                last used      2033-05-18T03:33:20Z, 1h ago
                expires        2033-05-19T03:33:20Z, in 23h
                at the latest  2033-05-20T03:33:20Z, in 1d23h
                rotations      0
                from           192.0.2.1
                application    shop
                claims         {"sub":"alice"}
                """)
    }
}

@Suite("A command's visit to a store")
struct StoreVisitTests {
    @Test func `asks and waits for the answer`() throws {
        let visit = StoreVisit(MemoryStore(revocations: RevocationSet()), rules: SessionRules(), now: SessionTextTests.login)
        let session = try SessionTextTests.session()
        #expect(try visit.ask(.create(session)) == .created(ended: []))
        #expect(try visit.ask(.find(session.id)) == .found(session))
        visit.close()
        #expect { try visit.ask(.sweep) } throws: { error in
            (error as? CommandFailure)?.status == ExitStatus.systemError && (error as? CommandFailure)?.lines == ["the store is closed"]
        }
    }

    @Test func `does not wait for ever`() throws {
        let visit = StoreVisit(SilentStore(), rules: SessionRules(), now: SessionTextTests.login, patienceMilliseconds: 10)
        #expect { try visit.ask(.sweep) } throws: { ($0 as? CommandFailure)?.lines == ["the store does not answer"] }
    }

    private final class SilentStore: SessionStore {
        func perform(_ request: StoreRequest, then reply: @escaping @Sendable (Result<StoreReply, StoreError>) -> Void) {}
        func close() {}
    }
}
