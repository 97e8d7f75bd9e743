import Foundation
import JOSE
import Sessions
import SessionStores
import Testing

/// The commands run as programs of their own, while a gateway's store has the same file open.
@Suite("slidegate sessions")
struct SessionsTests {
    private static let start: Int64 = 2_000_000_000
    private let directory: Directory
    private let config: String
    private let gateway: GatewayStore

    init() throws {
        directory = try Directory()
        try directory.write("refresh.secret", secret)
        config = try directory.sample(
            "sessions: { store: sqlite:sessions.db, secret_file: refresh.secret, refresh: { lifetime: 1d, policy: sliding } }")
        gateway = try GatewayStore(path: directory.path("sessions.db"))
    }

    /// Runs the command as if it were `seconds` after the start.
    private func run(_ command: String, _ arguments: String..., after seconds: Int64 = 60) throws -> Program {
        try Program(["sessions", command, config] + arguments + ["--now", "\(Self.start + seconds)"])
    }

    private func begin(_ subject: String, _ device: Session.Device = Session.Device(), after seconds: Int64 = 0) throws -> Session {
        let now = NumericDate(seconds: Self.start + seconds)
        let session = try Session.begin(
            .random(), subject: subject, claims: Array("{\"sub\":\"\(subject)\"}".utf8), device: device, address: "192.0.2.1",
            rules: GatewayStore.rules, now: now)
        #expect(try gateway.ask(.create(session), at: now) == .created(ended: []))
        return session
    }

    // MARK: list

    @Test func `list shows who is logged in, and with --ended who was`() throws {
        #expect(try run("list").output == "There are no sessions.\n")
        let (first, second) = (try begin("alice", Session.Device(name: "Firefox")), try begin("alice", after: 1))
        let other = try begin("bob", after: 2)
        _ = try gateway.ask(.end(second.id, .logout), at: NumericDate(seconds: Self.start + 30))

        let all = try run("list")
        #expect(all.status == 0)
        #expect(all.errors == "")
        let lines = all.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("SESSION"))
        #expect(lines.contains { $0.hasPrefix("\(first.id.text)  alice") && $0.contains("expires in 23h59m") && $0.hasSuffix("192.0.2.1  Firefox") })
        #expect(lines.contains { $0.hasPrefix(other.id.text) })
        #expect(!all.output.contains(second.id.text))

