import Balancing
import Testing

@Suite("The retry budget")
struct RetryBudgetTests {
    @Test func `lets a share of the requests be tried again, and a few a second besides`() {
        var budget = RetryBudget(percent: 20, now: 0)
        var tries = 0
        for request in 0..<100_000 {  // 1,000 a second, each of which fails
            let now = Int64(request)
            budget.requestBegan(now: now)
            if budget.take(now: now) { tries += 1 }
        }
        #expect((20_000...20_500).contains(tries), "\(tries)")
    }

    @Test func `is saved up for about ten seconds`() {
        var budget = RetryBudget(percent: 20, now: 0)
        for request in 0..<60_000 { budget.requestBegan(now: Int64(request)) }
        var tries = 0
        while budget.take(now: 60_000) { tries += 1 }
        #expect((1_500...2_100).contains(tries), "\(tries)")
    }

    @Test func `forgets a busy hour in a quiet one`() {
        var budget = RetryBudget(percent: 20, now: 0)
        for _ in 0..<1_000_000 { budget.requestBegan(now: 0) }
        var tries = 0
        while budget.take(now: 3_600_000) { tries += 1 }
        #expect(tries <= 30, "\(tries)")
        let again = budget.take(now: 3_601_000)
        #expect(again, "a few a second are always there")
    }

    @Test func `of nothing allows nothing`() {
        var budget = RetryBudget(percent: 0, now: 0)
        let isAllowed = budget.take(now: 10_000)
        #expect(!isAllowed)
    }
}

@Suite("A waiting line")
struct WaitingLineTests {
    @Test func `serves in the order of arrival`() {
        var line = WaitingLine<Int>(capacity: 10)
        for number in 0..<5 { _ = line.join(number) }
        let served = (0..<6).map { _ in line.popFirst() }
        #expect(served == [0, 1, 2, 3, 4, nil])
    }

    @Test func `takes no more than there is room for`() {
        var line = WaitingLine<Int>(capacity: 2)
        let tickets = (0..<3).map { line.join($0) }
        #expect(tickets[0] != nil && tickets[1] != nil && tickets[2] == nil)
        #expect(line.count == 2)
        var none = WaitingLine<Int>(capacity: 0)
        let ticket = none.join(1)
        #expect(ticket == nil)
    }

    @Test func `can be left from anywhere, and the others keep their order`() throws {
        // Against an array that does the same, through every kind of step.
        var line = WaitingLine<Int>(capacity: 50)
        var model: [(number: Int, ticket: Int)] = []
        var state: UInt64 = 42
        for number in 0..<10_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            switch state >> 60 {
            case 0..<8:
                if let ticket = line.join(number) { model.append((number, ticket)) } else { #expect(model.count == 50) }
            case 8..<12 where !model.isEmpty:
                let index = Int(state >> 32 & 0xFFFF) % model.count
                line.leave(model.remove(at: index).ticket)
            default:
                #expect(line.front == model.first?.number)
                let first = line.popFirst()
                #expect(first == model.first?.number)
                if !model.isEmpty { model.removeFirst() }
            }
            #expect(line.count == model.count)
        }
    }
}

@Suite("The addresses of a server")
struct AddressRotationTests {
    @Test func `are used in turn`() {
        var rotation = AddressRotation(count: 3, offset: 1)
        let picked = (0..<6).map { _ in rotation.pick(now: 0) }
        #expect(picked == [1, 2, 0, 1, 2, 0])
    }

    @Test func `that do not accept are left out for a while`() {
        var rotation = AddressRotation(count: 2, offset: 0)
        rotation.failed(0, now: 0)
        var picked = (0..<3).map { _ in rotation.pick(now: 1) }
        #expect(picked == [1, 1, 1])
        picked = (0..<2).map { _ in rotation.pick(now: AddressRotation.absence) }
        #expect(Set(picked) == [0, 1])
    }

    @Test func `are tried all the same when none accepts, the one that failed longest ago first`() {
        var rotation = AddressRotation(count: 3, offset: 0)
        for (index, time) in [(1, 0), (2, 5), (0, 9)] { rotation.failed(index, now: Int64(time)) }
        let picked = rotation.pick(now: 10)
        #expect(picked == 1)
    }

    @Test func `may be none`() {
        var rotation = AddressRotation(count: 0, offset: 3)
        let picked = rotation.pick(now: 0)
        #expect(picked == nil)
    }
}
