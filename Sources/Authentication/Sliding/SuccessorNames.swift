internal import Bytes
internal import JOSE

/// Names for successors and their families: equal on every node that has the signing key, and not to be guessed
/// without it.
enum SuccessorNames {
    /// `jti1`: unique for each parent and slot.
    static func tokenID(of entry: TokenEntry, slot: Int64, signer: any TokenSigner) -> String {
        var input = parent(of: entry)
        append(UInt64(bitPattern: slot), to: &input)
        return name(signer.derive("slidegate jti", input.span))
    }

    /// `sid`: that of the token, or for the first token of a family the one that its successors will carry.
    static func sessionID(of entry: TokenEntry, signer: any TokenSigner) -> String {
        entry.token.claims.string(.sessionID) ?? name(signer.derive("slidegate sid", parent(of: entry).span))
    }

    /// The text of what `sessionID` is for a token that has none.
    static func derivedSessionID(of entry: TokenEntry, signer: any TokenSigner) -> [UInt8] {
        let code = signer.derive("slidegate sid", parent(of: entry).span)
        return Base64URL.encode(code.span.extracting(0..<16))
    }

    /// What distinguishes a token from all others: its `jti`, or its hash when it has none. The first byte keeps the two
    /// apart. There is room for a slot behind it.
    private static func parent(of entry: TokenEntry) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        let claims = entry.token.claims
        let name: Void? = claims.member(.tokenID).flatMap { member in
            claims.withString(of: member) { tokenID in
                bytes.append(0)
                for index in 0..<tokenID.count { bytes.append(tokenID[index]) }
            }
        }
        if name != nil { return bytes }
        bytes.append(1)
        append(entry.digest.first, to: &bytes)
        append(entry.digest.second, to: &bytes)
        append(entry.digest.third, to: &bytes)
        append(entry.digest.fourth, to: &bytes)
        return bytes
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 &* index))) }
    }

    /// 128 bits in base64url: 22 characters.
    private static func name(_ mac: InlineArray<32, UInt8>) -> String { Base64URL.string(mac.span.extracting(0..<16)) }
}
