import Bytes
@testable import JOSE
import Testing

@Suite("JSON objects (RFC 8259, RFC 7493, RFC 7515 §4)")
struct JSONObjectTests {
    private func failure(_ json: String, limits: TokenLimits = TokenLimits()) -> JSONError? { failure(Array(json.utf8), limits: limits) }

    private func failure(_ json: [UInt8], limits: TokenLimits = TokenLimits()) -> JSONError? {
        do {
            _ = try JSONObject(parsing: json, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "{}", " \t\r\n{ \n} ", #"{"":0}"#, #"{"a":-0.5e+10,"b":1E2,"c":0,"d":-0,"e":12345678901234567890123}"#,
        #"{"a":[],"b":[1,"x",null,true,false,{}],"c":{"d":{"e":[[]]}}}"#, #"{"a":"\"\\\/\b\f\n\r\tA\ud83d\ude00"}"#,
        #"{"é":"ü€😀"}"#, #"{"a" : 1 , "b" : [ 1 , 2 ] }"#, #"{"long name above eight bytes":"and a long value behind it, too"}"#,
    ])
    func `well-formed objects are read`(_ json: String) { #expect(failure(json) == nil) }

    @Test(arguments: [
        ("", JSONError.notAnObject), ("[]", .notAnObject), ("1", .notAnObject), (#""a""#, .notAnObject), ("null", .notAnObject),
        ("\u{FEFF}{}", .notAnObject), ("{", .truncated), (#"{"a"#, .truncated), (#"{"a""#, .truncated), (#"{"a":"#, .truncated),
        (#"{"a":1"#, .truncated), (#"{"a":[1"#, .truncated), (#"{"a":tru"#, .truncated), ("{}{}", .trailingBytes),
        ("{} x", .trailingBytes), ("{}\u{0}", .trailingBytes), (#"{"a":1,}"#, .syntax), (#"{,"a":1}"#, .syntax), (#"{"a":1 "b":2}"#, .syntax),
        (#"{"a" 1}"#, .syntax), ("{a:1}", .syntax), ("{'a':1}", .syntax), (#"{"a":[1,]}"#, .syntax), (#"{"a":[,1]}"#, .syntax),
        (#"{"a":}"#, .syntax), (#"{"a":True}"#, .syntax), (#"{"a":nul1}"#, .syntax), (#"{"a":NaN}"#, .syntax),
        (#"{"a":Infinity}"#, .syntax), (#"{"a":undefined}"#, .syntax), (#"{"a":/**/1}"#, .syntax), (#"{"a":.5}"#, .syntax),
        (#"{"a":+1}"#, .syntax), (#"{"a":01}"#, .badNumber), (#"{"a":-01}"#, .badNumber), (#"{"a":00}"#, .badNumber),
        (#"{"a":1.}"#, .badNumber), (#"{"a":1.e1}"#, .badNumber), (#"{"a":1e}"#, .badNumber), (#"{"a":1e+}"#, .badNumber),
        (#"{"a":-}"#, .badNumber), (#"{"a":-"#, .badNumber), (#"{"a":0x10}"#, .syntax), (#"{"a":1_000}"#, .syntax),
        ("{\"a\":\"\n\"}", .badString), ("{\"a\u{1F}\":1}", .badString), ("{\"a\":\"\u{0}\"}", .badString), (#"{"a":"\x"}"#, .badString),
        (#"{"a":"\u12g4"}"#, .badString), (#"{"a":"\u12"}"#, .badString), (#"{"a":"\U0041"}"#, .badString), (#"{"a":"\'"}"#, .badString),
        (#"{"a":"\ud800"}"#, .notUTF8), (#"{"a":"\ud800x"}"#, .notUTF8), (#"{"a":"\udc00"}"#, .notUTF8),
        (#"{"a":"\ud800\ud800"}"#, .notUTF8), (#"{"a":"\ud800A"}"#, .notUTF8), (#"{"a":"\"#, .truncated),
        (#"{"a":1}}"#, .trailingBytes), (#"{"a":1]"#, .syntax), (#"{"a":[1}"#, .syntax),
    ])
    func `what is not one well-formed object is refused`(_ json: String, _ expected: JSONError) {
        #expect(failure(json) == expected)
    }

    @Test(arguments: [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
        [0xED, 0xBF, 0xBF], [0xE2, 0x82], [0xE2, 0x82, 0x20], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
        [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xFE], [0xFF],
    ] as [[UInt8]])
    func `ill-formed UTF-8 is refused in names and values (RFC 3629 §4)`(_ bytes: [UInt8]) {
        #expect(failure(Array(#"{"a":"x"#.utf8) + bytes + Array(#""}"#.utf8)) != nil)
        #expect(failure(Array(#"{"x"#.utf8) + bytes + Array(#"":1}"#.utf8)) != nil)
        #expect(failure(Array(#"{"a":"x"#.utf8) + bytes) != nil)
    }

    @Test(arguments: [
        #"{"a":1,"a":2}"#, #"{"a":1,"b":2,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"\u0061":1,"a":2}"#, #"{"x":{"a":1,"a":2}}"#,
        #"{"x":[{"a":1,"a":2}]}"#, #"{"":1,"":2}"#, #"{"a long name, twice":1,"a long name, twice":2}"#,
        #"{"a long name, twice":1,"a long name\u002C twice":2}"#, #"{"é":1,"\u00e9":2}"#, #"{"😀":1,"\uD83D\uDE00":2}"#,
    ])
    func `a member name that occurs twice is refused, escaped or not, at any depth`(_ json: String) {
        #expect(failure(json) == .duplicateMember)
    }

    @Test(arguments: [
        #"{"a":1,"A":2}"#, #"{"a":{"a":{"a":1}}}"#, #"{"x":[{"a":1},{"a":2}]}"#, #"{"exp":1,"exp\u0000":2}"#, #"{"12345678a":1,"12345678b":2}"#,
        "{\"\u{E9}\":1,\"e\u{301}\":2}",
    ])
    func `names that differ, or belong to different objects, are no duplicates`(_ json: String) {
        #expect(failure(json) == nil)
    }

    @Test func `nesting is bounded, objects and arrays alike`() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            #"{"a":"# + String(repeating: open, count: depth - 1) + "1" + String(repeating: close, count: depth - 1) + "}"
        }
        let limits = TokenLimits(nestingMax: 4)
        #expect(failure(nested(4, "[", "]"), limits: limits) == nil)
        #expect(failure(nested(5, "[", "]"), limits: limits) == .tooDeep)
        #expect(failure(nested(4, #"{"a":"#, "}"), limits: limits) == nil)
        #expect(failure(nested(5, #"{"a":"#, "}"), limits: limits) == .tooDeep)
        #expect(failure(String(repeating: #"{"a":"#, count: 100_000)) == .tooDeep)
        #expect(failure(#"{"a":"# + String(repeating: "[", count: 100_000)) == .tooDeep)
    }

    @Test func `the members of one object are bounded`() {
        func members(_ count: Int) -> String { "{" + (0..<count).map { #""m\#($0)":0"# }.joined(separator: ",") + "}" }
        #expect(failure(members(128)) == nil)
        #expect(failure(members(129)) == .tooManyMembers)
        #expect(failure(#"{"a":"# + members(129) + "}") == .tooManyMembers)
    }

    @Test func `a text cut short anywhere is refused, and never read beyond`() {
        let json = Array(#"{"name":"va\u00e9lue é😀","n":-12.5e3,"o":{"x":[1,true,null]}}"#.utf8)
        #expect(failure(json) == nil)
        for count in 0..<json.count { #expect(failure(Array(json[..<count])) != nil) }
    }

    @Test func `random bytes never trap`() {
        var random = SeededGenerator(seed: 2)
        let pieces = Array(#"{}[]:,"\u0eE+-.19 tfn"#.utf8) + [0xC3, 0xA9, 0xF0, 0xED, 0x00]
        for _ in 0..<20_000 {
            let body = (0..<Int.random(in: 0..<40, using: &random)).map { _ in pieces.randomElement(using: &random)! }
            _ = failure([UInt8(ascii: "{")] + body)
        }
    }
}

@Suite("Reading members")
struct JSONMemberTests {
    private let object = try! JSONObject(
        parsing: Array(
            #"{"a":"x","esc":"\u0041\n\ud83d\ude00","n":-42,"big":123456789012345678901,"f":1.5,"t":true,"no":false,"z":null,"l":["a","b\u0063"],"m":["a",1],"e":[],"a name of many bytes":1,"\u006bey":2}"#
                .utf8))

    @Test func `members are found by their unescaped names`() {
        #expect(object.contains("a"))
        #expect(object.contains("a name of many bytes"))
        #expect(object.contains("key"))
        #expect(!object.contains("\\u006bey"))
        #expect(!object.contains("a name of many byteS"))
        #expect(!object.contains("A"))
        #expect(!object.contains(""))
        #expect(object.member(named: "key").map(object.name(of:)) == "key")
    }

    @Test func `strings are unescaped, and other values are no strings`() {
        #expect(object.string(named: "a") == "x")
        #expect(object.string(named: "esc") == "A\n😀")
        #expect(object.string(named: "n") == nil)
        #expect(object.string(named: "absent") == nil)
    }

    @Test func `a string or an array of strings is read as strings`() {
        #expect(object.strings(named: "a") == ["x"])
        #expect(object.strings(named: "l") == ["a", "bc"])
        #expect(object.strings(named: "e") == [])
        #expect(object.strings(named: "m") == nil)
        #expect(object.strings(named: "n") == nil)
    }

    @Test func `integers are exact or not integers`() {
        #expect(object.integer(named: "n") == -42)
        #expect(object.integer(named: "big") == nil)
        #expect(object.integer(named: "f") == nil)
        #expect(object.integer(named: "a") == nil)
    }

    @Test func `true and false are booleans, null is nothing`() {
        #expect(object.member(named: "t").flatMap(object.boolean(of:)) == true)
        #expect(object.member(named: "no").flatMap(object.boolean(of:)) == false)
        #expect(object.member(named: "z").flatMap(object.boolean(of:)) == nil)
    }

    @Test(arguments: [("a", "x", true), ("a", "y", false), ("l", "bc", true), ("l", "b", false), ("m", "a", false), ("n", "-42", false)])
    func `a value is, or contains, a string`(_ name: String, _ wanted: String, _ expected: Bool) {
        let result = object.value(of: object.member(named: name)!, isOrContains: Array(wanted.utf8).span)
        #expect(result == expected)
    }

    @Test(arguments: TokenMember.allCases)
    func `known names are found by their key`(_ name: TokenMember) throws {
        let object = try JSONObject(parsing: Array(#"{"x":0,"\#(name.rawValue)":1,"\#(name.rawValue)x":2}"#.utf8))
        #expect(object.member(name).flatMap(object.integer(of:)) == 1)
        for other in TokenMember.allCases where other != name { #expect(object.member(other) == nil) }
    }

    @Test func `arrays of objects are taken apart`() throws {
        let object = try JSONObject(parsing: Array(#"{"k":[{"a":"]}"},{"b":[{"c":1}]} , {}],"m":[{},1],"e":[]}"#.utf8))
        let keys = try object.objects(of: object.member(named: "k")!)
        #expect(keys?.count == 3)
        #expect(keys?[0].string(named: "a") == "]}")
        #expect(keys?[1].contains("b") == true)
        #expect(try object.objects(of: object.member(named: "m")!) == nil)
        #expect(try object.objects(of: object.member(named: "e")!)?.isEmpty == true)
    }
}
