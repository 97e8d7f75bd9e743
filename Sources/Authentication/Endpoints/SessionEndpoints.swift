package import HTTP1
package import JOSE
package import Sessions

/// The endpoints that the gateway serves itself, and login capture. One for a worker and a configuration snapshot, as is the
/// `Authenticator` that it asks about access tokens.
package final class SessionEndpoints {
    package let policy: SessionPolicy
    /// Content of a request above this is refused (413). Forms and JSON objects with one token fit many times.
    package static let contentBytesMax = 16 << 10

    let authenticator: Authenticator
    let issuer: SessionIssuer
    let codec: RefreshTokenCodec

    package init(policy: SessionPolicy, codec: RefreshTokenCodec, issuer: SessionIssuer, authenticator: Authenticator) {
        self.policy = policy
        self.codec = codec
        self.issuer = issuer
        self.authenticator = authenticator
    }

    /// The endpoint that a path belongs to, whatever the method; nil: none, so the request is one for the routes.
    ///
    /// - Parameter path: in normal form.
    package func match(_ path: Span<UInt8>) -> EndpointMatch? { nil }

    /// Begins a call. `EndpointCall.next` tells how it goes on.
    ///
    /// - Parameters:
    ///   - bytes: what `head` was parsed from.
    ///   - address: of the client, without port: it is remembered with the session.
    ///   - verificationPause: as for `Authenticator.authenticate`.
    package func begin(
        _ match: EndpointMatch, _ head: inout RequestHead, path: Span<UInt8>, bytes: Span<UInt8>, address: String, now: NumericDate,
        verificationPause: Int64 = 0
    ) -> EndpointCall {
        EndpointCall(self, next: .receive)
    }
}

/// Which endpoint a path belongs to.
package struct EndpointMatch: Sendable, Equatable {
    enum Endpoint: Sendable, Equatable {
        case refresh(Int), logout, logoutEverywhere, revocation, introspection, sessions
        /// `sessions` and an id behind it.
        case session
    }

    let endpoint: Endpoint
}
