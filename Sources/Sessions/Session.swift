package import JOSE

/// One login of one user on one device, and the one refresh token that is current in it: a token family (RFC 9700 §4.14).
///
/// It holds no token. A refresh token is the session's name, a counter and a MAC; the store knows the counter alone.
package struct Session: Sendable, Equatable {
    package let id: SessionID
    /// The `sub` of its access tokens. Not empty, at most `SessionLimits.subjectBytesMax`.
    package let subject: String
    /// What its access tokens say, as the text of a JSON object without the members that the gateway writes itself
    /// (`iat`, `exp`, `nbf`, `jti`, `sid`, `orig_iat`). At most `SessionLimits.claimsBytesMax`.
    package let claims: [UInt8]
    package let device: Device
    package let createdAt: NumericDate
    /// The last refresh, or the creation.
    package var lastUsedAt: NumericDate
    /// Who refreshed last, or created it: an address without port, for people to read.
    package var address: String
    /// Of the current refresh token; the first one has 0.
    package var counter: UInt32
    /// When the current refresh token came to be.
    package var rotatedAt: NumericDate
    /// From then on the current refresh token is of no use. At most `endsAt`.
    package var expiresAt: NumericDate
    /// What no refresh moves; nil: nothing bounds it.
    package let endsAt: NumericDate?
    /// Nil: it lives, unless it has expired.
    package var end: End?

    /// Where the session is, as the client or a backend tells: for people who look at a list of their sessions. What is too
    /// long is cut, and what is empty is nil.
    package struct Device: Sendable, Equatable {
        package let id: String?
        package let name: String?
        package let application: String?

        package init(id: String? = nil, name: String? = nil, application: String? = nil) {
            self.id = id.flatMap(SessionLimits.label)
            self.name = name.flatMap(SessionLimits.label)
            self.application = application.flatMap(SessionLimits.label)
        }
    }

    package struct End: Sendable, Equatable {
        package var date: NumericDate
        package var reason: Reason

        package init(date: NumericDate, reason: Reason) {
            self.date = date
            self.reason = reason
        }
    }

    /// Why a session ended before its time. Raw values are written in stores, logs and answers.
    package enum Reason: String, Sendable, CaseIterable {
        /// By its user, here.
        case logout
        /// By its user, everywhere.
        case logoutEverywhere = "logout_everywhere"
        /// By its user, from another session.
        case endedByUser = "ended_by_user"
        /// An operator or a backend said so.
        case revoked
        /// A refresh token that had been used before came back (RFC 9700 §4.14): one of two who have it is a thief.
        case reuse
        /// The user has begun more sessions than are allowed: the least recently used one gives way.
        case limit
    }

    package init(
        id: SessionID, subject: String, claims: [UInt8], device: Device, createdAt: NumericDate, lastUsedAt: NumericDate,
        address: String, counter: UInt32, rotatedAt: NumericDate, expiresAt: NumericDate, endsAt: NumericDate?, end: End? = nil
    ) {
        self.id = id
        self.subject = subject
        self.claims = claims
        self.device = device
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.address = address
        self.counter = counter
        self.rotatedAt = rotatedAt
        self.expiresAt = expiresAt
        self.endsAt = endsAt
        self.end = end
    }

    /// Neither ended nor expired.
    package func isAlive(at now: NumericDate) -> Bool { end == nil && now < expiresAt }

    /// Whether the subject is this one, byte for byte: Swift takes texts for equal that are written differently.
    package func belongs(to subject: String) -> Bool { self.subject.utf8.elementsEqual(subject.utf8) }

    /// From then on nobody can tell it from a session that never was, and a sweep removes it: when it would have expired, or
    /// when nobody has to remember its end any longer.
    package func keptUntil(_ rules: SessionRules) -> NumericDate {
        end.map { min(expiresAt, $0.date.advanced(bySeconds: rules.accessReachSeconds)) } ?? expiresAt
    }
}

/// Bounds on what a session is made of, so that no login fills a store.
package enum SessionLimits {
    package static let subjectBytesMax = 512
    package static let claimsBytesMax = 4096
    /// Of a device's id, name and application each, and of an address.
    package static let labelBytesMax = 256

    /// What fits of `text`, cut between two scalars; nil when it is empty.
    package static func label(_ text: String) -> String? {
        guard !text.isEmpty else { return nil }
        guard text.utf8.count > labelBytesMax else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: labelBytesMax)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text.unicodeScalars[..<end])
    }
}

/// Why a login makes no session.
package enum SessionError: Error, Sendable, Equatable {
    case subjectEmpty
    case subjectTooLong(limit: Int)
    case claimsTooLong(limit: Int)
    /// The claims are not the text of one JSON object, without white space around it.
    case claimsNotAnObject
}

// What is printed by chance must not show claims.
extension Session: CustomStringConvertible {
    package var description: String { "Session(\(id), counter: \(counter), end: \(end.map { $0.reason.rawValue } ?? "none"))" }
}
