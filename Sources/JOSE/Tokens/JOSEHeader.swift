import Bytes

/// The header of a token (RFC 7515 §4), its form checked and nothing in it believed.
package final class JOSEHeader: Sendable {
    package let parameters: JSONObject
    /// Nil: `alg` names something that this program does not know, or `none`.
    package let algorithm: Algorithm?
    /// `kid`, unescaped; nil when the header has none.
    package let keyID: [UInt8]?

    /// - Throws: when a parameter that this program understands is missing or of the wrong type.
    init(parameters: JSONObject) throws(TokenRefusal) {
        guard let algorithm = parameters.member(.algorithm) else { throw .missingMember(.algorithm) }
        guard algorithm.kind == .string else { throw .wrongType(.algorithm) }
        self.algorithm = parameters.string(of: algorithm).flatMap(Algorithm.init(rawValue:))
        if let member = parameters.member(.keyID) {
            guard let keyID = parameters.withString(of: member, { Array(copying: $0) }) else { throw .wrongType(.keyID) }
            self.keyID = keyID
        } else {
            keyID = nil
        }
        self.parameters = parameters
    }
}
