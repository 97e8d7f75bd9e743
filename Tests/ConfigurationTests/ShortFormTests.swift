import Testing

@testable import Configuration

@Suite("The short form")
struct ShortFormTests {
    @Test func `four lines are a whole configuration, with every default filled in`() throws {
        let configuration = try Configuration(yaml: Sample.yaml(), file: "f.yaml")
        #expect(configuration.listeners.map(\.address.value.description) == ["127.0.0.1:8080"])
        #expect(configuration.workers == .automatic)
        #expect(configuration.upstreams.count == 1)
        let upstream = try #require(configuration.upstreams.first)
        #expect(upstream.name == "default")
        #expect(upstream.servers.map(\.address.value) == [Endpoint(host: .ipv4("127.0.0.1"), port: 9000)])
        #expect(upstream.keepaliveMax == 256)
        let key = try #require(configuration.keys.first)
        #expect(key.algorithm == .HS256)
        #expect(key.source.value == .secretFile("jwt.secret"))
        #expect(key.use == .sign)
        #expect(configuration.signingKey == 0)
        let sliding = try #require(configuration.sliding)
        #expect(sliding.lifetime == .inherit)
        #expect(sliding.buffer == .duration(.seconds(600)))
        #expect(sliding.quantum == nil)
        #expect(sliding.sessionCap == .seconds(12 * 3600))
        #expect(sliding.delivery == .header("X-Refresh-Token"))
        #expect(sliding.exceptStatuses == [401])
        #expect(configuration.routes.count == 1)
        let route = try #require(configuration.routes.first)
        #expect(route.pathPrefix == "/")
        #expect(route.authentication == .required)
        #expect(route.slides)
        #expect(route.upstream == 0)
        #expect(configuration.cors == nil)
        #expect(configuration.warnings == [])
    }

    @Test func `without sliding tokens are verified and nothing signs`() throws {
        let yaml = Sample.listen + Sample.upstream + Sample.key
        let configuration = try Configuration(yaml: yaml, file: "f.yaml")
        #expect(configuration.sliding == nil)
        #expect(configuration.signingKey == nil)
    }

    @Test func `with auth none everywhere no key is needed`() throws {
        let yaml = Sample.listen + Sample.upstream + "routes: [ { path: /, auth: none } ]"
        #expect(try Configuration(yaml: yaml, file: "f.yaml").keys.isEmpty)
    }

    @Test func `a part that is missing is named, and what would be right`() {
        #expect(errors(Sample.upstream + Sample.key).map(\.message) == ["listen is missing"])
        #expect(errors(Sample.listen + Sample.key).map(\.message) == ["upstream is missing"])
        #expect(errors(Sample.listen + Sample.upstream).map(\.message) == ["key is missing"])
        #expect(errors(Sample.listen + Sample.upstream).allSatisfy { $0.expected != nil })
    }

    @Test(arguments: ["", "\n", "# nothing\n", "---\n", "~\n"])
    func `an empty file is refused`(_ yaml: String) {
        #expect(errors(yaml).map(\.message) == ["the file is empty"])
    }

    @Test(arguments: ["just text", "[ a, b ]", "12"])
    func `a file that is no mapping is refused`(_ yaml: String) {
        #expect(errors(yaml).count == 1)
    }

    @Test(arguments: [
        ("listen: 127.0.0.1:1", "listeners: [ { address: 127.0.0.1:2 } ]"),
        ("upstream: 127.0.0.1:1", "upstreams: { a: 127.0.0.1:2 }"),
        ("key: { algorithm: HS256, secret_env: A }", "keys: [ { algorithm: HS256, secret_env: B } ]"),
    ])
    func `the short and the long form together are refused`(_ short: String, _ long: String) {
        let found = errors(Sample.yaml(short, long))
        #expect(found.count == 1)
        #expect(found.first?.message.hasSuffix("say the same thing") == true)
    }
}
