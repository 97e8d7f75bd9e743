import COpenSSL
import Foundation

/// A compact JWS as a test sees it: made from literal JSON, taken apart into literal JSON.
struct Token {
    /// The HMAC secret of every gateway under test; 48 bytes, so that it serves HS256 and HS384.
    static let secret = Array("an example secret that no deployment may ever use".utf8.prefix(48))

    let header: String
    let claims: String
    let signature: [UInt8]
    let compact: String

    /// Signs `claims` as they stand, byte for byte.
    static func signed(
        claims: String, header: String = #"{"alg":"HS256","typ":"JWT"}"#, secret: [UInt8] = secret
    ) -> String {
        let input = base64url(Array(header.utf8)) + "." + base64url(Array(claims.utf8))
        return input + "." + base64url(hmacSHA256(secret, Array(input.utf8)))
    }

    /// A token whose claims are the usual ones.
    /// - Parameters:
    ///   - lifetime: seconds from `iat` to `exp`.
    ///   - left: seconds from now to `exp`; negative when it has expired.
    ///   - more: further members, each with its leading comma.
    static func with(lifetime: Int = 3600, left: Int, more: String = "", secret: [UInt8] = secret) -> String {
        let end = now() + left
        return signed(claims: #"{"sub":"user-1","iat":\#(end - lifetime),"exp":\#(end)\#(more)}"#, secret: secret)
    }

    /// Far from its end: passes, and is not renewed with a buffer of ten minutes.
    static var fresh: String { with(left: 3000) }

    /// Inside a buffer window of ten minutes.
    static var ending: String { with(left: 300) }

    static func now() -> Int { Int(preciseNow()) }
    static func preciseNow() -> Double { Date().timeIntervalSince1970 }

    /// Runs `body` until the clock's second was the same before and after, and well begun: the gateway may read a clock
    /// that ticks every few milliseconds.
    static func withinOneSecond<Value>(_ body: () throws -> Value) rethrows -> Value {
        while true {
            let before = preciseNow()
            let value = try body()
            if before - before.rounded(.down) > 0.05, now() == Int(before) { return value }
        }
    }

    /// Takes a compact JWS apart; nil when it is not three segments of base64url, or its signature is not ours.
    init?(verifying compact: String, secret: [UInt8] = secret) {
        let segments = compact.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard segments.count == 3, let header = decodeBase64url(segments[0]), let claims = decodeBase64url(segments[1]),
            let signature = decodeBase64url(segments[2]),
            signature == hmacSHA256(secret, Array((segments[0] + "." + segments[1]).utf8))
        else { return nil }
        self.compact = compact
        self.header = String(decoding: header, as: UTF8.self)
        self.claims = String(decoding: claims, as: UTF8.self)
        self.signature = signature
    }

    /// The integer member `name` of the claims set.
    func integer(_ name: String) -> Int? { (object[name] as? NSNumber)?.intValue }
    func string(_ name: String) -> String? { object[name] as? String }
    func has(_ name: String) -> Bool { object[name] != nil }

    private var object: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(claims.utf8))) as? [String: Any] ?? [:]
    }
}

func base64url(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
        .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
}

func decodeBase64url(_ text: String) -> [UInt8]? {
    let standard = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    let padded = standard + String(repeating: "=", count: (4 - standard.count % 4) % 4)
    return Data(base64Encoded: padded).map { Array($0) }
}

/// HMAC (RFC 2104) with SHA-256, by OpenSSL's one-shot function.
func hmacSHA256(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var count = 0
    let result = EVP_Q_mac(
        nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, &digest, digest.count, &count)
    precondition(result != nil && count == 32, "HMAC-SHA-256 is always there")
    return digest
}
