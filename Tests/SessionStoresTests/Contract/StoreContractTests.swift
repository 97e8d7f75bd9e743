import Foundation
import JOSE
import SessionStores
import Sessions
import Synchronization
import Testing

@Suite("What every store promises")
struct StoreContractTests {
    // MARK: Beginning and finding

    @Test(arguments: StoreKind.all)
    func `a session is found as it was begun`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let device = Session.Device(id: "d-1", name: "Ada's \"phone\" 📱", application: "shop/2.0")
        let rules = SessionRules(refreshSeconds: 3600, expiry: .slidingWithCap(capSeconds: 7200))
        let session = try await opened.begin("alice", device: device, address: "2001:db8::1", rules: rules)
        #expect(session.endsAt == start + 7200)
        #expect(try await opened.find(session.id) == session)
        #expect(try await opened.find(.random()) == nil)
    }

    @Test(arguments: StoreKind.all)
    func `the largest session has room, whatever its labels are made of`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let label = String(repeating: "\0\"\\é", count: 51)
        let claims = "{\"a\":\"\(String(repeating: "x", count: 4088))\"}"
        #expect(label.utf8.count == 255 && claims.utf8.count == 4096)
        let rules = SessionRules(refreshSeconds: .max, expiry: .fixed)
        let device = Session.Device(id: label, name: label, application: label)
        let session = try await opened.begin(
            String(repeating: "\u{1}", count: 512), claims: claims, device: device, address: label, rules: rules)
        #expect(try await opened.find(session.id) == session)
        let (_, refreshed) = try await opened.refresh(session, 0, from: label, rules: rules)
        #expect(try await opened.find(session.id) == refreshed)
        #expect(refreshed.device == device)
        #expect(refreshed.expiresAt.seconds == NumericDate.range.upperBound)
    }

    @Test(arguments: StoreKind.all)
    func `claims come back byte for byte`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let claims = [
            "{}", #"{"sub":"u","n":123456789012345678901234567890,"f":1.50E+01,"m":-0}"#,
            "{ \"a\\u0062\" : \"\\u00e9\\ud83d\\ude00é\\u0000'\\/\\\"\" ,\r\n\t\"x\":[ {\"exp\":[true,null]} ] }",
            "{\"long\":\"\(String(repeating: "ü", count: 2042))\"}", "{\"%s\":\"$1 ?1 :a ') --\"}",
        ]
        #expect(claims[3].utf8.count == 4095)
        for text in claims {
            let session = try await opened.begin(claims: text)
            #expect(try await opened.find(session.id)?.claims == Array(text.utf8))
            let (_, refreshed) = try await opened.refresh(session, 0)
            #expect(refreshed.claims == Array(text.utf8))
        }
    }

    @Test(arguments: StoreKind.all)
    func `a name is given once`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin("alice")
        let other = try Session.begin(
            session.id, subject: "mallory", claims: Array("{}".utf8), device: Session.Device(), address: "", rules: SessionRules(), now: start)
        await #expect { try await opened.perform(.create(other)) } throws: { if case StoreError.failed = $0 { true } else { false } }
        #expect(try await opened.find(session.id) == session)
        #expect(try await opened.list("mallory", includesEnded: true) == [])
    }

    // MARK: Unusual subjects

    static let subjects = [
        "a", "é", "e\u{301}", "Alice", "alice", "alice ", " alice", "alice\0", "alice\0bob", "'; DROP TABLE sessions; --", "\"", "\\", "%", "_", "*", "?",
        "[a-z]", "{}", "{alice}", "a:b", "a:b:c", "\n", "\r\n", "\u{7F}", "\u{FEFF}a", "\u{202E}ecila", "👩‍👩‍👧‍👦", "0", "00", "1e3", "NULL", "true",
        "x'616C'", "\u{FFFF}", "\u{10FFFF}", String(repeating: "s", count: 512), String(repeating: "s", count: 511), String(repeating: "é", count: 256),
    ]

    @Test(arguments: StoreKind.all)
    func `subjects are bytes: none is taken for another`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        var sessions: [Session] = []
        for subject in Self.subjects { sessions.append(try await opened.begin(subject)) }
        for (subject, session) in zip(Self.subjects, sessions) {
            #expect(try await opened.find(session.id)?.subject.utf8.elementsEqual(subject.utf8) == true)
            #expect(try await opened.list(subject).map(\.id) == [session.id], "\(subject.debugDescription)")
        }
        // Every second one is ended by its name; the others never notice.
        for subject in Self.subjects.indices.filter({ $0 % 2 == 0 }).map({ Self.subjects[$0] }) {
            #expect(try await opened.perform(.endAll(subject: subject, except: nil, .revoked)) == .endedAll(count: 1))
        }
        for (index, session) in sessions.enumerated() {
            #expect(try await opened.find(session.id)?.end == (index % 2 == 0 ? Session.End(date: start, reason: .revoked) : nil))
            let target = Revocation.Target.subject(Self.subjects[index], before: start + -1)
            #expect(opened.revocations.contains(target, now: start) == (index % 2 == 0))
        }
    }

    @Test(arguments: StoreKind.all)
    func `so are the names of revocations`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        for name in Self.subjects.indices.filter({ $0 % 2 == 0 }).map({ Self.subjects[$0] }) {
            #expect(try await opened.perform(.revoke(Revocation(.token(name), expiresAt: start + 60))) == .revoked)
        }
        let again = try await opened.reopened() ?? opened
        for (index, name) in Self.subjects.enumerated() {
            #expect(again.revocations.contains(.token(name), now: start) == (index % 2 == 0), "\(name.debugDescription)")
        }
    }

    // MARK: Refreshing

    @Test(arguments: StoreKind.all)
    func `a refresh moves the counter, the dates and the address`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin(address: "192.0.2.1")
        let (refreshment, after) = try await opened.refresh(session, 0, from: "192.0.2.2", at: start + 100)
        #expect(refreshment == .rotated)
        #expect(after.counter == 1)
        #expect(after.lastUsedAt == start + 100)
        #expect(after.rotatedAt == start + 100)
        #expect(after.address == "192.0.2.2")
        #expect(after.expiresAt == start + 100 + 7 * 86_400)
        #expect(after.createdAt == start)
        #expect(try await opened.find(session.id) == after)
    }

    @Test(arguments: StoreKind.all)
    func `the policy says when it ends`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let policies: [(SessionRules.Expiry, NumericDate, NumericDate?)] = [
            (.fixed, start + 1000, start + 1000), (.sliding, start + 1600, nil), (.slidingWithCap(capSeconds: 1300), start + 1300, start + 1300),
            (.slidingWithCap(capSeconds: 5000), start + 1600, start + 5000),
        ]
        for (policy, expiresAt, endsAt) in policies {
            let rules = SessionRules(refreshSeconds: 1000, expiry: policy)
            let session = try await opened.begin(rules: rules)
            #expect(session.expiresAt == start + 1000)
            let (_, after) = try await opened.refresh(session, 0, at: start + 600, rules: rules)
            #expect(after.expiresAt == expiresAt)
            #expect(after.endsAt == endsAt)
            #expect(try await opened.find(session.id) == after)
            #expect(try await opened.refresh(session, 1, at: expiresAt + -1, rules: rules).0 == .rotated)
            let last = try #require(try await opened.find(session.id))
            #expect(try await opened.refresh(session, 2, at: last.expiresAt, rules: rules).0 == .expired)
            #expect(try await opened.find(session.id) == last)
        }
    }

    @Test(arguments: StoreKind.all)
    func `without rotation the refresh token stays`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let rules = SessionRules(rotates: false)
        let session = try await opened.begin(rules: rules)
        for second in 1...3 as ClosedRange<Int64> {
            let (refreshment, after) = try await opened.refresh(session, 0, at: start + second, rules: rules)
            #expect(refreshment == .rotated)
            #expect(after.counter == 0)
            #expect(after.rotatedAt == start)
            #expect(after.lastUsedAt == start + second)
            #expect(try await opened.find(session.id) == after)
        }
    }

    @Test(arguments: StoreKind.all)
    func `the predecessor is answered with the successor until the grace is over`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        let (_, rotated) = try await opened.refresh(session, 0)
        for second in [0, 5, 10] as [Int64] {
            let (refreshment, after) = try await opened.refresh(session, 0, from: "198.51.100.9", at: start + second)
            #expect(refreshment == .replayed)
            #expect(after == rotated)
        }
        #expect(try await opened.find(session.id) == rotated)
        #expect(!opened.isRevoked(session))
        #expect(try await opened.refresh(session, 0, at: start + 11).0 == .reuseDetected)
    }

    @Test(arguments: StoreKind.all)
    func `a used-up refresh token ends the session, at once and for good`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let (session, other) = (try await opened.begin(), try await opened.begin())
        for counter in 0...2 as ClosedRange<UInt32> { _ = try await opened.refresh(session, counter) }
        let (refreshment, after) = try await opened.refresh(session, 1, at: start + 3)
        #expect(refreshment == .reuseDetected)
        #expect(after.end == Session.End(date: start + 3, reason: .reuse))
        #expect(opened.isRevoked(session, at: start + 3))
        #expect(!opened.isRevoked(other, at: start + 3))
        #expect(try await opened.find(session.id) == after)
        for counter in 0...4 as ClosedRange<UInt32> { #expect(try await opened.refresh(session, counter, at: start + 4).0 == .ended) }
        #expect(try await opened.find(session.id) == after)
        #expect(try await opened.refresh(other, 0).0 == .rotated)
    }

    @Test(arguments: StoreKind.all)
    func `a refresh token ahead of what the store knows counts as current, to the last counter`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        for counter in [7, 3_000_000_000, .max - 1] as [UInt32] {
            let (refreshment, after) = try await opened.refresh(session, counter)
            #expect(refreshment == .rotated)
            #expect(after.counter == counter + 1)
            #expect(try await opened.find(session.id) == after)
            #expect(try await opened.refresh(session, counter).0 == .replayed)
        }
        #expect(try await opened.refresh(session, .max).0 == .expired)
        #expect(try await opened.refresh(session, 7).0 == .reuseDetected)
    }

    @Test(arguments: StoreKind.all)
    func `a refresh token of no session is unknown, and makes none`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let id = SessionID.random()
        #expect(try await opened.perform(.refresh(id, counter: 0, address: "")) == .unknown)
        #expect(try await opened.find(id) == nil)
        #expect(try await opened.list(includesEnded: true) == [])
    }

    @Test(arguments: StoreKind.all)
    func `200 refreshes at a time with one token have one successor`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        for counter in 0..<3 as Range<UInt32> {
            let replies = await opened.fromManyThreads(200) { _ in .refresh(session.id, counter: counter, address: "192.0.2.7") }
            for case .failure(let error) in replies { Issue.record("\(error)") }
            let refreshments = replies.compactMap { reply -> Refreshment? in
                guard case .success(.refreshed(let refreshment, let after)) = reply else { return nil }
                return after.counter == counter + 1 && after.end == nil ? refreshment : nil
            }
            #expect(refreshments.count { $0 == .rotated } == 1)
            #expect(refreshments.count { $0 == .replayed } == 199)
            let after = try #require(try await opened.find(session.id))
            #expect(after.counter == counter + 1)
            #expect(after.end == nil)
        }
        #expect(!opened.isRevoked(session))
    }

    @Test(arguments: StoreKind.all)
    func `of 50 refreshes and an end at a time, none outlives the end`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let sessions = try await (0..<8).asyncMap { _ in try await opened.begin() }
        let replies = await opened.fromManyThreads(400) { index in
            let session = sessions[index % 8]
            return index / 8 == 25 ? .end(session.id, .logout) : .refresh(session.id, counter: 0, address: "")
        }
        for case .failure(let error) in replies { Issue.record("\(error)") }
        for session in sessions {
            let after = try #require(try await opened.find(session.id))
            #expect(after.end == Session.End(date: start, reason: .logout))
            #expect(after.counter <= 1)
            #expect(opened.isRevoked(session))
            #expect(try await opened.refresh(session, after.counter).0 == .ended)
        }
    }

    // MARK: The limit of a subject

    @Test(arguments: StoreKind.all)
    func `a session above the limit ends the one used least recently`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let rules = SessionRules(perSubjectMax: 3)
        let first = try await opened.begin(at: start, rules: rules)
        let second = try await opened.begin(at: start + 1, rules: rules)
        let third = try await opened.begin(at: start + 2, rules: rules)
        let stranger = try await opened.begin("bob", at: start, rules: rules)
        _ = try await opened.refresh(first, 0, at: start + 3, rules: rules)
        let fourth = try session("alice", at: start + 4, rules)
        #expect(try await opened.perform(.create(fourth), at: start + 4, rules: rules) == .created(ended: [second.id]))
        #expect(try await opened.find(second.id)?.end == Session.End(date: start + 4, reason: .limit))
        #expect(opened.isRevoked(second, at: start + 4))
        #expect(try await opened.list("alice", at: start + 4).map(\.id) == [first.id, third.id, fourth.id])
        #expect(try await opened.list("bob", at: start + 4).map(\.id) == [stranger.id])
        for session in [first, third, fourth, stranger] { #expect(!opened.isRevoked(session, at: start + 4)) }
        // A limit that was lowered meanwhile takes effect with the next login; what has ended or expired does not count.
        let fifth = try session("alice", at: start + 5, rules)
        let lowered = SessionRules(perSubjectMax: 1)
        #expect(
            try await opened.perform(.create(fifth), at: start + 5, rules: lowered) == .created(ended: [third.id, first.id, fourth.id]))
        let late = start + 5 + 7 * 86_400
        let sixth = try session("alice", at: late, lowered)
        #expect(try await opened.perform(.create(sixth), at: late, rules: lowered) == .created(ended: []))
        #expect(try await opened.find(fifth.id)?.end == nil)
    }

    @Test(arguments: StoreKind.all)
    func `the limit holds when many log in at a time`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let rules = SessionRules(perSubjectMax: 4)
        let sessions = try (0..<60).map { _ in try session("alice", at: start, rules) }
        let replies = await opened.fromManyThreads(60, rules: rules) { .create(sessions[$0]) }
        for case .failure(let error) in replies { Issue.record("\(error)") }
        let ended = replies.flatMap { reply -> [SessionID] in if case .success(.created(let ended)) = reply { ended } else { [] } }
        #expect(replies.count { if case .success(.created) = $0 { true } else { false } } == 60)
        #expect(ended.count == 56)
        #expect(Set(ended).count == 56)
        #expect(try await opened.list("alice").count == 4)
        #expect(try await opened.list("alice", includesEnded: true).count == 60)
        #expect(sessions.count { opened.isRevoked($0) } == 56)
    }

    private func session(_ subject: String, at now: NumericDate, _ rules: SessionRules) throws -> Session {
        try Session.begin(
            .random(), subject: subject, claims: Array("{}".utf8), device: Session.Device(), address: "192.0.2.1", rules: rules, now: now)
    }

    // MARK: Ending

    @Test(arguments: StoreKind.all)
    func `an ended session is revoked as long as its access tokens may be valid`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        #expect(!opened.isRevoked(session))
        #expect(try await opened.perform(.end(session.id, .logout), at: start + 5) == .ended(session))
        #expect(opened.isRevoked(session, at: start + 5))
        #expect(opened.isRevoked(session, at: start + 5 + 43_199))
        #expect(!opened.isRevoked(session, at: start + 5 + 43_200))
        let after = try #require(try await opened.find(session.id))
        #expect(after.end == Session.End(date: start + 5, reason: .logout))
        #expect(try await opened.perform(.end(session.id, .revoked), at: start + 6) == .ended(nil))
        #expect(try await opened.find(session.id) == after)
        #expect(try await opened.perform(.end(.random(), .logout), at: start + 6) == .ended(nil))
        #expect(try await opened.list("alice", at: start + 6) == [])
        #expect(try await opened.list("alice", includesEnded: true, at: start + 6) == [after])
    }

    @Test(arguments: StoreKind.all)
    func `an expired session ends like others`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        let late = session.expiresAt + 1
        #expect(try await opened.perform(.end(session.id, .logout), at: late) == .ended(session))
        #expect(opened.isRevoked(session, at: late))
    }

    @Test(arguments: StoreKind.all, Session.Reason.allCases)
    func `every reason is kept`(_ kind: StoreKind, _ reason: Session.Reason) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        _ = try await opened.perform(.end(session.id, reason))
        #expect(try await opened.find(session.id)?.end?.reason == reason)
    }

    @Test(arguments: StoreKind.all)
    func `ending all of a subject revokes the subject up to then`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let sessions = try await (0..<5).asyncMap { _ in try await opened.begin("alice") }
        let stranger = try await opened.begin("bob")
        _ = try await opened.perform(.end(sessions[0].id, .logout))
        #expect(try await opened.perform(.endAll(subject: "alice", except: nil, .logoutEverywhere), at: start + 9) == .endedAll(count: 4))
        #expect(try await opened.find(sessions[0].id)?.end == Session.End(date: start, reason: .logout))
        for session in sessions.dropFirst() {
            #expect(try await opened.find(session.id)?.end == Session.End(date: start + 9, reason: .logoutEverywhere))
        }
        #expect(opened.revocations.contains(.subject("alice", before: start), now: start + 9))
        #expect(opened.revocations.contains(.subject("alice", before: start + 8), now: start + 9))
        #expect(!opened.revocations.contains(.subject("alice", before: start + 9), now: start + 9))
        #expect(!opened.revocations.contains(.subject("bob", before: start), now: start + 9))
        #expect(try await opened.find(stranger.id)?.end == nil)
        #expect(try await opened.perform(.endAll(subject: "alice", except: nil, .revoked), at: start + 10) == .endedAll(count: 0))
        #expect(opened.revocations.contains(.subject("alice", before: start + 9), now: start + 10))
        #expect(!opened.revocations.contains(.subject("alice", before: start + 9), now: start + 10 + 43_200))
        #expect(try await opened.perform(.endAll(subject: "nobody", except: nil, .revoked)) == .endedAll(count: 0))
        #expect(opened.revocations.contains(.subject("nobody", before: start + -1), now: start))
    }

    @Test(arguments: StoreKind.all)
    func `of one second, what began before the end of all is over, and what begins after it lives`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let before = try await opened.begin("alice")
        let ahead = try await opened.begin("alice", at: start + 2)  // by a clock that is fast
        let refreshed = try await opened.begin("alice", at: start + -60)
        #expect(try await opened.refresh(refreshed, 0).0 == .rotated)
        #expect(try await opened.perform(.endAll(subject: "alice", except: nil, .logoutEverywhere)) == .endedAll(count: 3))
        let after = try await opened.begin("alice")
        #expect(opened.isRevoked(before, at: start))
        #expect(opened.isRevoked(ahead, at: start))
        #expect(opened.isRevoked(refreshed, at: start))
        #expect(!opened.isRevoked(after, at: start))
        #expect(!opened.revocations.contains(.subject("alice", before: after.createdAt), now: start))
        #expect(try await opened.refresh(after, 0).0 == .rotated)
    }

    @Test(arguments: StoreKind.all)
    func `ending all but one leaves that one as it is`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let sessions = try await (0..<5).asyncMap { _ in try await opened.begin("alice") }
        let stranger = try await opened.begin("bob")
        let kept = sessions[2]
        #expect(try await opened.perform(.endAll(subject: "alice", except: kept.id, .logoutEverywhere), at: start + 9) == .endedAll(count: 4))
        for session in sessions where session != kept {
            #expect(try await opened.find(session.id)?.end == Session.End(date: start + 9, reason: .logoutEverywhere))
            #expect(opened.isRevoked(session, at: start + 9))
        }
        #expect(try await opened.list("alice", at: start + 9) == [kept])
        #expect(!opened.isRevoked(kept, at: start + 9))
        #expect(!opened.revocations.contains(.subject("alice", before: start), now: start + 9))
        #expect(try await opened.refresh(kept, 0, at: start + 10).0 == .rotated)
        // One that is somebody else's is no exception.
        #expect(try await opened.perform(.endAll(subject: "alice", except: stranger.id, .revoked), at: start + 10) == .endedAll(count: 1))
        #expect(try await opened.find(stranger.id) == stranger)
    }

    // MARK: Revocations

    @Test(arguments: StoreKind.all)
    func `what is revoked is known when the answer comes, until it expires`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let targets: [Revocation.Target] = [.token("t1"), .session("s1"), .subject("u1", before: start)]
        for target in targets {
            #expect(!opened.revocations.contains(target, now: start))
            #expect(try await opened.perform(.revoke(Revocation(target, expiresAt: start + 60))) == .revoked)
            #expect(opened.revocations.contains(target, now: start))
            #expect(opened.revocations.contains(target, now: start + 59))
            #expect(!opened.revocations.contains(target, now: start + 60))
        }
        for other in [.token("s1"), .session("t1"), .token("u1"), .subject("t1", before: start), .subject("u1", before: start + 1)] as [Revocation.Target] {
            #expect(!opened.revocations.contains(other, now: start))
        }
    }

    @Test(arguments: StoreKind.all)
    func `a revocation is prolonged and never shortened`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        for seconds in [60, 600, 6] as [Int64] {
            _ = try await opened.perform(.revoke(Revocation(.token("t1"), expiresAt: start + seconds)))
            _ = try await opened.perform(.revoke(Revocation(.subject("u1", before: start + seconds), expiresAt: start + 1000)))
        }
        let again = try await opened.reopened() ?? opened
        #expect(again.revocations.contains(.token("t1"), now: start + 599))
        #expect(!again.revocations.contains(.token("t1"), now: start + 600))
        #expect(again.revocations.contains(.subject("u1", before: start + 600), now: start + 601))
        #expect(!again.revocations.contains(.subject("u1", before: start + 601), now: start + 601))
    }

    // MARK: Listing

    @Test(arguments: StoreKind.all, [1, 2, 3, 7, 8, 1000])
    func `pages add up to the whole`(_ kind: StoreKind, _ limit: Int) async throws {
        let opened = try await kind.ready()
        var all: Set<SessionID> = []
        var alices: [Session] = []
        for second in 0..<7 as Range<Int64> {
            alices.append(try await opened.begin("alice", at: start + second))
            all.insert(alices[alices.count - 1].id)
            all.insert(try await opened.begin("user \(second)", at: start).id)
        }
        let ended = [alices[1].id, alices[4].id, alices[5].id]
        for id in ended { _ = try await opened.perform(.end(id, .logout), at: start + 8) }
        let alive = alices.filter { !ended.contains($0.id) }
        #expect(try await opened.list("alice", pageOf: limit, at: start + 8) == alive)
        #expect(try await opened.list("alice", includesEnded: true, pageOf: limit, at: start + 8).map(\.id) == alices.map(\.id))
        let everyone = try await opened.list(pageOf: limit, at: start + 8).map(\.id)
        #expect(everyone.count == 11)
        #expect(Set(everyone) == all.subtracting(ended))
        let everything = try await opened.list(includesEnded: true, pageOf: limit, at: start + 8).map(\.id)
        #expect(everything.count == 14)
        #expect(Set(everything) == all)
        #expect(try await opened.list("nobody", includesEnded: true, pageOf: limit) == [])
    }

    @Test(arguments: StoreKind.all)
    func `many of the same second are listed once each`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let sessions = try await (0..<40).asyncMap { _ in try await opened.begin("alice") }
        let listed = try await opened.list("alice", pageOf: 3).map(\.id)
        #expect(listed.count == 40)
        #expect(Set(listed) == Set(sessions.map(\.id)))
    }

    @Test(arguments: StoreKind.all)
    func `expired sessions are listed with the ended ones only`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin("alice")
        #expect(try await opened.list("alice", at: session.expiresAt + -1) == [session])
        #expect(try await opened.list("alice", at: session.expiresAt) == [])
        #expect(try await opened.list("alice", includesEnded: true, at: session.expiresAt) == [session])
        #expect(try await opened.list(includesEnded: true, at: session.expiresAt) == [session])
    }

    @Test(arguments: StoreKind.all, ["", "!", "0", "-1", "99999999999999999999", ".", "a.b", "2000000000.x", "\0", String(repeating: "9", count: 5000)])
    func `a cursor that is none is refused`(_ kind: StoreKind, _ cursor: String) async throws {
        let opened = try await kind.ready()
        try await opened.begin("alice")
        for subject in ["alice", nil] {
            await #expect(throws: StoreError.badCursor) {
                try await opened.perform(.list(SessionQuery(subject: subject, cursor: cursor)))
            }
        }
    }

    // MARK: Sweeping

    @Test(arguments: StoreKind.all)
    func `a sweep removes what nobody has to remember`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let rules = SessionRules(refreshSeconds: 10_000, accessReachSeconds: 4000)
        let lasting = try await opened.begin("alice", at: start + 9000, rules: rules)
        let expired = try await opened.begin("alice", at: start, rules: rules)
        let ended = try await opened.begin("alice", at: start + 1000, rules: rules)
        let endedLate = try await opened.begin("alice", at: start + 8000, rules: rules)
        _ = try await opened.perform(.end(ended.id, .logout), at: start + 5000, rules: rules)
        _ = try await opened.perform(.end(endedLate.id, .logout), at: start + 9000, rules: rules)
        _ = try await opened.perform(.revoke(Revocation(.token("t1"), expiresAt: start + 9999)), at: start + 9000, rules: rules)
        _ = try await opened.perform(.revoke(Revocation(.token("t2"), expiresAt: start + 20_000)), at: start + 9000, rules: rules)

        #expect(try await opened.perform(.sweep, at: start + 8999, rules: rules) == .swept(sessions: 0, revocations: 0))
        for session in [lasting, expired, ended, endedLate] { #expect(try await opened.find(session.id) != nil) }
        // The end of `ended` has been remembered for 4000 s, in its record as in the set.
        #expect(try await opened.perform(.sweep, at: start + 9000, rules: rules) == .swept(sessions: 1, revocations: 1))
        #expect(try await opened.find(ended.id) == nil)
        #expect(try await opened.perform(.sweep, at: start + 10_000, rules: rules) == .swept(sessions: 1, revocations: 1))
        #expect(try await opened.find(expired.id) == nil)
        #expect(try await opened.find(endedLate.id)?.end?.reason == .logout)
        #expect(try await opened.find(lasting.id) == lasting)
        #expect(try await opened.list("alice", includesEnded: true, at: start + 10_000).map(\.id) == [endedLate.id, lasting.id])
        #expect(Set(try await opened.list(includesEnded: true, at: start + 10_000).map(\.id)) == [endedLate.id, lasting.id])
        #expect(opened.revocations.contains(.token("t2"), now: start + 10_000))
        #expect(opened.isRevoked(endedLate, at: start + 10_000))
        #expect(try await opened.perform(.refresh(expired.id, counter: 0, address: ""), at: start + 10_000, rules: rules) == .unknown)
        #expect(try await opened.perform(.sweep, at: start + 30_000, rules: rules) == .swept(sessions: 2, revocations: 2))
        #expect(try await opened.list(includesEnded: true, at: start + 30_000) == [])
    }

    // MARK: Opening and closing

    @Test(arguments: StoreKind.all)
    func `what has been answered is there after a restart`(_ kind: StoreKind) async throws {
        var opened = try await kind.ready()
        let device = Session.Device(id: "d", name: "n", application: "a")
        let session = try await opened.begin("al\0ice é", device: device)
        let ended = try await opened.begin("alice")
        let (_, rotated) = try await opened.refresh(session, 0, at: start + 1)
        _ = try await opened.refresh(ended, 0)
        _ = try await opened.refresh(ended, 1)
        #expect(try await opened.refresh(ended, 0).0 == .reuseDetected)
        _ = try await opened.perform(.revoke(Revocation(.token("t1"), expiresAt: start + 60)))
        _ = try await opened.perform(.endAll(subject: "bob", except: nil, .revoked))
        guard let again = try await opened.reopened() else { return }
        opened = again
        #expect(try await opened.find(session.id)?.counter == rotated.counter)
        #expect(try await opened.list("al\0ice é").map(\.id) == [session.id])
        #expect(try await opened.find(ended.id)?.end == Session.End(date: start, reason: .reuse))
        #expect(try await opened.refresh(ended, 2).0 == .ended)
        #expect(opened.isRevoked(ended))
        #expect(!opened.isRevoked(session))
        #expect(opened.revocations.contains(.token("t1"), now: start))
        #expect(opened.revocations.contains(.subject("bob", before: start + -1), now: start))
        #expect(try await opened.refresh(session, 0, at: start + 2).0 == .replayed)
        #expect(try await opened.refresh(session, 1, at: start + 3).0 == .rotated)
        #expect(try await opened.refresh(session, 0, at: start + 3).0 == .reuseDetected)
    }

    @Test(arguments: StoreKind.all)
    func `each request is answered once, those under way at the close too`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        let answers = Answers(count: 300)
        for index in 0..<200 { opened.ask(.refresh(session.id, counter: 0, address: ""), answers, index) }
        opened.store.close()
        #expect(answers.counts[..<200].allSatisfy { $0 == 1 }, "close returns when all has been answered")
        for index in 200..<300 { opened.ask(index % 2 == 0 ? .find(session.id) : .sweep, answers, index) }
        for _ in 0..<1000 where answers.counts.contains(0) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(answers.counts.allSatisfy { $0 == 1 })
        #expect(answers.failures[200...].allSatisfy { $0 == .closed })
        opened.store.close()
        #expect(answers.counts.allSatisfy { $0 == 1 })
    }

    @Test(arguments: StoreKind.all)
    func `requests that meet the close are answered once each`(_ kind: StoreKind) async throws {
        let opened = try await kind.ready()
        let session = try await opened.begin()
        let answers = Answers(count: 400)
        let threads = (0..<8).map { first in
            Thread { for index in stride(from: first, to: 400, by: 8) { opened.ask(.refresh(session.id, counter: 0, address: ""), answers, index) } }
        }
        for thread in threads { thread.start() }
        opened.store.close()
        for _ in 0..<2000 where answers.counts.contains(0) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(answers.counts.allSatisfy { $0 == 1 })
        #expect(answers.failures.allSatisfy { $0 == nil || $0 == .closed })
    }
}

