internal import Bytes
package import HTTP1
internal import Sessions

/// What of a request a login remembers until its answer comes. Owned.
package struct LoginRequest: Sendable {
    /// Index into `SessionPolicy.logins`.
    let login: Int
    let device: Session.Device
    let address: String
    let origin: CrossOrigin
}

extension SessionEndpoints {
    /// Makes a request to a login route ready for the upstream: it asks for a whole, plain answer, and brings no claims.
    ///
    /// - Parameters:
    ///   - bytes: what `head` was parsed from.
    ///   - address: of the client, without port: it is remembered with the session.
    package func prepareLogin(
        _ login: Int, _ head: inout RequestHead, bytes: Span<UInt8>, origin: CrossOrigin, address: String
    ) -> LoginRequest {
        let fields = policy.device
        let device = Session.Device(
            id: Self.value(of: fields.id, head.fields, bytes),
            name: Self.value(of: fields.name, head.fields, bytes) ?? Self.value(of: "User-Agent", head.fields, bytes),
            application: Self.value(of: fields.application, head.fields, bytes))

        for name in Self.conditions { head.fields.drop(name.span, hash: canonicalHash(name.span), from: bytes) }
        if case .header(let name) = policy.logins[login].claims {
            let bytesOfName = Array(name.utf8)
            head.fields.drop(bytesOfName.span, hash: canonicalHash(bytesOfName.span), from: bytes)
        }
        return LoginRequest(login: login, device: device, address: address, origin: origin)
    }

    /// What could make an answer that is coded, partial, or none at all.
    private static let conditions: [[UInt8]] = [
        "accept-encoding", "range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since",
    ].map { Array($0.utf8) }

    /// The value of the first line of that name, in any case; nil when it is empty.
    private static func value(of name: String, _ fields: borrowing FieldSection, _ bytes: Span<UInt8>) -> String? {
        let name = Array(name.lowercased().utf8)
        let hash = canonicalHash(name.span)
        for index in 0..<fields.lines.count where fields.lines[index].canonicalHash == hash {
            let line = fields.lines[index]
            guard bytes.extracting(line.name.bounds).equalsIgnoringCase(name.span) else { continue }
            let value = bytes.extracting(line.value.bounds)
            return value.isEmpty ? nil : String(copying: value)
        }
        return nil
    }
}
