/// A reader of bytes from anyone, and what must hold of it whatever the bytes are.
///
/// That it does not trap and reads nothing that is not its own is the sanitizers' and the runtime's affair; a target states
/// more than that. The same targets are run by `Tests/Fuzzer` on inputs that libFuzzer makes up, and by `Tests/FuzzTests`
/// on the seeds, on what once failed, and on damaged copies of both.
package struct FuzzTarget: Sendable {
    /// What `deploy/fuzz` calls it.
    package let name: String
    /// Inputs worth starting from.
    package let seeds: @Sendable () throws -> [[UInt8]]
    /// Runs the reader on `input` and throws for what must not be.
    package let check: @Sendable (_ input: [UInt8]) throws(Violation) -> Void

    package static let all = [
        requests, responses, chunkedContent, token, succession, keySet, configuration, proxyHeader, forwarded, webSocket, path,
        endpointContent, loginAnswer, decision,
        refreshToken, sessionText,
    ]
}

/// A promise that was not kept, in one sentence.
package struct Violation: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// - Throws: when `isKept` is false.
func promise(_ sentence: @autoclosure () -> String, _ isKept: Bool) throws(Violation) {
    guard isKept else { throw Violation(sentence()) }
}
