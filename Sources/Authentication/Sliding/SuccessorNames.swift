internal import Bytes
internal import JOSE

/// Names for successors and their families: equal on every node that has the signing key, and not to be guessed
/// without it.
enum SuccessorNames {
    /// `jti1`: unique for each parent and slot.
    static func tokenID(of entry: TokenEntry, slot: Int64, signer: any TokenSigner) -> String {
        var input = parent(of: entry)
        for shift in stride(from: 56, through: 0, by: -8) { input.append(UInt8(truncatingIfNeeded: slot >> Int64(shift))) }
        return name(signer.derive("slidegate jti", input.span))
    }

    /// `sid`: that of the token, or for the first token of a family the one that its successors will carry.
    static func sessionID(of entry: TokenEntry, signer: any TokenSigner) -> String {
        entry.token.claims.string(.sessionID) ?? name(signer.derive("slidegate sid", parent(of: entry).span))
    }

    /// What distinguishes a token from all others: its `jti`, or its hash when it has none. The first byte keeps the two
    /// apart.
    private static func parent(of entry: TokenEntry) -> [UInt8] {
        if let tokenID = entry.token.claims.string(.tokenID) { return [0] + Array(tokenID.utf8) }
        var bytes: [UInt8] = [1]
        for word in [entry.digest.first, entry.digest.second, entry.digest.third, entry.digest.fourth] {
            for shift in stride(from: 0, through: 56, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
        }
        return bytes
    }

    /// 128 bits in base64url: 22 characters.
    private static func name(_ mac: InlineArray<32, UInt8>) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var characters: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        for index in 0..<16 {
            bits = bits << 8 | UInt32(mac[index])
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                characters.append(alphabet[Int(bits >> bitCount & 63)])
            }
        }
        characters.append(alphabet[Int(bits << (6 - bitCount) & 63)])
        return String(copying: characters.span)
    }
}