        let ended = try run("list", "--subject", "alice", "--ended").output
        #expect(ended.contains(first.id.text) && ended.contains(second.id.text) && !ended.contains(other.id.text))
        #expect(ended.contains("ended 30s ago: logout"))
        #expect(try run("list", "--subject", "alice", after: 86_400).output == "There are no sessions.\n")
        #expect(try run("list", "--subject", "alice", "--ended", after: 86_400).output.contains("expired now"))
    }

    @Test func `list --json is for programs`() throws {
        let session = try begin("alice", Session.Device(id: "d-1", name: "Firefox", application: "shop"))
        let program = try run("list", "--json")
        #expect(
            program.output == """
                {"sessions":[{"id":"\(session.id.text)","subject":"alice","alive":true,"created_at":2000000000,"last_used_at":2000000000,\
                "expires_at":2000086400,"rotations":0,"address":"192.0.2.1",\
                "device":{"id":"d-1","name":"Firefox","application":"shop"}}],"more":false}

                """)
        #expect(try run("list", "--json", "--subject", "nobody").output == "{\"sessions\":[],\"more\":false}\n")
    }

    @Test func `list --limit says when there are more`() throws {
        var ids: [String] = []
        for second in 0..<5 as Range<Int64> { ids.append(try begin("alice", after: second).id.text) }
        let some = try run("list", "--subject", "alice", "--limit", "3")
        #expect(some.status == 0)
        #expect(some.output.split(separator: "\n").dropFirst().map { String($0.prefix(22)) } == Array(ids[..<3]))
        #expect(some.errors == "slidegate: there are more; --limit shows them\n")
        #expect(try run("list", "--limit", "3", "--json").output.hasSuffix("],\"more\":true}\n"))
        let exactly = try run("list", "--subject", "alice", "--limit", "5")
        #expect(exactly.output.split(separator: "\n").count == 6)
        #expect(exactly.errors == "")
    }

    @Test func `list follows pages to the end`() throws {
        let sessions = try (0..<1203).map { _ in try Session.sample() }
        try gateway.createAll(sessions)
        let program = try run("list", "--limit", "2000", "--json")
        let ids = program.output.split(separator: "{\"id\":\"").dropFirst().map { String($0.prefix(22)) }
        #expect(ids.count == 1203)
        #expect(Set(ids) == Set(sessions.map(\.id.text)))
    }

    // MARK: show

    @Test func `show tells everything, also of one that has ended`() throws {
        let session = try begin("alice", Session.Device(id: "d-1", name: "a\u{1B}[2J"))
        let shown = try run("show", session.id.text)
        #expect(shown.status == 0)
        for part in ["alice", session.id.text, "expires in 23h59m", "d-1", "a\\u{1b}[2J", "{\"sub\":\"alice\"}", "2033-05-18T03:33:20Z, 1m ago"] {
            #expect(shown.output.contains(part), "\(part)")
        }
        #expect(try run("show", session.id.text, "--json").output.hasSuffix(",\"claims\":{\"sub\":\"alice\"}}\n"))
        _ = try gateway.ask(.end(session.id, .reuse), at: NumericDate(seconds: Self.start + 50))
        #expect(try run("show", session.id.text).output.contains("ended 10s ago: refresh token used twice"))
    }

    @Test func `show says no for a session that is not there`() throws {
        let program = try run("show", "ABEiM0RVZneImaq7zN3u_w")
        #expect(program.status == 1)
        #expect(program.output == "")
        #expect(program.errors == "slidegate: there is no session ABEiM0RVZneImaq7zN3u_w\n")
    }

    // MARK: revoke

    @Test func `revoke ends one session, and the gateway hears of it`() throws {
        let (session, other) = (try begin("alice"), try begin("alice"))
        let program = try run("revoke", session.id.text)
        #expect(program.status == 0)
        #expect(program.output.hasPrefix("Session \(session.id.text) has ended; access tokens are refused until 2033-05-18T"))
        #expect(try gateway.find(session.id)?.end == Session.End(date: NumericDate(seconds: Self.start + 60), reason: .revoked))
        #expect(try gateway.find(other.id)?.end == nil)
        #expect(try gateway.eventually(.session(session.id.text), at: Self.start + 61))
        #expect(!gateway.revocations.contains(.session(other.id.text), now: NumericDate(seconds: Self.start + 61)))

        let again = try run("revoke", session.id.text)
        #expect(again.status == 1)
        #expect(again.errors == "slidegate: there is no session \(session.id.text) that has not ended\n")
    }

    @Test func `revoke --subject ends all of a user`() throws {
        let sessions = try (0..<3).map { _ in try begin("alice") }
        let other = try begin("bob")
        #expect(try run("revoke", "--subject", "alice").output.hasPrefix("Ended 3 sessions of alice; "))
        for session in sessions { #expect(try gateway.find(session.id)?.end?.reason == .revoked) }
        #expect(try gateway.find(other.id)?.end == nil)
        #expect(try gateway.eventually(.subject("alice", before: NumericDate(seconds: Self.start + 59)), at: Self.start + 60))
        #expect(!gateway.revocations.contains(.subject("bob", before: other.createdAt), now: NumericDate(seconds: Self.start + 60)))
        let nobody = try run("revoke", "--subject", "nobody", "--json")
        #expect(nobody.status == 0)
        #expect(nobody.output.hasPrefix("{\"ended\":0,\"refused_until\":20000"))
    }

    @Test func `revoke --sid and --jti refuse tokens of no session too`() throws {
        let session = try begin("alice")
        #expect(try run("revoke", "--sid", "elsewhere").output.hasPrefix("The sid elsewhere is revoked; "))
        #expect(try run("revoke", "--jti", "t-1").output.hasPrefix("The token t-1 is revoked; "))
        #expect(try run("revoke", "--sid", session.id.text, "--json").output.hasPrefix("{\"ended\":1,"))
        #expect(try gateway.find(session.id)?.end?.reason == .revoked)
        for target in [.session("elsewhere"), .token("t-1"), .session(session.id.text)] as [Revocation.Target] {
            #expect(try gateway.eventually(target, at: Self.start + 60))
        }
    }

    @Test func `names that begin with a dash are names`() throws {
        #expect(try run("revoke", "--sid", "-x").output.hasPrefix("The sid -x is revoked; "))
        #expect(try run("revoke", "--jti", "--json").output.hasPrefix("The token --json is revoked; "))
        _ = try begin("-alice")
        #expect(try run("list", "--subject", "-alice", "--json").output.contains("\"subject\":\"-alice\""))
        #expect(try run("revoke", "--subject", "-alice").output.hasPrefix("Ended 1 session of -alice; "))
        let program = try Program(["sessions", "show", config, "--", "-Aa3K7gyKeKakCsFLstUcQ"])
        #expect(program.errors == "slidegate: there is no session -Aa3K7gyKeKakCsFLstUcQ\n")
    }

    // MARK: sweep

    @Test func `sweep removes what nobody has to remember`() throws {
        let session = try begin("alice")
        let later = try begin("alice", after: 3600)
        #expect(try run("sweep", after: 86_399).output == "Removed no sessions and no revocations.\n")
        #expect(try run("sweep", after: 86_400).output == "Removed 1 session and no revocations.\n")
        #expect(try gateway.find(session.id) == nil)
        #expect(try gateway.find(later.id) == later)
        #expect(try run("sweep", "--json", after: 200_000).output == "{\"sessions\":1,\"revocations\":0}\n")
    }

    // MARK: What goes wrong

    @Test(arguments: [
        ["list"], ["list", "CONFIG", "--limit", "0"], ["list", "CONFIG", "--limit", "1000001"], ["list", "CONFIG", "extra"], ["show", "CONFIG"],
        ["show", "CONFIG", "no-name"], ["revoke", "CONFIG"], ["revoke", "CONFIG", "no-name"],
        ["revoke", "CONFIG", "--subject", "a", "--jti", "b"], ["revoke", "CONFIG", "ABEiM0RVZneImaq7zN3u_w", "--sid", "a"],
        ["revoke", "CONFIG", "--subject", ""], ["sweep"], ["prune", "CONFIG"],
    ])
    func `what makes no sense is told so`(_ arguments: [String]) throws {
        let program = try Program(["sessions"] + arguments.map { $0 == "CONFIG" ? config : $0 })
        #expect(program.status == 64, "\(program.errors)")
        #expect(program.output == "")
    }

    @Test func `a file without sessions has no store, and memory cannot be visited`() throws {
        let without = try directory.write("without.yaml", "listen: a:1\nupstream: a:1\nroutes: [ { path: /, auth: none } ]\n")
        let program = try Program(["sessions", "list", without])
        #expect(program.status == 78)
        #expect(program.errors == "slidegate: \(without) says nothing of sessions\n")
        let memory = try directory.write(
            "memory.yaml", try String(contentsOfFile: config, encoding: .utf8).replacing("sqlite:sessions.db", with: "memory"))
        let other = try Program(["sessions", "list", memory])
        #expect(other.status == 78)
        #expect(other.errors == "slidegate: \(memory) keeps sessions in the gateway's memory, where no other process sees them\n")
    }

    @Test func `a store that is not there or away is an error, and is not made`() throws {
        let text = try String(contentsOfFile: config, encoding: .utf8)
        let absent = try directory.write("absent.yaml", text.replacing("sqlite:sessions.db", with: "sqlite:other.db"))
        let program = try Program(["sessions", "list", absent])
        #expect(program.status == 71)
        #expect(program.errors.hasPrefix("slidegate: "))
        #expect(program.errors.contains("other.db"))
        #expect(!FileManager.default.fileExists(atPath: directory.path("other.db")))
        // A port that nobody listens at: the lowest, which needs rights that tests do not use.
        let away = try directory.write("away.yaml", text.replacing("sqlite:sessions.db", with: "redis://127.0.0.1:1/0"))
        let other = try Program(["sessions", "list", away])
        #expect(other.status == 71)
        #expect(other.errors.hasPrefix("slidegate: the store is away: "), "\(other.errors)")
    }

    @Test func `a file that cannot be read, or has errors`() throws {
        #expect(try Program(["sessions", "sweep", directory.path("none.yaml")]).status == 66)
        #expect(try Program(["sessions", "sweep", directory.write("bad.yaml", "listen: [\n")]).status == 78)
    }
}

