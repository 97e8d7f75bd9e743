import Testing

@Suite("slidegate token")
struct TokenTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    func mint(_ arguments: String...) throws -> String {
        let program = try Program(["token", "mint"] + arguments)
        #expect(program.status == 0, "\(program.errors)")
        return program.output
    }

    @Test func `what is minted verifies with the same key, and with no other`() throws {
        let file = try directory.write("a", secret)
        let other = try directory.write("b", String(secret.reversed()))
        let token = try mint("--secret-file", file, "--subject", "alice")
        #expect(try Program(["token", "verify", "--secret-file", file], input: token).status == 0)
        let refused = try Program(["token", "verify", "--secret-file", other], input: token)
        #expect(refused.status == 1)
        #expect(refused.output == "")
        #expect(refused.errors == "slidegate: token refused: token_invalid (bad_signature): the signature is not valid\n")
    }

    @Test func `a token may be an argument, a dash or standard input, with white space and Bearer before it`() throws {
        let file = try directory.write("a", secret)
        let token = try mint("--secret-file", file).split(separator: "\n").joined()
        #expect(try Program(["token", "verify", "--secret-file", file, token]).status == 0)
        #expect(try Program(["token", "verify", "--secret-file", file, "-"], input: token).status == 0)
        #expect(try Program(["token", "verify", "--secret-file", file], input: " \r\n\(token)\r\n").status == 0)
        #expect(try Program(["token", "verify", "--secret-file", file], input: "Bearer \(token)\n").status == 0)
        #expect(try Program(["token", "verify", "--secret-file", file], input: "\n").status == 65)
        #expect(try Program(["token", "verify", "--secret-file", file], input: "\(token) \(token)").status == 1)
    }

    @Test func `time is an argument: a token is good up to its end, that instant excluded`() throws {
        let file = try directory.write("a", secret)
        let token = try mint("--secret-file", file, "--now", "1000", "--lifetime", "10m")
        let verify = ["token", "verify", "--secret-file", file, "--quiet", "--now"]
        #expect(try Program(verify + ["1000"], input: token).status == 0)
        #expect(try Program(verify + ["1599"], input: token).status == 0)
        #expect(try Program(verify + ["1600"], input: token).status == 1)
        #expect(try Program(verify + ["1600", "--leeway", "1s"], input: token).status == 0)
        #expect(try Program(verify + ["999"], input: token).status == 1)
    }

    @Test func `issuer and audience are those of the configuration, or those asked for`() throws {
        let file = try directory.sample("tokens: { issuer: [ a, b ], audience: [ x ] }")
        let token = try mint("--config", file)
        #expect(try Program(["token", "verify", "--config", file], input: token).status == 0)
        #expect(try Program(["token", "verify", "--config", file, "--issuer", "b"], input: token).status == 1)
        #expect(try Program(["token", "verify", "--config", file, "--audience", "y"], input: token).status == 1)
        let other = try mint("--config", file, "--issuer", "c")
        #expect(try Program(["token", "verify", "--config", file], input: other).status == 1)
    }

    @Test func `with a configuration verify tells when the token slides`() throws {
        let file = try directory.sample()
        let token = try mint("--config", file, "--now", "1000000", "--lifetime", "30m")
        let early = try Program(["token", "verify", "--config", file, "--now", "1000000"], input: token)
        #expect(early.output.contains("renewal      due 1970-01-12T14:06:40Z, in 20m"))
        #expect(early.output.contains("session ends 1970-01-13T01:46:40Z, in 12h"))
        let due = try Program(["token", "verify", "--config", file, "--now", "1001200"], input: token)
        #expect(due.output.contains("due now; its successor ends 1970-01-12T14:36:40Z, in 30m"))
    }

    @Test func `claims are given as text, as JSON and as an object, later ones prevail`() throws {
        let file = try directory.write("a", secret)
        let token = try mint(
            "--secret-file", file, "--now", "5", "--subject", "a\"b\\c\n\u{1}é", "--claims", #"{"scope":"r w","n":12345678901234567890,"sub2":1}"#,
            "--claim", "role=admin", "--claim", "level=3", "--claim", #"list=["a",{"b":null}]"#, "--claim", "sub2=x=y",
            "--claim", "jti=fixed", "--claim", "bad={")
        let json = try Program(["token", "inspect", "--json"], input: token)
        #expect(json.status == 0)
        #expect(
            json.output
                == #"{"header":{"alg":"HS256","typ":"JWT"},"claims":{"sub":"a\"b\\c\u000a\u0001é","scope":"r w","#
                + #""n":12345678901234567890,"sub2":"x=y","role":"admin","level":3,"list":["a",{"b":null}],"jti":"fixed","#
                + #""bad":"{","iat":5,"exp":905}}"# + "\n")
    }

    @Test func `a claim's value cannot smuggle in another member`() throws {
        let file = try directory.write("a", secret)
        let token = try mint("--secret-file", file, "--claim", #"a=1,"admin":true"#, "--claim", "jti=j", "--now", "5")
        let json = try Program(["token", "inspect", "--json"], input: token)
        #expect(json.output.contains(#""a":"1,\"admin\":true""#))
    }

    @Test func `two tokens of one second differ by their jti`() throws {
        let file = try directory.write("a", secret)
        #expect(try mint("--secret-file", file, "--now", "5") != mint("--secret-file", file, "--now", "5"))
    }

    @Test func `inspect says first that nothing was verified, and never that a token is good`() throws {
        let file = try directory.write("a", secret)
        let token = try mint("--secret-file", file, "--now", "86400", "--lifetime", "1h")
        let program = try Program(["token", "inspect", "--now", "90000"], input: token)
        #expect(program.status == 0)
        #expect(program.output.hasPrefix("NOT VERIFIED."))
        #expect(program.output.contains("(1970-01-02T01:00:00Z, now)"))
        #expect(program.output.contains("(1970-01-02T00:00:00Z, 1h ago)"))
        #expect(program.output.contains("32 bytes, not checked"))
    }

    @Test func `inspect shows a token that says none, and verify refuses it`() throws {
        let file = try directory.write("a", secret)
        let none = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9."
        #expect(try Program(["token", "inspect"], input: none).output.contains("\"none\""))
        #expect(try Program(["token", "verify", "--secret-file", file], input: none).status == 1)
    }

    @Test(arguments: ["abc", "a.b", "a.b.c.d.e", "!.!.!", "e30.e30.", "eyJhbGciOiJIUzI1NiJ9.W10.AA"])
    func `inspect refuses what is no token`(_ text: String) throws {
        let program = try Program(["token", "inspect"], input: text)
        #expect(program.status == 65)
        #expect(program.output == "")
        #expect(program.errors.hasPrefix("slidegate: this is no token: "))
    }

    @Test func `a claim cannot write control sequences to the terminal`() throws {
        let file = try directory.write("a", secret)
        let token = try mint("--secret-file", file, "--subject", "\u{9B}31m\u{202E}x", "--claim", "\u{200B}n=1")
        for arguments in [["token", "inspect"], ["token", "verify", "--secret-file", file]] {
            let output = try Program(arguments, input: token).output
            #expect(output.unicodeScalars.allSatisfy { ![0x9B, 0x202E, 0x200B].contains($0.value) })
        }
    }

    @Test(arguments: [
        ["token", "verify"], ["token", "verify", "--secret-file", "a", "--key-file", "b"],
        ["token", "verify", "--config", "a", "--algorithm", "HS256"], ["token", "verify", "--key-file", "a", "--encoding", "hex"],
        ["token", "mint", "--secret-file", "a", "--algorithm", "none"], ["token", "mint", "--secret-file", "a", "--lifetime", "10"],
        ["token", "mint", "--secret-file", "a", "--lifetime", "100ms"], ["token", "frobnicate"],
    ])
    func `a command line that makes no sense is told so`(_ arguments: [String]) throws {
        let program = try Program(arguments)
        #expect(program.status == 64)
        #expect(!program.errors.isEmpty)
    }

    @Test func `keys that cannot be used exit with a data error, files that cannot be read with no input`() throws {
        let short = try directory.write("short", "short")
        #expect(try Program(["token", "mint", "--secret-file", short]).status == 65)
        #expect(try Program(["token", "mint", "--secret-file", directory.path("none")]).status == 66)
        #expect(try Program(["token", "mint", "--secret-env", "SLIDEGATE_NONE"]).status == 66)
        #expect(try Program(["token", "mint", "--secret-file", short, "--claims", "[]"]).status == 65)
    }
}
