import Testing

@testable import Configuration

@Suite("Durations, sizes and addresses")
struct ScalarTests {
    @Test(arguments: [
        ("250ms", 250), ("30s", 30_000), ("10m", 600_000), ("12h", 43_200_000), ("7d", 604_800_000), ("0s", 0),
        ("1h30m", 5_400_000), ("1m1ms", 60_001), ("007s", 7000),
    ])
    func `a duration is a number and a unit, or a falling sum of these`(_ text: String, _ milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "10", "s", "10 m", "-1s", "+1s", "1.5h", "10M", "1w", "1y", "30m1h", "1s1s", "99999999999s", "9999999999d", "１s", "1s ",
        "1e3s", "0x1s",
    ])
    func `anything else is no duration`(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: ["250ms", "30s", "10m", "12h", "7d", "1h30m", "1d1h1m1s1ms", "0s"])
    func `a duration is formatted as it is written`(_ text: String) throws {
        let duration = try #require(DurationText.parse(text))
        #expect(DurationText.format(duration) == text)
    }

    @Test(arguments: [("512B", 512), ("16KiB", 16_384), ("10MiB", 10_485_760), ("1GiB", 1 << 30), ("0B", 0)])
    func `a size is a number and a binary unit`(_ text: String, _ bytes: Int) {
        #expect(SizeText.parse(text) == bytes)
        #expect(SizeText.format(bytes) == text)
    }

    @Test(arguments: [("10MB", "10MiB"), ("10mb", "10MiB"), ("8k", "8KiB"), ("100", "100B"), ("1 GiB", "1GiB")])
    func `a size in another spelling is refused with the right one`(_ text: String, _ meant: String) {
        #expect(SizeText.parse(text) == nil)
        #expect(SizeText.suggestion(for: text) == meant)
    }

    @Test(arguments: ["", "KiB", "-1B", "1.5KiB", "99999999999B", "1TiB", "٣B"])
    func `anything else is no size`(_ text: String) {
        #expect(SizeText.parse(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1:8080", Endpoint(host: .ipv4("127.0.0.1"), port: 8080)),
        ("0.0.0.0:0", Endpoint(host: .ipv4("0.0.0.0"), port: 0)),
        ("[::1]:443", Endpoint(host: .ipv6("::1"), port: 443)),
        ("[::]:1", Endpoint(host: .ipv6("::"), port: 1)),
        ("[2001:DB8::1:0]:65535", Endpoint(host: .ipv6("2001:db8::1:0"), port: 65535)),
        ("[::ffff:10.0.0.1]:80", Endpoint(host: .ipv6("::ffff:10.0.0.1"), port: 80)),
        ("[1:2:3:4:5:6:7:8]:80", Endpoint(host: .ipv6("1:2:3:4:5:6:7:8"), port: 80)),
        ("localhost:8080", Endpoint(host: .name("localhost"), port: 8080)),
        ("API.internal:9", Endpoint(host: .name("api.internal"), port: 9)),
        ("my_service:9", Endpoint(host: .name("my_service"), port: 9)),
    ])
    func `an address has a host and a port`(_ text: String, _ endpoint: Endpoint) {
        #expect(EndpointText.parse(text) == .success(endpoint))
    }

    @Test(arguments: [
        "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:08", "127.0.0.1:1 ",
        " 127.0.0.1:1", "127.0.0.01:1", "256.0.0.1:1", "1.2.3:1", "1.2.3.4.5:1", "::1:80", "[::1]", "[::1]80", "[::1:80",
        "[]:80", "[:]:80", "[:::]:80", "[1::2::3]:80", "[1:2:3:4:5:6:7]:80", "[1:2:3:4:5:6:7:8:9]:80", "[12345::]:80",
        "[g::]:80", "[::1%eth0]:80", "[:1:2:3:4:5:6:7]:80", "-a:80", "a-:80", "a..b:80", "a b:80", "a/b:80", "ä:80", "*:80",
    ])
    func `anything else is no address`(_ text: String) {
        #expect(throws: EndpointText.Fault.self) { try EndpointText.parse(text).get() }
    }

    @Test(arguments: [
        ("8080", "127.0.0.1:8080"), (":8080", "127.0.0.1:8080"), ("http://127.0.0.1:9000/", "127.0.0.1:9000"),
        ("http://api", "api:80"), ("localhost", "localhost:8080"), ("[::1]", "[::1]:8080"),
    ])
    func `a near miss is answered with an address`(_ text: String, _ meant: String) {
        guard case .failure(let fault) = EndpointText.parse(text) else {
            Issue.record("accepted")
            return
        }
        #expect(fault.suggestion == meant)
    }
}
