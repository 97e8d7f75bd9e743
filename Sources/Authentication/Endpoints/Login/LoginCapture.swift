package import HTTP1
package import JOSE
package import Sessions

/// Adds a pair of tokens to the upstream's answer on a login route (semantics §3.5).
///
/// In the request's place: `SessionEndpoints.prepareLogin`, before the head goes upstream. Then this, from the final
/// answer's head on. What is said about the head, `LoginGrant.edit` does to it in the end: until then the caller keeps its bytes.
package struct LoginCapture {
    package enum Step {
        /// The answer goes to the client as it is, but without the claims field, which has been dropped from the head. With what to log, if
        /// the answer was one that should have been captured.
        case pass(EndpointOutcome?)
        /// The whole content is wanted (`contentEnded`), at most `contentBytesMax`; or `contentTooLarge`, and what has been received and
        /// the rest pass.
        case receive
        /// The store is to be asked, and `storeAnswered` to be called with what it says.
        case ask(StoreRequest)
        case grant(LoginGrant)
        /// In place of the upstream's answer.
        case answer(EndpointAnswer)
    }

    package private(set) var next: Step
    package let contentBytesMax: Int

    package mutating func contentEnded(_ content: [UInt8], now: NumericDate) {}
    package mutating func contentTooLarge() {}
    /// The upstream broke off: nothing is captured.
    package mutating func storeAnswered(_ result: Result<StoreReply, StoreError>, now: NumericDate) {}
}

/// What of a request a login remembers until its answer comes. Owned.
package struct LoginRequest: Sendable {
    /// Index into `SessionPolicy.logins`.
    let login: Int
    let device: Session.Device
    let address: String
    let origin: CrossOrigin
}

/// The upstream's answer with tokens in it.
package struct LoginGrant: Sendable {
    package let status: Int
    /// Lines that the head gets, each with its CRLF.
    package let lines: [UInt8]
    /// Nil: the content stays as it is, also one that has not been received yet.
    package let content: [UInt8]?
    package let outcome: EndpointOutcome

    /// Drops the lines of the head that are not true any more, or that would let a cache keep the answer. `Content-Length` is the
    /// caller's business.
    package func edit(_ head: inout ResponseHead, bytes: Span<UInt8>) {}
}

extension SessionEndpoints {
    /// Makes a request to a login route ready for the upstream: it asks for a whole, plain answer, and brings no claims.
    package func prepareLogin(
        _ login: Int, _ head: inout RequestHead, bytes: Span<UInt8>, origin: CrossOrigin, address: String
    ) -> LoginRequest {
        LoginRequest(login: login, device: Session.Device(), address: address, origin: origin)
    }

    /// Begins with the head of an answer on a login route, the final one. Drops the claims field from it.
    package func captureLogin(
        _ request: LoginRequest, _ head: inout ResponseHead, bytes: Span<UInt8>, now: NumericDate
    ) -> LoginCapture {
        LoginCapture(next: .pass(nil), contentBytesMax: 0)
    }

    /// Whether a trailer field of that name must not go to the client: the claims field.
    package func isClaimsField(trailer name: Span<UInt8>, of login: Int) -> Bool { false }
}
