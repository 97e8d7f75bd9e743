import Metrics
import Testing

@Suite("Counts of requests")
struct RequestCountsTests {
    @Test(arguments: [
        (-1, StatusClass.none), (0, .none), (99, .none), (100, .informational), (199, .informational), (200, .successful),
        (299, .successful), (304, .redirection), (404, .clientError), (499, .clientError), (500, .serverError),
        (599, .serverError), (1_000_000, .serverError),
    ])
    func `a status counts by its class`(_ status: Int, _ expected: StatusClass) {
        #expect(StatusClass(status: status) == expected)
    }

    @Test func `decisions are numbered in their order`() {
        #expect(RequestDecision.allCases.map(\.index) == Array(0..<RequestDecision.allCases.count))
        #expect(StatusClass.allCases.map(\.rawValue) == Array(0..<StatusClass.allCases.count))
    }

    @Test func `each combination of group, class and decision has a place of its own`() {
        var counts = RequestCounts()
        let groups = counts.groups(of: ["/a", "/b"]).map { Int($0) } + [RequestCounts.none, RequestCounts.other]
        var expected = 0
        for group in groups {
            for status in StatusClass.allCases {
                for decision in RequestDecision.allCases {
                    expected += 1
                    for _ in 0..<expected { counts.count(group, status, decision) }
                }
            }
        }
        var next = 0
        for group in groups {
            for status in StatusClass.allCases {
                for decision in RequestDecision.allCases {
                    next += 1
                    #expect(counts[group, status, decision] == next)
                }
            }
        }
        #expect(counts.total == expected * (expected + 1) / 2)
        #expect(groups.map { counts.total(of: $0) }.reduce(0, +) == counts.total)
        #expect(RequestDecision.allCases.map { counts.total($0) }.reduce(0, +) == counts.total)
    }

    @Test func `routes of one name share a group`() {
        var counts = RequestCounts()
        let groups = counts.groups(of: ["api", "files", "api"])
        #expect(groups[0] == groups[2] && groups[0] != groups[1])
        #expect(counts.names == ["none", "other", "api", "files"])
    }

    @Test func `the first names are kept apart, and those beyond count as other`() {
        var counts = RequestCounts()
        let names = (0..<10_000).map { "/r\($0)" }
        let groups = counts.groups(of: names)
        #expect(Set(groups.prefix(RequestCounts.namesMax)).count == RequestCounts.namesMax)
        #expect(groups.dropFirst(RequestCounts.namesMax).allSatisfy { $0 == Int32(RequestCounts.other) })
        #expect(counts.names.count == 2 + RequestCounts.namesMax)
    }

    @Test func `a name keeps its group, and what was counted there, whatever names come and go`() {
        var counts = RequestCounts()
        let first = counts.groups(of: ["a", "b"])
        counts.count(Int(first[1]), .successful, .admitted)
        let second = counts.groups(of: ["c", "b"])
        #expect(second[1] == first[1] && counts[Int(second[1]), .successful, .admitted] == 1)
        #expect(counts.groups(of: ["a"]) == [first[0]])
    }

    @Test func `names that come and go for ever do not fill the memory`() {
        var counts = RequestCounts()
        for reload in 0..<100 { _ = counts.groups(of: (0..<100).map { "\(reload)-\($0)" }) }
        #expect(counts.names.count == 512)
        #expect(counts.groups(of: ["0-1", "never seen"]) == [3, Int32(RequestCounts.other)])
    }

    @Test func `counts of workers are summed by name, in whatever order they have come to know them`() {
        var one = RequestCounts()
        let oneGroups = one.groups(of: ["a", "b"])
        one.count(Int(oneGroups[0]), .successful, .renewed)
        one.record(5_000, Int(oneGroups[0]))
        one.count(RequestCounts.none, .clientError, .failed)
        var other = RequestCounts()
        let otherGroups = other.groups(of: ["c", "a"])
        other.count(Int(otherGroups[0]), .serverError, .failed)
        other.count(Int(otherGroups[1]), .successful, .renewed)
        other.record(7_000, Int(otherGroups[1]))
        other.count(RequestCounts.none, .clientError, .failed)

        var total = RequestCounts()
        total += one
        total += other
        total += one
        #expect(Set(total.names) == ["none", "other", "a", "b", "c"])
        func count(_ name: String, _ status: StatusClass, _ decision: RequestDecision) -> Int? {
            total.names.firstIndex(of: name).map { total[$0, status, decision] }
        }
        #expect(count("a", .successful, .renewed) == 3)
        #expect(count("c", .serverError, .failed) == 1)
        #expect(count("none", .clientError, .failed) == 3)
        #expect(total.total == 7)
        #expect(total.duration.count == 3 && total.duration.sum == 17_000)
    }
}
