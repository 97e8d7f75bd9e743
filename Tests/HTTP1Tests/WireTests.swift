import Testing

@testable import HTTP1

@Suite("Wire cases")
struct WireTests {
    @Test func `there are cases`() {
        #expect(WireCase.all.count > 80)
        #expect(WireCase.all.allSatisfy { !$0.bytes.isEmpty && !$0.events.isEmpty })
    }

    @Test(arguments: WireCase.all)
    func `bytes lead to the events beside them, however they are cut`(_ wire: WireCase) {
        #expect(Stream.events(wire.kind, wire.bytes, pieces: [Int.max]) == wire.events, "whole")
        #expect(Stream.events(wire.kind, wire.bytes, pieces: [1]) == wire.events, "byte by byte")
        var random = SplitMix64(state: 0x5EED)
        for _ in 0..<5 {
            let pieces = (0..<wire.bytes.count).map { _ in Int.random(in: 1...20, using: &random) }
            #expect(Stream.events(wire.kind, wire.bytes, pieces: pieces) == wire.events, "in pieces \(pieces)")
        }
    }

    @Test(arguments: WireCase.all)
    func `resuming heads finds the same, if later`(_ wire: WireCase) {
        let events = Stream.events(wire.kind, wire.bytes, pieces: [1], asksToResume: true)
        if events.last == "unfinished head", wire.events.last?.hasPrefix("error ") == true {
            #expect(events.dropLast() == wire.events.dropLast())
        } else {
            #expect(events == wire.events)
        }
    }

    @Test(arguments: WireCase.all)
    func `a prefix never leads to what the whole does not`(_ wire: WireCase) {
        for count in 0..<wire.bytes.count {
            var events = Stream.events(wire.kind, Array(wire.bytes[..<count]), pieces: [Int.max])
            // The end of the stream is what the whole does not have at this place.
            let isCutShort = ["unfinished head", "error content_truncated"].contains(events.last)
            if isCutShort { events.removeLast() }
            if isUntilClose(wire), events.last == "end" { events.removeLast() }
            for (index, event) in events.enumerated() {
                guard index < wire.events.count else {
                    Issue.record("\(count) bytes lead to \(event), the whole does not")
                    return
                }
                let isLast = index == events.count - 1
                let expected = wire.events[index]
                #expect(
                    event == expected || isLast && event.hasPrefix("content ") && expected.hasPrefix(event),
                    "\(count) bytes")
            }
        }
    }

    @Test(arguments: WireCase.all.filter { $0.events.last == "end" && !isUntilClose($0) })
    func `bytes behind a complete message belong to the next one`(_ wire: WireCase) {
        let behind = Array("GET".utf8)
        let event = wire.kind == .requests ? "unfinished head" : "left over"
        for pieces in [[Int.max], [1], [3]] {
            #expect(
                Stream.events(wire.kind, wire.bytes + behind, pieces: pieces) == wire.events + [event],
                "in pieces of \(pieces)")
        }
    }
}

private func isUntilClose(_ wire: WireCase) -> Bool {
    wire.kind == .content(.untilClose) || wire.events.contains { $0.contains(" until-close") }
}

/// A small generator with a seed, so that a failure can be repeated (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
