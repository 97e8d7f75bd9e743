import Bytes
import COpenSSL
package import JOSE

extension Key {
    /// A JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). What is given here prevails over what the JWK says; an algorithm must
    /// not contradict it.
    ///
    /// - Parameter algorithm: needed for a secret whose JWK names none; an RSA key that names none is for RS256.
    package init(jwk text: [UInt8], algorithm: Algorithm? = nil, id: String? = nil) throws(KeyError) {
        let jwk = try JWK(text)
        self = try jwk.key(for: try jwk.algorithms(allowed: algorithm.map { [$0] } ?? [])[0], id: id)
    }

    /// The usable keys of a JWK set (RFC 7517 §5). Keys of unknown types, for encryption, or for algorithms that are not
    /// allowed are passed over.
    ///
    /// - Parameter allowed: empty allows all. Of an RSA key that names no algorithm there is one key for each RSA algorithm
    ///   in it, or one for RS256 when it is empty.
    /// - Throws: `noUsableKey` when none is left.
    package static func keys(jwkSet text: [UInt8], allowing allowed: [Algorithm] = []) throws(KeyError) -> [Key] {
        try readKeys(jwkSet: text, allowing: allowed).keys
    }

    /// As `keys(jwkSet:)`, for a set that somebody else publishes: a secret or a private key in it is everyone's, and is passed over; a set
    /// of more than `countMax` is refused.
    /// - Returns: the keys, and why others were passed over.
    package static func keys(
        publishedJWKSet text: [UInt8], allowing allowed: [Algorithm], countMax: Int
    ) throws(KeyError) -> (keys: [Key], skipped: [KeyError]) {
        try readKeys(jwkSet: text, allowing: allowed.isEmpty ? Algorithm.allCases.filter { !$0.isSymmetric } : allowed,
            isEverything: allowed.isEmpty, isPublished: true, countMax: countMax)
    }

    private static func readKeys(
        jwkSet text: [UInt8], allowing allowed: [Algorithm], isEverything: Bool = false, isPublished: Bool = false,
        countMax: Int = .max
    ) throws(KeyError) -> (keys: [Key], skipped: [KeyError]) {
        let jwks: [JSONObject]?
        do {
            let set = try JSONObject(parsing: text, limits: JWK.limits)
            guard let member = set.member(named: "keys") else { throw KeyError.missingMember("keys") }
            jwks = try set.objects(of: member, limits: JWK.limits)
        } catch let error as JSONError {
            throw .notJSON(error)
        } catch {
            throw .missingMember("keys")
        }
        guard let jwks else { throw .wrongMember("keys", expected: "an array of JWKs") }
        guard jwks.count <= countMax else { throw .wrongMember("keys", expected: "at most \(countMax) keys, not \(jwks.count)") }
        var keys: [Key] = []
        var skipped: [KeyError] = []
        for json in jwks {
            do throws(KeyError) {
                let jwk = try JWK(json)
                if isPublished, jwk.type == "oct" || jwk.algorithm?.isSymmetric == true || json.contains("d") { throw KeyError.publishedSecret }
                // An RSA key that names no algorithm is for RS256, unless the configuration says for which.
                let isOpen = isEverything && jwk.algorithm == nil
                for algorithm in try jwk.algorithms(allowed: isOpen ? [] : allowed) { keys.append(try jwk.key(for: algorithm, id: nil)) }
            } catch {
                skipped.append(error)
            }
        }
        guard !keys.isEmpty else { throw .noUsableKey(skipped: skipped.count) }
        return (keys, skipped)
    }
}

/// One JWK, read but not yet a key.
struct JWK {
    let json: JSONObject
    let type: String
    /// `alg`; nil when the JWK does not say.
    let algorithm: Algorithm?
    let keyID: String?

    /// A set may hold dozens of keys, each with a chain of certificates.
    static let limits = TokenLimits(tokenBytesMax: 1 << 20, nestingMax: 8, membersMax: 64)

