internal import Bytes
package import Sessions

/// What the gateway does about sessions, as plain values: the executable fills it from the configuration, and
/// `SessionEndpoints` compiles it once for a worker.
package struct SessionPolicy: Sendable {
    package var rules: SessionRules
    package var device: DeviceFields
    /// Of refresh tokens that are delivered by cookie; access tokens delivered so have another name and the rest alike.
    package var cookie: CookieDelivery
    package var logins: [LoginPolicy]
    package var refreshes: [RefreshEndpoint]
    package var logout: PlainEndpoint?
    package var logoutEverywhere: PlainEndpoint?
    /// RFC 7009.
    package var revocation: PlainEndpoint?
    /// RFC 7662.
    package var introspection: IntrospectionEndpoint?
    /// `GET` lists one's own sessions, `DELETE` of the path, a slash and an id ends one.
    package var sessions: PlainEndpoint?

    package init(
        rules: SessionRules = SessionRules(), device: DeviceFields = DeviceFields(),
        cookie: CookieDelivery = CookieDelivery(name: "__Host-refresh", sameSite: .strict), logins: [LoginPolicy] = [],
        refreshes: [RefreshEndpoint] = [], logout: PlainEndpoint? = nil, logoutEverywhere: PlainEndpoint? = nil,
        revocation: PlainEndpoint? = nil, introspection: IntrospectionEndpoint? = nil, sessions: PlainEndpoint? = nil
    ) {
        self.rules = rules
        self.device = device
        self.cookie = cookie
        self.logins = logins
        self.refreshes = refreshes
        self.logout = logout
        self.logoutEverywhere = logoutEverywhere
        self.revocation = revocation
        self.introspection = introspection
        self.sessions = sessions
    }
}

/// The request fields that tell, on login, where the new session is.
package struct DeviceFields: Sendable, Equatable {
    package var id: String
    /// Where it is missing, `User-Agent` says it.
    package var name: String
    package var application: String

    package init(id: String = "X-Device-Id", name: String = "X-Device-Name", application: String = "X-Application-Id") {
        self.id = id
        self.name = name
        self.application = application
    }
}

/// An endpoint whose input and output are given.
package struct PlainEndpoint: Sendable, Equatable {
    /// In normal form (`PathNormalizer`); matches exactly.
    package var path: String

    package init(path: String) { self.path = path }
}

package struct RefreshEndpoint: Sendable, Equatable {
    /// In normal form; matches exactly.
    package var path: String
    /// In upper case, not empty.
    package var methods: [String]
    package var format: WireFormat

    package init(path: String, methods: [String] = ["POST"], format: WireFormat) {
        self.path = path
        self.methods = methods
        self.format = format
    }
}

package struct IntrospectionEndpoint: Sendable {
    package var path: String
    /// Callers send it as Bearer.
    package var secret: BearerSecret

    package init(path: String, secret: BearerSecret) {
        self.path = path
        self.secret = secret
    }
}

/// A secret that callers present as `Authorization: Bearer …`. Its description shows nothing of it.
package struct BearerSecret: Sendable, CustomStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    /// - Parameter bytes: not empty.
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The time it takes depends on the lengths alone.
    package func matches(_ presented: Span<UInt8>) -> Bool {
        let bytes = bytes
        return !bytes.isEmpty && bytes.span.isEqualInConstantTime(to: presented)
    }

    package var description: String { "a secret" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
