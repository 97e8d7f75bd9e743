import Foundation
import FuzzTargets
import Testing

/// Holds every target to its promises without libFuzzer: on its seeds, on what once failed, and on damaged copies of both. A
/// long search with coverage is `deploy/fuzz`.
@Suite("Fuzz targets")
struct FuzzTests {
    @Test(arguments: FuzzTarget.all)
    func `keep their promises on every seed`(_ target: FuzzTarget) throws {
        let seeds = try target.seeds()
        #expect(seeds.count >= 5)
        for seed in seeds { try hold(target, to: seed) }
    }

    @Test(arguments: FuzzTarget.all)
    func `keep their promises on what once broke them`(_ target: FuzzTarget) throws {
        for input in try Self.regressions(of: target) { try hold(target, to: input) }
    }

    @Test(arguments: FuzzTarget.all)
    func `keep their promises on damaged seeds`(_ target: FuzzTarget) throws {
        let seeds = try target.seeds() + Self.regressions(of: target)
        var random = SplitMix64(state: 0xF022)
        for _ in 0..<200 {
            var input = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) { damage(&input, seeds, &random) }
            try hold(target, to: input)
        }
    }

    /// Each mutation is one that libFuzzer makes too.
    private func damage(_ input: inout [UInt8], _ seeds: [[UInt8]], _ random: inout SplitMix64) {
        let start = Int.random(in: 0...input.count, using: &random)
        let end = min(input.count, start + Int.random(in: 0...8, using: &random))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: input.removeSubrange(start..<end)
        case 1: input.insert(UInt8.random(in: .min ... .max, using: &random), at: start)
        case 2: if start < input.count { input[start] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
        default:
            let other = seeds.randomElement(using: &random) ?? []
            let from = Int.random(in: 0...other.count, using: &random)
            input.replaceSubrange(start..<end, with: other[from..<min(other.count, from + 12)])
        }
    }

    private func hold(_ target: FuzzTarget, to input: [UInt8]) throws {
        do {
            try target.check(input)
        } catch {
            Issue.record("\(error); input: \(Data(input).base64EncodedString())")
        }
    }

    private static func regressions(of target: FuzzTarget) throws -> [[UInt8]] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Regressions/\(target.name)")
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).map { Array(try Data(contentsOf: $0)) }
    }
}

extension FuzzTarget: CustomTestStringConvertible {
    public var testDescription: String { name }
}

/// A small generator with a seed, so that a failure can be repeated (Steele, Lea and Flood, 2014).
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