    init(_ text: [UInt8]) throws(KeyError) {
        let json: JSONObject
        do {
            json = try JSONObject(parsing: text, limits: Self.limits)
        } catch {
            throw .notJSON(error)
        }
        try self.init(json)
    }

    init(_ json: JSONObject) throws(KeyError) {
        guard json.contains("kty") else {
            guard json.contains("keys") else { throw .missingMember("kty") }
            throw .wrongMember("keys", expected: "one JWK, and this is a set of them")
        }
        guard let type = json.string(named: "kty") else { throw .wrongMember("kty", expected: "a string") }
        self.json = json
        self.type = type
        if let member = json.member(.keyID) {
            guard let keyID = json.string(of: member) else { throw .wrongMember("kid", expected: "a string") }
            self.keyID = keyID
        } else {
            keyID = nil
        }
        if let member = json.member(.algorithm) {
            guard let name = json.string(of: member) else { throw .wrongMember("alg", expected: "a string") }
            guard let algorithm = Algorithm(rawValue: name) else {
                throw .algorithmMismatch(found: name, expected: Algorithm.allCases.map(\.rawValue).joined(separator: ", "))
            }
            self.algorithm = algorithm
        } else {
            algorithm = nil
        }
        try checkUse()
    }

    /// `use` and `key_ops` (RFC 7517 §4.2, §4.3), where they are, are about signatures.
    private func checkUse() throws(KeyError) {
        if let use = json.member(named: "use") {
            guard json.string(of: use) == "sig" else { throw .wrongMember("use", expected: "\"sig\"") }
        }
        if let operations = json.member(named: "key_ops") {
            let names = operations.kind == .array ? json.strings(of: operations) : nil
            guard let names, names.contains("verify") || names.contains("sign") else {
                throw .wrongMember("key_ops", expected: "an array with \"sign\" or \"verify\"")
            }
        }
    }

    /// The algorithms that the key is for: the one it names; else those of its type that are allowed, and RS256 for an RSA
    /// key when all are. Never empty.
    func algorithms(allowed: [Algorithm]) throws(KeyError) -> [Algorithm] {
        if let algorithm {
            guard allowed.isEmpty || allowed.contains(algorithm) else {
                throw .algorithmMismatch(
                    found: algorithm.rawValue, expected: allowed.map(\.rawValue).joined(separator: " or "))
            }
            return [algorithm]
        }
        let possible: [Algorithm]
        switch type {
        case "oct": possible = [.HS256, .HS384, .HS512]
        case "RSA": possible = [.RS256, .RS384, .RS512, .PS256, .PS384, .PS512]
        case "EC": possible = try [curve().algorithm]
        case "OKP": possible = [.EdDSA]
        default: throw .unsupportedKeyType(type)
        }
        let fitting = allowed.isEmpty ? (type == "RSA" ? [.RS256] : possible) : possible.filter(allowed.contains)
        guard !fitting.isEmpty else {
            throw .algorithmMismatch(found: type, expected: "a key for \(allowed.map(\.rawValue).joined(separator: " or "))")
        }
        guard type != "oct" || fitting.count == 1 else { throw .algorithmMissing(expected: "HS256, HS384, HS512") }
        return fitting
    }

    func key(for algorithm: Algorithm, id: String?) throws(KeyError) -> Key {
        let id = id ?? keyID
        switch type {
        case "oct":
            guard algorithm.isSymmetric else { throw .algorithmNeedsAsymmetricKey(algorithm) }
            return try Key(secret: bytes("k"), algorithm: algorithm, id: id)
        case "RSA": return try Key(rsa(), algorithm: algorithm, id: id)
        case "EC": return try Key(ellipticCurve(), algorithm: algorithm, id: id)
        case "OKP": return try Key(edwards(), algorithm: algorithm, id: id)
        default: throw .unsupportedKeyType(type)
        }
    }

