import Testing

@Suite("HTTPS alone")
struct HTTPSPolicyTests {
    @Test func `is what browsers are told, in the upstream's answers and in our own`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 2\r\n\r\nok"
        }
        let routes = "routes: [ { path: /, auth: none }, { path: /closed, auth: required } ]"
        let gateway = try Gateway.secured(
            try Certificates.pair("exact"), listener: "hsts: { max_age: 1h, include_subdomains: true }", routes, upstream: origin)
        for (path, status) in [("/", 200), ("/closed", 401)] {
            let request = "GET \(path) HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
            let answer = try #require(try TLSClient(to: gateway, options: "--request", request).answer)
            #expect(answer.status == status)
            let values = answer.fields.filter { $0.name.lowercased() == "strict-transport-security" }.map(\.value)
            #expect(values == ["max-age=3600; includeSubDomains"])
        }
    }

    @Test(arguments: [
        ("true", "api.example", "https://api.example/a?b=c"), ("true", "api.example:8080", "https://api.example/a?b=c"),
        ("8443", "api.example", "https://api.example:8443/a?b=c"), ("true", "[::1]:80", "https://[::1]/a?b=c"),
    ])
    func `is where plain requests are sent`(_ redirect: String, _ host: String, _ location: String) throws {
        let origin = try Origin.ok()
        let gateway = try gateway(redirect, upstream: origin)
        let answer = try gateway.exchange("GET /a?b=c HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        #expect(answer.status == 308)
        #expect(answer["Location"] == location)
        #expect(origin.requests.isEmpty)
    }

    @Test(arguments: [
        "evil.example/", "api.example@evil.example", "evil.example#", "evil.example?", "a b", "\"><script>", "evil.example\\", "a:b:c",
    ])
    func `is no way to where a hostile Host points`(_ host: String) throws {
        let answer = try gateway("true", upstream: .ok()).exchange("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        #expect(answer.status == 400)
        #expect(!answer.has("Location"))
    }

    private func gateway(_ redirect: String, upstream: Origin) throws -> Gateway {
        try Gateway(
            "listeners: [ { address: \"127.0.0.1:0\", redirect_to_https: \(redirect) } ]\n" + openToAll, upstream: upstream)
    }
}
