import Authentication
import Bytes
import JOSE
import Sessions

// What lines say of tokens. It is composed once for each token: that of a client that comes again is copied from then on.

extension AccessLog {
    private static let tokenTextBytesMax = 2 * LineCursor.escapeBytesMax * LineCursor.identifierBytesMax + 128

    /// In JSON, members with their commas; else the user.
    func text(of entry: TokenEntry) -> [UInt8] {
        if let kept = entry.logged, kept.by == serial { return kept.text }
        tokenText.removeAll()
        tokenText.withSpareCapacity(minimum: Self.tokenTextBytesMax) { memory in
            var cursor = LineCursor(memory)
            switch settings.format {
            case .json: putMembers(of: entry, &cursor)
            case .combined: putUser(of: entry, &cursor)
            }
            return cursor.count
        }
        let text = tokenText.bytes()
        entry.logged = (serial, text)
        return text
    }

    private func putMembers(of entry: TokenEntry, _ cursor: inout LineCursor) {
        cursor.put(",\"token\":\"")
        cursor.put(entry.fingerprint)
        cursor.put(0x22)
        let claims = entry.token.claims
        if let session = claims.member(.sessionID) {
            claims.withString(of: session) {
                cursor.put(",\"sid\":\"")
                cursor.put(identifier: $0)
                cursor.put(0x22)
            }
        }
        withSubject(of: claims) { subject in
            cursor.put(",\"sub\":\"")
            if let hash { cursor.put(hexadecimal: hash(subject)) } else { cursor.put(identifier: subject) }
            cursor.put(0x22)
        }
    }

    private func putUser(of entry: TokenEntry, _ cursor: inout LineCursor) {
        withSubject(of: entry.token.claims) { subject in
            if let hash { cursor.put(hexadecimal: hash(subject)) } else { cursor.put(user: subject) }
        }
        if cursor.count == 0 { cursor.put(0x2D) }
    }

    private func withSubject(of claims: ClaimsSet, _ body: (Span<UInt8>) -> Void) {
        guard settings.namesSubjects, let subject = claims.member(.subject) else { return }
        claims.withString(of: subject) { if !$0.isEmpty { body($0) } }
    }

    /// The same of a token that was not admitted, or that an endpoint was given, as far as it is known.
    func text(of record: borrowing RequestRecord) -> [UInt8] {
        guard record.fingerprint != nil || record.session != nil else { return [] }
        var text = ByteBuffer()
        if let token = record.fingerprint {
            text.append(",\"token\":\"")
            token.append(to: &text)
            text.append("\"")
        }
        if let session = record.session {
            text.append(",\"sid\":\"")
            text.append(session.text)
            text.append("\"")
        }
        return text.bytes()
    }
}

extension LineCursor {
    /// Longer ones are cut behind a whole character, and end with `...`.
    fileprivate static let identifierBytesMax = 256

    private static func shownBytes(of identifier: Span<UInt8>) -> Int {
        guard identifier.count > identifierBytesMax else { return identifier.count }
        var end = identifierBytesMax
        while end > 0, identifier[end] & 0xC0 == 0x80 { end -= 1 }
        return end
    }

    fileprivate mutating func put(_ token: Fingerprint) { put(hexadecimal: token.bits.byteSwapped, digits: 12) }

    fileprivate mutating func put(identifier text: Span<UInt8>) {
        let count = Self.shownBytes(of: text)
        put(text.extracting(0..<count), .json)
        if count < text.count { put("...") }
    }

    /// Without a space in it: in a combined line, fields end with one.
    fileprivate mutating func put(user name: Span<UInt8>) {
        let text = name.extracting(0..<Self.shownBytes(of: name))
        var start = 0
        while let space = text.firstIndex(of: 0x20, from: start) {
            put(text.extracting(start..<space), .hexadecimal)
            put("\\x20")
            start = space + 1
        }
        put(text.extracting(start...), .hexadecimal)
        if text.count < name.count { put("...") }
    }
}
