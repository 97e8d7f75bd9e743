extension Configuration.Admin {
    static func read(_ field: Field) -> Configuration.Admin? {
        let form = "a mapping such as { address: 127.0.0.1:8081 }"
        guard let section = Section<Vocabulary.Admin>(field, expected: form) else { return nil }
        let secret = section.secret(file: .secretFile, environment: .secretEnvironment)
        guard let address = section[.address] else {
            field.refuse("address is missing", expected: EndpointText.form)
            return nil
        }
        guard let endpoint = address.endpoint(zeroPort: true) else { return nil }
        if !section.has(.secretFile), !section.has(.secretEnvironment), !endpoint.value.isLoopback {
            address.refuse(
                "\(endpoint.value) can be reached from elsewhere, and there is no secret",
                expected: "a loopback address such as 127.0.0.1:8081, or secret_file or secret_env beside it")
        }
        return Configuration.Admin(address: endpoint, secret: secret)
    }
}

extension Endpoint {
    /// Whether only this machine can connect to it.
    fileprivate var isLoopback: Bool {
        switch host {
        case .ipv4(let text): text.hasPrefix("127.")
        case .ipv6(let text): text == "::1"
        case .name(let name): name == "localhost"
        case .unix: true
        }
    }
}
