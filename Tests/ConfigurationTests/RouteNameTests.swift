import Testing

@testable import Configuration

@Suite("What routes are called, and whether they are logged")
struct RouteNameTests {
    @Test(arguments: [
        ("path: /api/, name: api", "api"), ("path: /api/", "/api/"), ("path: /, host: a.example", "a.example/"),
        ("path: /x, host: [ \"*.b.example\", c.example ]", "*.b.example/x"), ("path: /, name: A-Z_0.9:/*", "A-Z_0.9:/*"),
        ("path: /, host: a.example, name: 7", "7"),
    ])
    func `its name is the one it is given, else its path behind its first host`(_ members: String, _ name: String) throws {
        #expect(try RouteTests.route(members).name == name)
    }

    @Test(arguments: ["\"\"", "\"a b\"", "\"a\\\"b\"", "naïve", "none", "other", "[ a ]", "\"a\\nb\"", "a=b"])
    func `a name that would need quotes, or that stands for something else, is refused`(_ name: String) {
        #expect(errors(Sample.yaml("routes: [ { path: /, name: \(name) } ]")).count == 1)
    }

    @Test func `a name may have 64 bytes`() {
        let name = String(repeating: "n", count: 64)
        #expect(errors(Sample.yaml("routes: [ { path: /, name: \(name) } ]")).isEmpty)
        #expect(errors(Sample.yaml("routes: [ { path: /, name: \(name)n } ]")).count == 1)
    }

    @Test func `several routes may have one name`() throws {
        let configuration = try Configuration(
            yaml: Sample.yaml("routes: [ { path: /, name: a }, { path: /b, name: a } ]"), file: "f")
        #expect(configuration.routes.map(\.name) == ["a", "a"])
    }

    @Test func `requests are logged unless the route says otherwise`() throws {
        #expect(try RouteTests.route("path: /").isLogged)
        #expect(try RouteTests.route("path: /, access_log: true").isLogged)
        #expect(try !RouteTests.route("path: /, access_log: false").isLogged)
        #expect(errors(Sample.yaml("routes: [ { path: /, access_log: json } ]")).count == 1)
    }
}
