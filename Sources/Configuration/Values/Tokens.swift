extension Configuration {
    /// Where tokens are found and what they must say besides being signed.
    package struct Tokens: Sendable, Equatable {
        /// `iss` must be one of these; empty accepts any, or none.
        package var issuers: [String]
        /// `aud` must contain one of these; empty accepts any, or none.
        package var audiences: [String]
        /// Whole seconds by which clocks may differ. It admits a request, it never renews a token.
        package var leeway: Duration
        /// Where a request may carry its token. Never empty. Two tokens in one request are refused.
        package var sources: [Source]
        /// Longest token that is looked at, in bytes.
        package var bytesMax: Int
        /// Of the `Bearer` challenge (RFC 6750 §3). Printable ASCII without `"` and `\`.
        package var realm: String
        /// Accepted `typ` values, compared without case and without `application/`; a token without `typ` passes.
        package var types: [String]

        package enum Source: Sendable, Hashable {
            /// `Authorization: Bearer` (RFC 6750 §2.1).
            case authorization
            case cookie(name: String)
            case header(name: String)
            /// One of the subprotocols that a WebSocket client offers.
            case webSocketProtocol
        }
    }
}
