package import JOSE
package import Sessions

/// One request to an endpoint, from its head to its answer: bytes and what the store says go in, what is to be done next comes out.
package struct EndpointCall {
    package enum Step {
        /// The whole content is wanted (`contentEnded`), at most `SessionEndpoints.contentBytesMax`.
        case receive
        /// The store is to be asked, and `storeAnswered` to be called with what it says.
        case ask(StoreRequest)
        case answer(EndpointAnswer)
        /// A CORS preflight is to be answered (`Authenticator.appendPreflightFields`).
        case preflight(Preflight)
    }

    /// What to do now.
    package private(set) var next: Step
    let endpoints: SessionEndpoints

    init(_ endpoints: SessionEndpoints, next: Step) {
        self.endpoints = endpoints
        self.next = next
    }

    package mutating func contentEnded(_ content: Span<UInt8>, now: NumericDate) {}

    /// Instead of `contentEnded`: there is more than is taken. The answer follows at once.
    package mutating func contentTooLarge(now: NumericDate) {}

    package mutating func storeAnswered(_ result: Result<StoreReply, StoreError>, now: NumericDate) {}
}
