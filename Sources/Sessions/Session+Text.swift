import Bytes
package import JOSE

// A session as one line of JSON: what a store keeps that knows texts only. Version 1 has these members, in any order:
//
//   v        1
//   id, sub  texts
//   device, name, app        texts, each left out when there is none
//   created, used, rotated, expires   dates, in seconds since 1970
//   ends     a date; left out when nothing bounds the session
//   address  a text
//   counter  0…4294967295
//   ended, reason            a date and a `Session.Reason`; both or neither
//   claims   the object itself, byte for byte

/// Why a text is no session: somebody else has written it, or it was changed.
package enum SessionTextError: Error, Sendable, Equatable {
    case tooLong(limit: Int)
    case json(JSONError)
    /// Also without one. A newer program has written it.
    case unknownVersion
    /// Missing, twice, or not as it must be.
    case member(String)
    case unknownMember
}

extension Session {
    /// More than the largest session needs when every character of its labels is written as an escape.
    package static let textBytesMax = 16 << 10
    /// Members of the session, and one level around the claims.
    private static let textLimits = TokenLimits(nestingMax: TokenLimits().nestingMax + 1)
    private static let textVersion: Int64 = 1

    /// What `init(text:)` reads.
    package var text: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(384 + claims.count)
        func append(_ name: StaticString, _ value: [UInt8]) {
            output.append(UInt8(ascii: output.isEmpty ? "{" : ","))
            output.append(contentsOf: JSONString.quoted("\(name)"))
            output.append(UInt8(ascii: ":"))
            output.append(contentsOf: value)
        }
        func append(_ name: StaticString, _ date: NumericDate?) {
            if let date { append(name, Array("\(date.seconds)".utf8)) }
        }
        func append(_ name: StaticString, _ label: String?) {
            if let label { append(name, JSONString.quoted(label)) }
        }
        append("v", Array("\(Self.textVersion)".utf8))
        append("id", id.text)
        append("sub", subject)
        append("device", device.id)
        append("name", device.name)
        append("app", device.application)
        append("created", createdAt)
        append("used", lastUsedAt)
        append("address", address)
        append("counter", Array("\(counter)".utf8))
        append("rotated", rotatedAt)
        append("expires", expiresAt)
        append("ends", endsAt)
        append("ended", end?.date)
        append("reason", end?.reason.rawValue)
        append("claims", claims)
        output.append(UInt8(ascii: "}"))
        return output
    }

    /// Believes nothing: what is beyond `SessionLimits`, out of range or not of this version is refused.
    package init(text: [UInt8]) throws(SessionTextError) {
        guard text.count <= Self.textBytesMax else { throw .tooLong(limit: Self.textBytesMax) }
        let object: JSONObject
        do { object = try JSONObject(parsing: text, limits: Self.textLimits) } catch { throw .json(error) }
        let members = SessionMembers(object: object)
        guard members.object.integer(named: "v") == Self.textVersion else { throw .unknownVersion }
        let names: Set<String> = [
            "v", "id", "sub", "device", "name", "app", "created", "used", "address", "counter", "rotated", "expires", "ends", "ended",
            "reason", "claims",
        ]
        guard object.members.allSatisfy({ names.contains(object.name(of: $0)) }) else { throw .unknownMember }

        guard let id = SessionID(try members.label("id", bytesMax: SessionID.textBytes)) else { throw .member("id") }
        let subject = try members.label("sub", bytesMax: SessionLimits.subjectBytesMax)
        guard let member = object.member(named: "claims"), member.kind == .object else { throw .member("claims") }
        let claims = object.withValue(of: member) { Array(copying: $0) }
        do { try Self.check(subject, claims) } catch { throw .member(error.isOfClaims ? "claims" : "sub") }
        let expiresAt = try members.date("expires")
        let endsAt = try members.dateIfPresent("ends")
        if let endsAt, endsAt < expiresAt { throw .member("ends") }
        guard let counter = UInt32(exactly: try members.integer("counter")) else { throw .member("counter") }
        self.init(
            id: id, subject: subject, claims: claims,
            device: Device(
                id: try members.labelIfPresent("device"), name: try members.labelIfPresent("name"),
                application: try members.labelIfPresent("app")),
            createdAt: try members.date("created"), lastUsedAt: try members.date("used"),
            address: try members.label("address", bytesMax: SessionLimits.labelBytesMax), counter: counter,
            rotatedAt: try members.date("rotated"), expiresAt: expiresAt, endsAt: endsAt, end: try members.end())
    }
}

extension SessionError {
    fileprivate var isOfClaims: Bool {
        switch self {
        case .subjectEmpty, .subjectTooLong: false
        case .claimsTooLong, .claimsNotAnObject: true
        }
    }
}

/// Reads members by name; each failure names the member.
private struct SessionMembers {
    let object: JSONObject

    func label(_ name: String, bytesMax: Int) throws(SessionTextError) -> String {
        guard let label = object.string(named: name), label.utf8.count <= bytesMax else { throw .member(name) }
        return label
    }

    /// Not empty: an empty one is left out.
    func labelIfPresent(_ name: String) throws(SessionTextError) -> String? {
        guard object.contains(name) else { return nil }
        let label = try label(name, bytesMax: SessionLimits.labelBytesMax)
        guard !label.isEmpty else { throw .member(name) }
        return label
    }

    /// From zero on.
    func integer(_ name: String) throws(SessionTextError) -> Int64 {
        guard let integer = object.integer(named: name), integer >= 0 else { throw .member(name) }
        return integer
    }

    func date(_ name: String) throws(SessionTextError) -> NumericDate {
        let seconds = try integer(name)
        guard NumericDate.range.contains(seconds) else { throw .member(name) }
        return NumericDate(seconds: seconds)
    }

    func dateIfPresent(_ name: String) throws(SessionTextError) -> NumericDate? {
        object.contains(name) ? try date(name) : nil
    }

    func end() throws(SessionTextError) -> Session.End? {
        guard let date = try dateIfPresent("ended") else {
            guard !object.contains("reason") else { throw .member("ended") }
            return nil
        }
        guard let reason = object.string(named: "reason").flatMap(Session.Reason.init(rawValue:)) else { throw .member("reason") }
        return Session.End(date: date, reason: reason)
    }
}
