import Foundation
import Testing

@Suite("slidegate keys generate")
struct KeysTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    static let algorithms = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ]

    func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test(arguments: algorithms)
    func `what is generated signs and verifies, in its own form and as a JWK`(_ algorithm: String) throws {
        let isSecret = algorithm.hasPrefix("HS")
        for format in [isSecret ? "secret" : "pem", "jwk"] {
            let file = directory.path("\(format).key")
            let made = try Program(
                ["keys", "generate", "--algorithm", algorithm, "--format", format, "--bits", "2048", "--out", file])
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.output == "")
            #expect(try mode(file) == 0o600)
            let key = [format == "secret" ? "--secret-file" : "--key-file", file, "--algorithm", algorithm]
            let token = try Program(["token", "mint"] + key)
            #expect(token.status == 0, "\(token.errors)")
            #expect(try Program(["token", "verify"] + key, input: token.output).status == 0)
        }
    }

    @Test(arguments: ["RS256", "PS384", "ES512", "EdDSA"])
    func `the public half verifies and cannot sign`(_ algorithm: String) throws {
        for format in ["pem", "jwk"] {
            let (file, half) = (directory.path("\(format).key"), directory.path("\(format).pub"))
            let made = try Program([
                "keys", "generate", "--algorithm", algorithm, "--format", format, "--bits", "2048", "--out", file, "--public-out", half,
            ])
            #expect(made.status == 0, "\(made.errors)")
            #expect(try mode(half) == 0o644)
            let token = try Program(["token", "mint", "--key-file", file, "--algorithm", algorithm]).output
            #expect(try Program(["token", "verify", "--key-file", half, "--algorithm", algorithm], input: token).status == 0)
            #expect(try Program(["token", "mint", "--key-file", half, "--algorithm", algorithm]).status == 65)
            // A set of it verifies too, and the configuration takes it.
            if format == "jwk" {
                let jwk = try String(contentsOfFile: half, encoding: .utf8)
                let set = try directory.write("set.json", "{\"keys\":[\(jwk)]}")
                #expect(try Program(["token", "verify", "--key-file", set], input: token).status == 0)
                let file = try directory.write(
                    "c.yaml", "listen: a:1\nupstream: a:1\nkeys: [ { jwks_file: set.json, algorithms: [ \(algorithm) ] } ]\n")
                #expect(try Program(["token", "verify", "--config", file], input: token).status == 0)
            }
        }
    }

    @Test func `a file that is there already is never touched, and no half pair is left`() throws {
        let file = try directory.write("key", "precious")
        let program = try Program(["keys", "generate", "--algorithm", "HS256", "--out", file])
        #expect(program.status == 73)
        #expect(program.errors.hasPrefix("slidegate: cannot write \(file): "))
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
        let pair = try Program(["keys", "generate", "--algorithm", "EdDSA", "--out", directory.path("new"), "--public-out", file])
        #expect(pair.status == 73)
        #expect(!FileManager.default.fileExists(atPath: directory.path("new")))
    }

    @Test func `without a file the key goes to standard output, and no two are alike`() throws {
        let one = try Program(["keys", "generate", "--algorithm", "HS512"]).output
        let two = try Program(["keys", "generate", "--algorithm", "HS512"]).output
        #expect(one.utf8.count == 87)
        #expect(one != two)
        #expect(try Program(["keys", "generate", "--algorithm", "EdDSA"]).output.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        let jwk = try Program(["keys", "generate", "--algorithm", "ES256", "--format", "jwk", "--id", "k1"]).output
        #expect(jwk.contains("\"kid\":\"k1\""))
        #expect(jwk.contains("\"d\":"))
    }

    @Test(arguments: [
        ["--algorithm", "none"], ["--algorithm", "HS256", "--format", "pem"], ["--algorithm", "HS256", "--public-out", "x"],
        ["--algorithm", "EdDSA", "--format", "secret"], ["--algorithm", "RS256", "--bits", "1024"], ["--algorithm", "ES256", "--id", "x"], [],
    ])
    func `what makes no sense is told so`(_ arguments: [String]) throws {
        #expect(try Program(["keys", "generate"] + arguments).status == 64)
    }

    @Test func `the key of a configuration signs with what was generated for it`() throws {
        let made = try Program(["keys", "generate", "--algorithm", "HS256", "--out", directory.path("jwt.secret")])
        #expect(made.status == 0)
        let file = try directory.write(
            "c.yaml",
            "listen: a:1\nupstream: a:1\nkey: { algorithm: HS256, secret_file: jwt.secret }\nsliding: { buffer: 10m }\n")
        #expect(try Program(["check", "--strict", "--quiet", file]).status == 0)
    }
}
