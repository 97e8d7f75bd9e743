import ArgumentParser
import Bytes
import Glibc

/// The token that a command is given: as an argument, or better, where `ps` does not show it, on standard input.
struct TokenArgument: ParsableArguments {
    @Argument(help: "The token; - or nothing reads it from standard input, where no list of processes shows it.")
    var token: String?

    private static let bytesMax = 1 << 20

    /// White space around it is dropped, as is the word Bearer before it.
    func read() throws -> [UInt8] { try Self.read(token ?? "-") }

    /// - Parameter token: `-` for standard input.
    static func read(_ token: String) throws -> [UInt8] {
        try extract(token == "-" ? try FileContents.standardInput(bytesMax: bytesMax) : Array(token.utf8))
    }

    /// - Parameter file: `-` for standard input.
    static func read(file: String) throws -> [UInt8] {
        try extract(file == "-" ? try FileContents.standardInput(bytesMax: bytesMax) : try FileContents(path: file, bytesMax: bytesMax).bytes)
    }

    private static func extract(_ bytes: [UInt8]) throws -> [UInt8] {
        var text = ArraySlice(bytes)
        trim(&text)
        let scheme = Array("bearer ".utf8)
        if text.prefix(scheme.count).map(\.asciiLowercased) == scheme {
            text = text.dropFirst(scheme.count)
            trim(&text)
        }
        guard !text.isEmpty else { throw CommandFailure("there is no token", status: ExitStatus.dataError) }
        return Array(text)
    }

    private static func trim(_ text: inout ArraySlice<UInt8>) {
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text = text.dropLast() }
    }
}

/// What the environment says under a name; nil when it says nothing.
func environmentVariable(_ name: String) -> [UInt8]? {
    getenv(name).map { Array(String(cString: $0).utf8) }
}

/// Seconds since 1970, as tokens count them.
func currentTime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec)
}

/// Text of strangers, made fit for a terminal: no control characters, nothing that changes the direction of writing.
func printable(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
        default: result.append(scalar)
        }
    }
    return String(result)
}
