import Bytes
import JOSE

/// The instant of all tests that do not choose another.
let testNow = NumericDate(seconds: 1_700_000_000)

let testHeader = #"{"alg":"HS256","typ":"JWT"}"#
let testClaims = #"{"sub":"alice","iat":1699999000,"exp":1700003600}"#

/// A token with the header and claims given as text, signed with `key`.
func token(_ claims: String = testClaims, header: String = testHeader, key: TestKey = TestKey()) -> [UInt8] {
    CompactJWS.sign(header: Array(header.utf8), payload: Array(claims.utf8), signer: key)!
}

func verifier(_ keys: [TestKey] = [TestKey()], _ rules: ValidationRules = ValidationRules()) -> TokenVerifier {
    TokenVerifier(keys: KeySet(verifiers: keys), rules: rules)
}

/// What `verifier` says about `token`: nil for accepted.
func refusal(
    _ token: [UInt8], _ verifier: TokenVerifier = verifier(), now: NumericDate = testNow
) -> TokenRefusal? {
    do {
        _ = try verifier.verify(token.span, now: now)
        return nil
    } catch {
        return error
    }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A segment of a compact token, decoded.
func segment(_ index: Int, of token: [UInt8]) -> String {
    let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return text(Base64URL.decode(Array(parts[index]).span)!)
}
