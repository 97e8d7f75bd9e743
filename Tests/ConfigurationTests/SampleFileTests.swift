import Foundation
import Testing

@testable import Configuration

@Suite("Sample files")
struct SampleFileTests {
    static let deploy = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "deploy")

    static func read(_ path: String) throws -> Configuration {
        let text = try String(contentsOf: deploy.appending(path: path), encoding: .utf8)
        return try Configuration(yaml: text, file: path)
    }

    @Test func `the four-line file is read without a warning`() throws {
        #expect(try Self.read("slidegate.yaml").warnings == [])
    }

    @Test func `every example is read without a warning`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.deploy.appending(path: "examples").path())
        #expect(names.count >= 3)
        for name in names where name.hasSuffix(".yaml") {
            #expect(try Self.read("examples/\(name)").warnings == [], "\(name)")
        }
    }

    @Test func `the complete example says nothing but defaults where it says so`() throws {
        let complete = try Self.read("examples/complete.yaml")
        let short = try Configuration(yaml: Sample.yaml(), file: "f.yaml")
        #expect(complete.limits == short.limits)
        #expect(complete.timeouts == short.timeouts)
        #expect(complete.paths == short.paths)
        #expect(complete.logs.decisions == short.logs.decisions)
        #expect(complete.logs.destination == short.logs.destination)
        let usual = try Configuration(yaml: Sample.yaml("logs: { access: json }"), file: "f.yaml").logs.access
        #expect(complete.logs.access?.destination.value == usual?.destination.value)
        #expect(complete.logs.access?.subject == usual?.subject)
        #expect(complete.logs.access?.trace == usual?.trace)
        #expect(complete.logs.access?.bufferBytes == usual?.bufferBytes)
        #expect(complete.workers == short.workers)
        let a = try #require(complete.sliding)
        let b = try #require(short.sliding)
        #expect(a.lifetime == b.lifetime)
        #expect(a.lifetimeMax == b.lifetimeMax)
        #expect(a.sessionCap == b.sessionCap)
        #expect(a.delivery == b.delivery)
        #expect(a.leastGainPercent == b.leastGainPercent)
        #expect(a.optOutHeader == b.optOutHeader)
        #expect(a.tokenExpiryHeader == b.tokenExpiryHeader)
        #expect(a.sessionExpiryHeader == b.sessionExpiryHeader)
        #expect(a.expiryAnswers == b.expiryAnswers)
        #expect(a.exceptStatuses == b.exceptStatuses)
        let upstream = try #require(complete.upstreams.first)
        let other = try #require(short.upstreams.first)
        #expect(upstream.keepaliveMax == other.keepaliveMax)
        #expect(upstream.connectTimeout == other.connectTimeout)
        #expect(upstream.responseTimeout == other.responseTimeout)
        #expect(upstream.idleTimeout == other.idleTimeout)
        #expect(complete.tokens.leeway == short.tokens.leeway)
        #expect(complete.tokens.sources == short.tokens.sources)
        #expect(complete.tokens.types == short.tokens.types)
    }

    @Test func `the complete example shows every key, alternatives in comments`() throws {
        let text = try String(contentsOf: Self.deploy.appending(path: "examples/complete.yaml"), encoding: .utf8)
        for key in ReferenceTests.accepted {
            let name = String(key.split(separator: " ").last ?? "")
            #expect(text.contains("\(name):"), "\(key)")
        }
    }
}
