internal import Bytes
internal import HTTP1

/// How successors are handed to clients, made ready for answers.
struct SuccessorDelivery: Sendable {
    private enum Carrier {
        case header(name: [UInt8], hash: UInt32)
        case authorization
        /// `NAME=`
        case cookie([UInt8])
    }

    private let carrier: Carrier
    /// What stands before the token and, for a cookie, up to the seconds of `Max-Age`.
    private let beforeToken: [UInt8]
    private let beforeMaxAge: [UInt8]
    private let afterMaxAge: [UInt8]
    /// The name that scripts must be allowed to read; nil for a cookie, which they must not.
    let exposedName: [UInt8]?
    private let exceptStatuses: [Int]
    private let tokenExpiryName: [UInt8]?
    private let sessionExpiryName: [UInt8]?
    let tellsExpiryOnEveryAnswer: Bool

    init(_ policy: RenewalPolicy) {
        switch policy.delivery {
        case .header(let name):
            let bytes = Array(name.utf8)
            carrier = .header(name: bytes, hash: canonicalHash(bytes.span))
            beforeToken = bytes + [0x3A, 0x20]
            (beforeMaxAge, afterMaxAge) = ([], [])
            exposedName = bytes
        case .authorization:
            carrier = .authorization
            beforeToken = Array("Authorization: Bearer ".utf8)
            (beforeMaxAge, afterMaxAge) = ([], [])
            exposedName = Array("Authorization".utf8)
        case .cookie(let cookie):
            carrier = .cookie(Array("\(cookie.name)=".utf8))
            beforeToken = Array("Set-Cookie: \(cookie.name)=".utf8)
            let domain = cookie.domain.map { "; Domain=\($0)" } ?? ""
            beforeMaxAge = Array("; Path=\(cookie.path)\(domain); Max-Age=".utf8)
            afterMaxAge = Array("; HttpOnly; Secure; SameSite=\(cookie.sameSite.rawValue)".utf8)
            exposedName = nil
        }
        exceptStatuses = policy.exceptStatuses
        tokenExpiryName = policy.tokenExpiryHeader.map { Array($0.utf8) }
        sessionExpiryName = policy.capSeconds == nil ? nil : policy.sessionExpiryHeader.map { Array($0.utf8) }
        tellsExpiryOnEveryAnswer =
            policy.relativeHeaders == .everyAnswer && (policy.tokenExpiryHeader ?? policy.sessionExpiryHeader) != nil
    }

    /// Why this answer must not carry a successor, or nil (semantics §1.9). 1xx are not asked about.
    func obstacle(status: Int, _ lines: Span<FieldLine>, _ bytes: Span<UInt8>) -> RenewalSkip? {
        if status == 304 { return .notModified }
        if exceptStatuses.contains(status) { return .exceptedStatus }
        for index in 0..<lines.count where isCarrier(lines[index], bytes) { return .upstreamSetIt }
        return nil
    }

    /// Whether the upstream has set what the successor would ride in.
    @inline(__always)
    private func isCarrier(_ line: FieldLine, _ bytes: Span<UInt8>) -> Bool {
        switch carrier {
        case .header(let name, let hash):
            line.canonicalHash == hash && !line.isDropped
                && isCanonicallyEqual(bytes.extracting(line.name.bounds), name.span)
        case .authorization:
            line.id == .authorization
        case .cookie(let pair):
            line.id == .setCookie && bytes.extracting(line.value.bounds).starts(with: pair.span)
        }
    }

    /// The field that carries `successor`, and the lines that keep it out of caches (RFC 9111 §5.2.2).
    ///
    /// - Parameter keepsUntransformed: whether the upstream forbade transformations, which must stay forbidden.
    func append(_ successor: [UInt8], remaining: Int64, keepsUntransformed: Bool, to buffer: inout ByteBuffer) {
        buffer.append(beforeToken)
        buffer.append(successor)
        if !beforeMaxAge.isEmpty {
            buffer.append(beforeMaxAge)
            buffer.append(decimal: Int(max(0, remaining)))
            buffer.append(afterMaxAge)
        }
        if keepsUntransformed {
            buffer.append("\r\nCache-Control: private, no-store, no-transform\r\nPragma: no-cache\r\n")
        } else {
            buffer.append("\r\nCache-Control: private, no-store\r\nPragma: no-cache\r\n")
        }
    }

    /// The relative headers: seconds to the token's end and to the session's, never below zero.
    func appendExpiry(token: Int64, session: Int64?, to buffer: inout ByteBuffer) {
        if let tokenExpiryName { Self.append(tokenExpiryName, token, to: &buffer) }
        if let sessionExpiryName, let session { Self.append(sessionExpiryName, session, to: &buffer) }
    }

    /// The names of the relative headers, for scripts to read.
    func appendExpiryNames(to list: inout FieldNameList) {
        if let tokenExpiryName { list.append(tokenExpiryName.span) }
        if let sessionExpiryName { list.append(sessionExpiryName.span) }
    }

    private static func append(_ name: [UInt8], _ seconds: Int64, to buffer: inout ByteBuffer) {
        buffer.append(name)
        buffer.append(": ")
        buffer.append(decimal: Int(max(0, seconds)))
        buffer.append("\r\n")
    }
}
