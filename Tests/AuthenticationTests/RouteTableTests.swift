import HTTP1
import Testing

@testable import Authentication

@Suite("Which route a request belongs to")
struct RouteTableTests {
    private func match(
        _ table: RouteTable, _ path: String, host: String = "", method: Method = .get, name: String = "GET"
    ) -> RouteTable.Match {
        table.match(
            path: Array(path.utf8).span, host: Array(host.utf8).span, method: method, methodName: Array(name.utf8).span)
    }

    private func table(_ prefixes: String...) -> RouteTable { RouteTable(prefixes.map { RoutePolicy(pathPrefix: $0) }) }

    @Test func `The longest prefix wins, whatever the order`() {
        let table = table("/", "/api/v1/", "/api", "/api/v1/users")
        #expect(match(table, "/") == .route(0))
        #expect(match(table, "/apx") == .route(0))
        #expect(match(table, "/api") == .route(2))
        #expect(match(table, "/api/v1") == .route(2))
        #expect(match(table, "/api/v1/") == .route(1))
        #expect(match(table, "/api/v1/user") == .route(1))
        #expect(match(table, "/api/v1/users/7") == .route(3))
    }

    @Test func `A prefix ends at a segment's end`() {
        let table = table("/", "/admin")
        #expect(match(table, "/admin") == .route(1))
        #expect(match(table, "/admin/x") == .route(1))
        #expect(match(table, "/administrator") == .route(0))
        #expect(match(table, "/admin.json") == .route(0))
    }

    @Test func `An exact route holds for its path alone`() {
        var login = RoutePolicy(pathPrefix: "/login", methods: ["POST"])
        login.isExact = true
        let table = RouteTable([RoutePolicy(pathPrefix: "/"), login])
        #expect(match(table, "/login", method: .post, name: "POST") == .route(1))
        #expect(match(table, "/login") == .route(0))
        #expect(match(table, "/login/x", method: .post, name: "POST") == .route(0))
        #expect(match(table, "/loginx", method: .post, name: "POST") == .route(0))
        #expect(match(table, "/login;x", method: .post, name: "POST") == .ambiguous)
        let alone = RouteTable([login])
        #expect(match(alone, "/login/x", method: .post, name: "POST") == .noRoute)
        #expect(match(alone, "/login") == .methodNotAllowed)
        let (path, host) = (Array("/login/x".utf8), [UInt8]())
        #expect(alone.allowedMethods(path: path.span, host: host.span) == [])
    }

    @Test func `A prefix with a slash at its end holds for what is under it`() {
        let table = table("/", "/admin/")
        #expect(match(table, "/admin/") == .route(1))
        #expect(match(table, "/admin/x") == .route(1))
        #expect(match(table, "/admin") == .route(0))
    }

    @Test func `A failed segment falls back to the next shorter prefix that holds`() {
        let table = table("/a", "/a/b", "/a/bc/d")
        #expect(match(table, "/a/bcd") == .route(0))
        #expect(match(table, "/a/bc/x") == .route(0))
        #expect(match(table, "/a/b/c") == .route(1))
        #expect(match(table, "/b") == .noRoute)
        #expect(match(table, "/ab") == .noRoute)
    }

    @Test func `Without any route nothing matches`() {
        #expect(match(RouteTable([]), "/") == .noRoute)
    }

    @Test func `The asterisk belongs to the root's routes`() {
        #expect(match(table("/"), "*", method: .options, name: "OPTIONS") == .route(0))
        #expect(match(table("/a"), "*", method: .options, name: "OPTIONS") == .noRoute)
    }

    @Test func `An exact host goes before a wildcard, the longer wildcard before the shorter, any wildcard before none`() {
        let table = RouteTable([
            RoutePolicy(pathPrefix: "/"), RoutePolicy(pathPrefix: "/", hosts: ["*.example.com"]),
            RoutePolicy(pathPrefix: "/", hosts: ["*.api.example.com"]),
            RoutePolicy(pathPrefix: "/", hosts: ["a.api.example.com", "other.test"]),
        ])
        #expect(match(table, "/", host: "a.api.example.com") == .route(3))
        #expect(match(table, "/", host: "b.api.example.com") == .route(2))
        #expect(match(table, "/", host: "x.y.api.example.com") == .route(2))
        #expect(match(table, "/", host: "api.example.com") == .route(1))
        #expect(match(table, "/", host: "example.com") == .route(0))
        #expect(match(table, "/", host: "badexample.com") == .route(0))
        #expect(match(table, "/", host: ".example.com") == .route(0))
        #expect(match(table, "/", host: "other.test") == .route(3))
        #expect(match(table, "/", host: "") == .route(0))
    }

    @Test(arguments: ["EXAMPLE.com", "example.com", "example.com.", "Example.Com."])
    func `Case and final dot of a host do not matter`(_ host: String) {
        let table = RouteTable([RoutePolicy(pathPrefix: "/", hosts: ["example.com"])])
        #expect(match(table, "/", host: host) == .route(0))
    }

    @Test func `An IPv6 literal is a host`() {
        let table = RouteTable([RoutePolicy(pathPrefix: "/", hosts: ["[::1]"])])
        #expect(match(table, "/", host: "[::1]") == .route(0))
        #expect(match(table, "/", host: "[::2]") == .noRoute)
    }

