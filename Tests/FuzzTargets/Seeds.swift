import Bytes
import Foundation
import JOSE

/// Files of this repository, found from where this one is.
private func repositoryFile(_ path: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../\(path)").standardizedFileURL
}

/// The bytes of the wire cases that `HTTP1Tests` holds the parsers to.
enum WireSeeds {
    static func read(_ file: String) throws -> [[UInt8]] {
        let text = try String(contentsOf: repositoryFile("Tests/HTTP1Tests/Wire/\(file)"), encoding: .utf8)
        var seeds: [[UInt8]] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("-- ") { seeds.append([]) }
            if line.hasPrefix("> ") { seeds[seeds.count - 1] += unescaped(line.dropFirst(2)) }
        }
        return seeds.filter { !$0.isEmpty }
    }

    /// `\r`, `\n`, `\t`, `\\` and `\xNN` as the bytes that they stand for.
    private static func unescaped(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch escape {
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "x"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: bytes.append(escape)
            }
        }
        return bytes
    }
}

enum TokenSeeds {
    private static let headers = [
        #"{"alg":"HS256","typ":"JWT"}"#, #"{"typ":"at+jwt","alg":"ES256","kid":"a"}"#, #"{"kid":"\u0061","alg":"EdDSA","crit":["b64"]}"#,
        #"{"alg":"none"}"#,
    ]
    private static let claims = [
        #"{"iss":"i","iat":1699999000,"exp":1700003600,"jti":"j0","sub":"u","aud":["a","b"]}"#,
        #"{"exp":1700003600,"auth_time":5}"#,
        #"{"sid":"mine","orig_iat":7,"nbf":9,"iat":8,"exp":1700003600,"jti":"j0"}"#,
        "{ \"n\" : 123456789012345678901234567890 ,\r\n\t\"\\u0065xp\" : 1700003600 , \"a\\u0062\\/\":\"\\u00e9\\ud83d\\ude00é\", \"f\":1.50E+01,\"x\":{ \"exp\" : [true,false,null,{}] } }",
        #"{"exp":1700000000}"#, #"{"exp":253402300800}"#, #"{"exp":-0}"#, "{}",
    ]

    static let compact = headers.flatMap { header in
        claims.map { [header, $0].map { Base64URL.string(Array($0.utf8).span) }.joined(separator: ".") + ".AQID" }
    }.map { Array($0.utf8) }

    static let succession = headers.dropLast().flatMap { header in claims.map { Array("\(header)\0\($0)".utf8) } }
}

enum EdgeSeeds {
    private static let signature = "\r\n\r\n\0\r\nQUIT\n"

    static let proxyHeaders: [[UInt8]] =
        [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 65535\r\nGET / HTTP/1.1\r\n",
            "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "PROXY UNKNOWN\r\n",
        ].map { Array($0.utf8) }
        + [
            [0x20, 0x00, 0, 0],
            [0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 4, 1, 0xBB],
            [0x21, 0x11, 0, 17, 192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 4, 1, 0xBB, 4, 0, 2, 0, 0],
            [0x21, 0x11, 0, 19, 192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 4, 1, 0xBB, 3, 0, 4, 1, 2, 3, 4],
            [0x21, 0x21, 0, 36] + [UInt8](repeating: 0x20, count: 36),
            [0x21, 0x31, 0, 216] + [UInt8](repeating: 0x2F, count: 216),
        ].map { Array(signature.utf8) + $0 }

    static let forwarded = [
        "192.0.2.1", "192.0.2.1, 2001:db8::1 ,198.51.100.1:80, [2001:db8::2]:443, unknown",
        "for=192.0.2.1;proto=https;by=203.0.113.43, for=\"[2001:db8::1]:47\";host=\"a\\\"b\"", "For=unknown;HOST=a, for=_hidden",
        "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8", "fe80::", ",,,", "for=\"",
    ].map { Array($0.utf8) }

    static let frames: [[UInt8]] = [
        [0x81, 5] + Array("Hello".utf8), [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
        [0x01, 3, 0x48, 0x65, 0x6C, 0x89, 0, 0x80, 2, 0x6C, 0x6F], [0x88, 2, 0x03, 0xE8], [0x88, 0x82, 1, 2, 3, 4, 2, 0xEA],
        [0x82, 126, 0, 130] + [UInt8](repeating: 7, count: 130), [0x82, 127, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 0x88, 0],
        [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1],
    ]

    static let paths = [
        "/", "", "/a/b/../c/./d", "/a//b", "/%7Euser/%41%2f%5c", "/a/..;/b", "/a/%2e%2e/b", "/%C0%AF", "/%E0%80%AF", "/%F0%80%80%AF", "/a%00",
        "/..", "/a%3B/.", "*", "/a/b/c/../../..", "/%e2%82%ac", "/.%3b", "/a.b/..c/...",
    ].map { Array($0.utf8) }
}

enum FileSeeds {
    /// The examples that operators start from, and small files: of a few long ones little would be mutated.
    static func examples() throws -> [[UInt8]] {
        let names = try FileManager.default.contentsOfDirectory(atPath: repositoryFile("deploy/examples").path)
        let files = try names.filter { $0.hasSuffix(".yaml") }.sorted().map {
            Array(try Data(contentsOf: repositoryFile("deploy/examples/\($0)")))
        }
        return files + small.map { Array($0.utf8) }
    }

    private static let small = [
        "listen: 8080\nupstream: http://127.0.0.1:9000\nkeys:\n  - { algorithm: HS256, secret_env: KEY }\n",
        "listen: 8080\nupstream: http://127.0.0.1:9000\nroutes:\n  - { path: /, auth: none }\n",
        "a: &a [1, *a]\n", "{", "- - -\n", "a: b\na: c\n", "\u{FEFF}listen: ~\n", "? [a]\n: b\n", "!!map {a: b}\n", "%YAML 1.2\n---\na: |\n  b\n...\n",
    ]

    /// The keys of RFC 7517 A.1 and A.3 and of RFC 8037 A.1 and A.2.
    static let keySets = [
        #"{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"}]}"#,
        #"{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}"#,
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        #"{"keys":[{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#,
        #"{"keys":[{},{"kty":"oct"},{"kty":"EC","crv":"P-256","x":"","y":""}]}"#,
    ].map { Array($0.utf8) }
}
