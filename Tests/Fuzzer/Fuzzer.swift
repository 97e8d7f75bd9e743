import CLibFuzzer
import Foundation
import FuzzTargets

/// Runs one target on inputs that libFuzzer makes up. `deploy/fuzz` builds and calls it:
///
///     Fuzzer list
///     Fuzzer seeds TARGET DIRECTORY
///     Fuzzer TARGET [ARGUMENT OF LIBFUZZER ...]
@main
enum Fuzzer {
    // Set once, before libFuzzer calls back; it has one thread.
    nonisolated(unsafe) private static var target = FuzzTarget.all[0]

    static func main() throws {
        let arguments = CommandLine.arguments
        switch arguments.dropFirst().first {
        case "list":
            for target in FuzzTarget.all { print(target.name) }
        case "seeds" where arguments.count == 4:
            try writeSeeds(of: named(arguments[2]), to: URL(filePath: arguments[3]))
        case let name?:
            target = named(name)
            fuzz(arguments)
        case nil:
            fail("Fuzzer list | Fuzzer seeds TARGET DIRECTORY | Fuzzer TARGET [ARGUMENT OF LIBFUZZER ...]")
        }
    }

    private static func named(_ name: String) -> FuzzTarget {
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            fail("no target \"\(name)\"; there are \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        }
        return target
    }

    private static func writeSeeds(of target: FuzzTarget, to directory: URL) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (index, seed) in try target.seeds().enumerated() {
            try Data(seed).write(to: directory.appending(path: "seed-\(index)"))
        }
    }

    /// libFuzzer takes the name for a program's own argument only if it looks like one, so it is left out.
    private static func fuzz(_ arguments: [String]) -> Never {
        var rest = ([arguments[0]] + arguments.dropFirst(2)).map { strdup($0) } + [nil]
        var count = CInt(rest.count - 1)
        let status = rest.withUnsafeMutableBufferPointer { pointers in
            var start = pointers.baseAddress
            return LLVMFuzzerRunDriver(&count, &start, runOne)
        }
        exit(status)
    }

    private static let runOne: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt = { bytes, count in
        // libFuzzer lends `count` bytes for this call.
        let input = Array(UnsafeBufferPointer(start: bytes, count: count))
        do {
            try Fuzzer.target.check(input)
        } catch {
            fatalError("\(Fuzzer.target.name): \(error)")
        }
        return 0
    }

    private static func fail(_ text: String) -> Never {
        FileHandle.standardError.write(Data("Fuzzer: \(text)\n".utf8))
        exit(2)
    }
}
