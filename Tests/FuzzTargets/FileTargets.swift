import Bytes
import Configuration
import JOSE
import Signatures

extension FuzzTarget {
    /// A configuration file. Whatever is wrong with it, it is said with a place, on one line, and the same each time.
    static let configuration = FuzzTarget(name: "configuration", seeds: { try FileSeeds.examples() }) {
        (input) throws(Violation) in
        let text = String(decoding: input, as: UTF8.self)
        let first = Result { () throws(ConfigurationRefusal) in try Configuration(yaml: text, file: "f") }
        let second = Result { () throws(ConfigurationRefusal) in try Configuration(yaml: text, file: "f") }
        try promise("read otherwise the second time", first == second)
        let lineCount = text.unicodeScalars.count + 1
        switch first {
        case .success(let configuration):
            try promise("nowhere to listen", !configuration.listeners.isEmpty)
            try promise("nothing to serve", !configuration.routes.isEmpty && !configuration.upstreams.isEmpty)
            try promise("an error among the warnings", configuration.warnings.allSatisfy { $0.severity == .warning })
            if configuration.sliding != nil { try promise("sliding without a signing key", configuration.signingKey != nil) }
            try checkDiagnostics(configuration.warnings, lineCount: lineCount)
        case .failure(let refusal):
            try promise("refused without an error", refusal.diagnostics.contains { $0.severity == .error })
            try checkDiagnostics(refusal.diagnostics, lineCount: lineCount)
        }
    }

    private static func checkDiagnostics(_ diagnostics: [Diagnostic], lineCount: Int) throws(Violation) {
        for diagnostic in diagnostics {
            let line = diagnostic.line(file: "f")
            try promise("a place is outside of the file: \(line)", 0...lineCount ~= diagnostic.place.line)
            try promise("half a place: \(line)", (diagnostic.place.line > 0) == (diagnostic.place.column > 0))
            try promise("nothing is said", !diagnostic.message.isEmpty)
            try promise(
                "more than a line: \(line.debugDescription)", !line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
        }
    }

    /// A JWK set, as it is fetched from an issuer. Each key that is taken can be used.
    static let keySet = FuzzTarget(name: "key-set", seeds: { FileSeeds.keySets }) { (input) throws(Violation) in
        guard let keys = try? Key.keys(jwkSet: input) else { return }
        try promise("an empty set is taken", !keys.isEmpty)
        for key in keys {
            guard let verifier = try? key.makeVerifier() else { throw Violation("a key that was taken has no verifier") }
            try promise("another algorithm", verifier.algorithm == key.algorithm)
            _ = verifier.isValid(signature: input.span, over: input.span)
            guard key.isPrivate else { continue }
            guard let signature = try? key.makeSigner().sign(input.span) else { throw Violation("a private key does not sign") }
            try promise("its own signature is not valid", verifier.isValid(signature: signature.span, over: input.span))
        }
    }
}
