/// What a request's `Origin` means under the policy. Small and owned: it outlives the request's bytes.
package struct CrossOrigin: Equatable, Sendable {
    /// Whether the request has an `Origin`, of whatever value.
    var isPresent: Bool
    /// Index into the listed origins; -1: none of them, or no policy.
    var listed: Int32

    package static let absent = CrossOrigin(isPresent: false, listed: -1)
}

/// A CORS preflight that the gateway answers itself, with 204 and no content.
package struct Preflight: Equatable, Sendable {
    var origin: CrossOrigin
    /// The value of `Access-Control-Request-Headers`, if it is a list of field names.
    var requestedHeaders: [UInt8]
}