/// The store as a gateway has it open.
private final class GatewayStore {
    static let rules = SessionRules(refreshSeconds: 86_400)

    let revocations = RevocationSet()
    private let store: SQLiteStore

    init(path: String) throws {
        var settings = SQLiteStore.Settings()
        settings.pollMilliseconds = 10
        settings.sweepSeconds = nil
        store = try SQLiteStore(path: path, revocations: revocations, settings: settings)
    }

    deinit { store.close() }

    func ask(_ operation: StoreRequest.Operation, at now: NumericDate) throws -> StoreReply {
        let (semaphore, box) = (DispatchSemaphore(value: 0), Box())
        store.perform(StoreRequest(operation, rules: Self.rules, now: now)) { result in
            box.result = result
            semaphore.signal()
        }
        semaphore.wait()
        return try #require(box.result).get()
    }

    func find(_ id: SessionID) throws -> Session? {
        guard case .found(let session) = try ask(.find(id), at: NumericDate(seconds: 0)) else { return nil }
        return session
    }

    /// All at once: each alone would wait for the disk.
    func createAll(_ sessions: [Session]) throws {
        let group = DispatchGroup()
        for session in sessions {
            group.enter()
            store.perform(StoreRequest(.create(session), rules: Self.rules, now: session.createdAt)) { _ in group.leave() }
        }
        group.wait()
    }

    /// Waits until the target is known to be revoked, as a gateway would know.
    func eventually(_ target: Revocation.Target, at seconds: Int64) throws -> Bool {
        for _ in 0..<1000 {
            if revocations.contains(target, now: NumericDate(seconds: seconds)) { return true }
            usleep(5000)
        }
        return false
    }

    /// Written before the semaphore is signalled, and read after it.
    private final class Box: @unchecked Sendable {
        var result: Result<StoreReply, StoreError>?
    }
}

extension Session {
    fileprivate static func sample() throws -> Session {
        try Session.begin(
            .random(), subject: "many", claims: Array("{}".utf8), device: Device(), address: "", rules: GatewayStore.rules,
            now: NumericDate(seconds: 2_000_000_000))
    }
}
