/// Reads `https://issuer.example/jwks.json`.
enum WebAddressText {
    static let form = "a URL such as https://issuer.example/jwks.json"

    /// Nil, with what is wrong.
    static func parse(_ text: String) -> Result<WebAddress, EndpointText.Fault> {
        func fault(_ message: String) -> Result<WebAddress, EndpointText.Fault> {
            .failure(EndpointText.Fault(message: message, suggestion: nil))
        }
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { return fault("is no https URL") }
        guard text.utf8.count <= 2048 else { return fault("is longer than 2048 bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C && $0 != 0x3C && $0 != 0x3E }) else {
            return fault("has a character that no URL has")
        }
        guard !text.contains("#") else { return fault("has a fragment") }
        let rest = text.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { return fault("has a user name") }
        var target = String(rest.dropFirst(authority.count))
        if !target.hasPrefix("/") { target = "/" + target }
        var address = String(authority)
        let isBracketed = address.hasPrefix("[")
        let hasPort = isBracketed ? !address.hasSuffix("]") : address.contains(":")
        if !hasPort { address += isSecure ? ":443" : ":80" }
        guard !address.hasPrefix("unix:"), case .success(let endpoint) = EndpointText.parse(address), endpoint.port != 0 else {
            return fault("has no valid host and port")
        }
        return .success(WebAddress(isSecure: isSecure, endpoint: endpoint, target: target, description: text))
    }
}
