import Foundation
import Testing

@testable import Configuration

/// The files of `deploy/forward-auth`, as far as reading them can tell; the end-to-end tests run them.
@Suite("Files for proxies in front")
struct ForwardAuthFileTests {
    private static func text(_ name: String) throws -> String {
        try String(contentsOf: SampleFileTests.deploy.appending(path: "forward-auth/\(name)"), encoding: .utf8)
    }

    @Test(arguments: ["nginx", "caddy", "envoy", "haproxy", "traefik"])
    func `the gateway's file is read without a warning, but where Traefik asks and tokens go by header`(_ proxy: String) throws {
        let file = try Self.text("slidegate.yaml")
        #expect(file.contains("proxy: nginx }"))
        let configuration = try Configuration(
            yaml: file.replacingOccurrences(of: "proxy: nginx }", with: "proxy: \(proxy) }"), file: "slidegate.yaml")
        // The file delivers in a header, which is right for all others.
        let warnings = configuration.warnings.map(\.message)
        #expect(warnings.count == (proxy == "traefik" ? 1 : 0), "\(warnings)")
        #expect(warnings.allSatisfy { $0.hasPrefix("Traefik hands only cookies to clients") })
        #expect(configuration.forwardAuth.map(\.proxy.rawValue) == [proxy])
    }

    /// By the documentation of Traefik 3: routers, middlewares and services of the file provider.
    @Test func `Traefik's file is YAML with keys that Traefik knows, and names nothing that is not there`() throws {
        let file = try #require(try YAMLTree.read(Self.text("traefik.yaml")))
        let http = try #require(file["http"])
        let routers = try #require(http["routers"]).entries
        let middlewares = try #require(http["middlewares"]).entries
        let services = try #require(http["services"]).entries
        #expect(!routers.isEmpty)
        for router in routers {
            #expect(Set(router.value.entries.map(\.key)).isSubset(of: ["entryPoints", "rule", "priority", "middlewares", "service"]))
            for name in router.value["middlewares"]?.texts ?? [] { #expect(middlewares.contains { $0.key == name }, "\(name)") }
            let service = try #require(router.value["service"]?.texts.first)
            #expect(services.contains { $0.key == service }, "\(service)")
        }
        let known: [String: Set<String>] = [
            "forwardAuth": ["address", "trustForwardHeader", "authResponseHeadersRegex", "addAuthCookiesToResponse"],
            "headers": ["customRequestHeaders", "customResponseHeaders"],
        ]
        for middleware in middlewares {
            let kind = try #require(middleware.value.entries.first)
            #expect(middleware.value.entries.count == 1)
            #expect(Set(kind.value.entries.map(\.key)).isSubset(of: try #require(known[kind.key], "\(kind.key)")))
        }
        // The API is reached through the question alone.
        #expect(routers.filter { $0.value["service"]?.texts == ["api"] }.allSatisfy { $0.value["middlewares"]?.texts.contains("slidegate") == true })
    }
}

extension YAMLTree {
    fileprivate var entries: [Entry] {
        if case .mapping(let entries) = content { entries } else { [] }
    }

    /// A scalar, or those of a list.
    fileprivate var texts: [String] {
        switch content {
        case .scalar(let text, _): [text]
        case .sequence(let elements): elements.flatMap(\.texts)
        case .mapping: []
        }
    }

    fileprivate subscript(key: String) -> YAMLTree? { entries.first { $0.key == key }?.value }
}
