import Testing

@testable import Configuration

@Suite("browser")
struct BrowserTests {
    @Test func `it is off unless given, and a path is enough`() throws {
        #expect(try Configuration(yaml: Sample.yaml(), file: "f").browser == nil)
        let browser = try #require(try Configuration(yaml: Sample.yaml("browser: /slidegate"), file: "f").browser)
        #expect(browser.path == "/slidegate")
        #expect(browser.store == .memory)
    }

    @Test func `everything can be said`() throws {
        let yaml = Sample.yaml("browser: { path: /a/b, store: local }")
        let browser = try #require(try Configuration(yaml: yaml, file: "f").browser)
        #expect(browser.path == "/a/b")
        #expect(browser.store == .local)
    }

    @Test(arguments: [
        ("slidegate", "does not begin with \"/\""), ("/", "ends with a slash"),
        ("/slidegate/", "did you mean \"/slidegate\"?"), ("/a//b", "has an empty segment"), ("/a/../b", "has the dot segment"),
        ("{ store: local }", "path is missing"), ("{ path: /a, store: cookie }", "expected memory or local"),
        ("{ path: /a, max_age: 1h }", "unknown key \"max_age\""),
    ])
    func `what is wrong is said`(_ value: String, _ message: String) {
        let said = errors(Sample.yaml("browser: \(value)")).map { $0.line(file: "f") }.joined(separator: "\n")
        #expect(said.contains(message), "\(said)")
    }

    @Test(arguments: [
        ("routes: [ { path: / }, { path: /sg } ]", "routes[1]", "/sg is where browser serves its files"),
        ("routes: [ { path: / }, { path: /sg/, auth: none } ]", "routes[1]", "/sg/ is below /sg, where browser serves its files"),
        ("routes: [ { path: /sg/session.js } ]", "routes[0]", "/sg/session.js is below /sg, where browser serves its files"),
        ("sessions: { store: memory, secret_file: s, endpoints: { logout: /sg/logout } }", "sessions.endpoints.logout", "below /sg"),
        ("sessions: { store: memory, secret_file: s, endpoints: { login: { path: /sg } } }", "sessions.endpoints.login", "where browser"),
        ("publish_keys: /sg/keys", "browser", "publish_keys serves keys at /sg/keys"),
    ])
    func `nobody else answers there`(_ other: String, _ place: String, _ message: String) {
        let found = errors(Sample.yaml("browser: /sg", other))
        #expect(found.contains { $0.place.path.hasPrefix(place) && $0.message.contains(message) }, "\(found)")
    }

    @Test func `paths that only begin alike are no collision`() {
        let others = ["routes: [ { path: / }, { path: /sgx } ]", "publish_keys: /sg.json"]
        #expect(errors(Sample.yaml("browser: /sg", others[0], others[1])) == [])
    }
}