    @Test func `Another host's longer prefix does not count`() {
        let table = RouteTable([
            RoutePolicy(pathPrefix: "/"), RoutePolicy(pathPrefix: "/deep", hosts: ["a.test"]),
        ])
        #expect(match(table, "/deep", host: "a.test") == .route(1))
        #expect(match(table, "/deep", host: "b.test") == .route(0))
    }

    @Test func `A list of methods goes before any method`() {
        let table = RouteTable([
            RoutePolicy(pathPrefix: "/"), RoutePolicy(pathPrefix: "/", methods: ["POST", "PROPFIND"]),
        ])
        #expect(match(table, "/") == .route(0))
        #expect(match(table, "/", method: .post, name: "POST") == .route(1))
        #expect(match(table, "/", method: .other, name: "PROPFIND") == .route(1))
        #expect(match(table, "/", method: .other, name: "propfind") == .route(0))
    }

    @Test func `Methods that no route takes are told from paths that no route has`() {
        let table = RouteTable([
            RoutePolicy(pathPrefix: "/a", methods: ["POST"]), RoutePolicy(pathPrefix: "/a/b", methods: ["PUT", "GET"]),
        ])
        #expect(match(table, "/a/b", method: .delete, name: "DELETE") == .methodNotAllowed)
        #expect(match(table, "/a/b", method: .post, name: "POST") == .route(0))
        #expect(match(table, "/c", method: .delete, name: "DELETE") == .noRoute)
        let both = table.allowedMethods(path: Array("/a/b".utf8).span, host: Array("x".utf8).span)
        #expect(both == ["GET", "POST", "PUT"])
        let one = table.allowedMethods(path: Array("/a".utf8).span, host: Array("x".utf8).span)
        #expect(one == ["POST"])
    }

    @Test func `Parameters that could move a path under another route make it ambiguous`() {
        let table = table("/", "/admin", "/public/")
        #expect(match(table, "/admin;x") == .ambiguous)
        #expect(match(table, "/admin;x/users") == .ambiguous)
        #expect(match(table, "/public;/a") == .ambiguous)
        #expect(match(table, "/admin/x;y=1") == .route(1))
        #expect(match(table, "/public/a;b/c;d") == .route(2))
        #expect(match(table, "/other;admin") == .route(0))
        #expect(match(self.table("/"), "/admin;x") == .route(0))
    }

    @Test func `A segment that is a parameter alone counts as none, as for servers that merge slashes`() {
        let table = table("/", "/admin", "/public/", "/public/secret")
        #expect(match(table, "/;x/admin/users") == .ambiguous)
        #expect(match(table, "/;/admin") == .ambiguous)
        #expect(match(table, "/;/;a=b/;/admin") == .ambiguous)
        #expect(match(table, "/public/;/secret") == .ambiguous)
        #expect(match(table, "/public/;/other") == .route(2))
        #expect(match(table, "/;/other") == .route(0))
        #expect(match(table, "/;") == .route(0))
    }

    @Test func `A parameter is seen wherever it stands`() {
        let table = table("/", "/admin")
        for length in 0...30 {
            let tail = String(repeating: "x", count: length)
            #expect(match(table, "/admin;" + tail) == .ambiguous)
            #expect(match(table, "/admin/" + tail + ";") == .route(1))
            #expect(match(table, "/admin" + tail + ";") == (length == 0 ? .ambiguous : .route(0)))
        }
    }

    @Test func `Ten thousand routes are searched like ten`() {
        var routes: [RoutePolicy] = []
        for index in 0..<10_000 {
            routes.append(RoutePolicy(pathPrefix: "/v\(index % 10)/service-\(index)/", upstream: index))
        }
        for index in 0..<10_000 { routes.append(RoutePolicy(pathPrefix: "/", hosts: ["tenant\(index).example.com"])) }
        let table = RouteTable(routes)
        for index in stride(from: 0, to: 10_000, by: 97) {
            #expect(match(table, "/v\(index % 10)/service-\(index)/x") == .route(index))
            #expect(match(table, "/x", host: "tenant\(index).example.com") == .route(10_000 + index))
        }
        #expect(match(table, "/v1/service-2/x") == .noRoute)
    }

    @Test func `The table agrees with a search through the list`() {
        var generator = SeededGenerator(seed: 5)
        let segments = ["a", "ab", "abc", "b", "a-b"]
        func path(_ count: Int, using generator: inout SeededGenerator) -> String {
            (0..<count).map { _ in "/" + segments.randomElement(using: &generator)! }.joined()
        }
        for _ in 0..<200 {
            var prefixes: Set<String> = []
            for _ in 0..<12 {
                prefixes.insert(path(.random(in: 0...3, using: &generator), using: &generator) + (Bool.random(using: &generator) ? "/" : ""))
            }
            let list = prefixes.filter { !$0.isEmpty }.sorted()
            let table = RouteTable(list.map { RoutePolicy(pathPrefix: $0) })
            for _ in 0..<100 {
                let path = path(.random(in: 1...4, using: &generator), using: &generator)
                let expected = list.indices.filter { index in
                    let prefix = list[index]
                    return path.hasPrefix(prefix)
                        && (prefix.hasSuffix("/") || path == prefix || path.dropFirst(prefix.count).hasPrefix("/"))
                }.max { list[$0].count < list[$1].count }
                #expect(match(table, path) == (expected.map { .route($0) } ?? .noRoute))
            }
        }
    }
}