    /// A member that is base64url; none is empty.
    private func bytes(_ name: String) throws(KeyError) -> [UInt8] {
        guard let text = json.string(named: name) else { throw .missingMember(name) }
        guard let bytes = Base64URL.decode(Array(text.utf8).span), !bytes.isEmpty else {
            throw .wrongMember(name, expected: "canonical base64url without padding")
        }
        return bytes
    }

    private func bytes(_ name: String, count: Int) throws(KeyError) -> [UInt8] {
        let bytes = try bytes(name)
        guard bytes.count == count else { throw .wrongMember(name, expected: "\(count) bytes, not \(bytes.count)") }
        return bytes
    }
}

// MARK: - Key types

extension JWK {
    private func rsa() throws(KeyError) -> AsymmetricKey {
        let builder = ParameterBuilder()
        builder.push(OSSL_PKEY_PARAM_RSA_N, number: try bytes("n"))
        builder.push(OSSL_PKEY_PARAM_RSA_E, number: try bytes("e"))
        let isPrivate = json.contains("d")
        if isPrivate {
            guard !json.contains("oth") else { throw .wrongMember("oth", expected: "an RSA key with two primes") }
            builder.push(OSSL_PKEY_PARAM_RSA_D, number: try bytes("d"))
            // All of them or none (RFC 7518 §6.3.2).
            let rest = [
                ("p", RSAParameter.p), ("q", RSAParameter.q),
                ("dp", RSAParameter.dp), ("dq", RSAParameter.dq),
                ("qi", RSAParameter.qi),
            ]
            if rest.contains(where: { json.contains($0.0) }) {
                for (name, parameter) in rest { builder.push(parameter, number: try bytes(name)) }
            }
        }
        return try builder.key("RSA", isPrivate: isPrivate)
    }

    private func curve() throws(KeyError) -> Curve {
        guard let name = json.string(named: "crv") else { throw .missingMember("crv") }
        guard let curve = Curve(rawValue: name) else {
            throw .wrongMember("crv", expected: Curve.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return curve
    }

    private func ellipticCurve() throws(KeyError) -> AsymmetricKey {
        let curve = try curve()
        // Coordinates have full length, zeros in front (RFC 7518 §6.2.1.2).
        let x = try bytes("x", count: curve.coordinateBytes)
        let y = try bytes("y", count: curve.coordinateBytes)
        let builder = ParameterBuilder()
        builder.push(OSSL_PKEY_PARAM_GROUP_NAME, text: curve.openSSLName)
        builder.push(OSSL_PKEY_PARAM_PUB_KEY, octets: [0x04] + x + y)
        let isPrivate = json.contains("d")
        if isPrivate { builder.push(OSSL_PKEY_PARAM_PRIV_KEY, number: try bytes("d", count: curve.coordinateBytes)) }
        return try builder.key("EC", isPrivate: isPrivate)
    }

    private func edwards() throws(KeyError) -> AsymmetricKey {
        guard let name = json.string(named: "crv") else { throw .missingMember("crv") }
        guard name == "Ed25519" else { throw .wrongMember("crv", expected: "Ed25519") }
        let x = try bytes("x", count: 32)
        ErrorQueue.clear()
        guard json.contains("d") else {
            guard let key = EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, x, x.count) else {
                throw .malformedKey(label: "JWK", detail: ErrorQueue.drain() ?? "Ed25519 public key")
            }
            return AsymmetricKey(owning: key, isPrivate: false)
        }
        let seed = try bytes("d", count: 32)
        guard let pointer = EVP_PKEY_new_raw_private_key_ex(nil, "ED25519", nil, seed, seed.count) else {
            throw .malformedKey(label: "JWK", detail: ErrorQueue.drain() ?? "Ed25519 private key")
        }
        let key = AsymmetricKey(owning: pointer, isPrivate: true)
        guard key.rawBytes(isPrivate: false) == x else {
            throw .inconsistentKey(detail: "the private and the public part do not belong together")
        }
        return key
    }
}