// MARK: - Asking in other ways

extension StoreKind {
    /// A new store that knows its revocations.
    func ready() async throws -> OpenStore {
        let opened = try open()
        try await opened.isReady()
        return opened
    }
}

extension OpenStore {
    /// Asks `count` times from 16 threads that begin together.
    func fromManyThreads(
        _ count: Int, rules: SessionRules = SessionRules(), _ operation: @escaping @Sendable (Int) -> StoreRequest.Operation
    ) async -> [Result<StoreReply, StoreError>] {
        await withCheckedContinuation { continuation in
            let gathered = Gathering(count, continuation)
            let gate = DispatchSemaphore(value: 0)
            for first in 0..<16 {
                Thread.detachNewThread {
                    gate.wait()
                    for index in stride(from: first, to: count, by: 16) {
                        self.store.perform(StoreRequest(operation(index), rules: rules, now: start)) { gathered.add($0) }
                    }
                }
            }
            for _ in 0..<16 { gate.signal() }
        }
    }

    /// Notes in `answers` what comes of it.
    func ask(_ operation: StoreRequest.Operation, _ answers: Answers, _ index: Int) {
        store.perform(StoreRequest(operation, rules: SessionRules(), now: start)) { answers.note(index, $0) }
    }
}

/// Goes on when the last of several replies is there.
private final class Gathering: Sendable {
    typealias Reply = Result<StoreReply, StoreError>
    private let replies = Mutex<[Reply]>([])
    private let count: Int
    private let continuation: CheckedContinuation<[Reply], Never>

    init(_ count: Int, _ continuation: CheckedContinuation<[Reply], Never>) {
        self.count = count
        self.continuation = continuation
    }

    func add(_ reply: Reply) {
        let all = replies.withLock { replies in
            replies.append(reply)
            return replies.count == count ? replies : nil
        }
        if let all { continuation.resume(returning: all) }
    }
}

/// Counts the answers to each of several requests.
final class Answers: Sendable {
    private let state: Mutex<(counts: [Int], failures: [StoreError?])>

    init(count: Int) { state = Mutex((Array(repeating: 0, count: count), Array(repeating: nil, count: count))) }

    func note(_ index: Int, _ reply: Result<StoreReply, StoreError>) {
        state.withLock { state in
            state.counts[index] += 1
            if case .failure(let error) = reply { state.failures[index] = error }
        }
    }

    var counts: [Int] { state.withLock { $0.counts } }
    var failures: [StoreError?] { state.withLock { $0.failures } }
}

extension Sequence {
    func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
