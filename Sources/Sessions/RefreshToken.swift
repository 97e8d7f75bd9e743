internal import Bytes
internal import JOSE

/// What a client holds to get new access tokens with: opaque to it, and of no use to who has read the store.
///
/// `sgr_` and the base64url text of version (1 byte), session (16), counter (4, big-endian) and the first 16 bytes of an
/// HMAC-SHA-256 over all of that before it. The prefix lets scanners for leaked secrets, and people, know one when they see it.
package struct RefreshToken: Hashable, Sendable {
    package let session: SessionID
    package let counter: UInt32

    package init(session: SessionID, counter: UInt32) {
        self.session = session
        self.counter = counter
    }
}

/// HMAC-SHA-256 under the secret of an installation. Belongs to one worker: it re-uses its context.
package protocol RefreshTokenKey: AnyObject {
    func code(_ message: Span<UInt8>) -> InlineArray<32, UInt8>
}

/// Why a text is no refresh token of ours. None of them tells its sender more than that.
package enum RefreshTokenError: Error, Sendable, Equatable {
    /// Not of the form; an access token, say.
    case malformed
    case unknownVersion(UInt8)
    /// Made up, changed, or from another installation.
    case badMAC
}

/// Writes and reads refresh tokens. Belongs to one worker.
package final class RefreshTokenCodec {
    package static let prefix: StaticString = "sgr_"
    package static let textBytes = 4 + 50
    private static let version: UInt8 = 1
    private static let macBytes = 16
    private static let signedBytes = 1 + SessionID.byteCount + 4

    private let key: any RefreshTokenKey
    /// Still accepted while the secret is being changed.
    private let previousKey: (any RefreshTokenKey)?

    package init(key: any RefreshTokenKey, previousKey: (any RefreshTokenKey)? = nil) {
        self.key = key
        self.previousKey = previousKey
    }

    package func text(of token: RefreshToken) -> [UInt8] {
        var bytes = [Self.version] + token.session.bytes
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: token.counter >> shift)) }
        let code = key.code(bytes.span)
        for index in 0..<Self.macBytes { bytes.append(code[index]) }
        return Array("sgr_".utf8) + Base64URL.encode(bytes.span)
    }

    package func read(_ text: Span<UInt8>) throws(RefreshTokenError) -> RefreshToken {
        guard text.count == Self.textBytes, text.extracting(0..<4).elementsEqual(Self.prefix),
            let bytes = Base64URL.decode(text.extracting(4...))
        else { throw .malformed }
        let span = bytes.span
        guard span[0] == Self.version else { throw .unknownVersion(span[0]) }
        let signed = span.extracting(0..<Self.signedBytes)
        let mac = span.extracting(Self.signedBytes...)
        guard isRight(mac, key.code(signed)) || previousKey.map({ isRight(mac, $0.code(signed)) }) == true else { throw .badMAC }
        guard let session = SessionID(bytes: span.extracting(1..<1 + SessionID.byteCount)) else { throw .malformed }
        var counter: UInt32 = 0
        for index in 1 + SessionID.byteCount..<Self.signedBytes { counter = counter << 8 | UInt32(span[index]) }
        return RefreshToken(session: session, counter: counter)
    }

    private func isRight(_ mac: Span<UInt8>, _ code: InlineArray<32, UInt8>) -> Bool {
        mac.isEqualInConstantTime(to: code.span.extracting(0..<Self.macBytes))
    }
}
