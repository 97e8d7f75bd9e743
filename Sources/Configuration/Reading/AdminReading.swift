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
                expected: "a loopback address such as 127.0.0.1:8081, a Unix socket, or secret_file or secret_env beside it")
        }
        return Configuration.Admin(address: endpoint, secret: secret)
    }
}

/// Who can reach the administration listener must not be who can reach the gateway.
enum AdminRules {
    static func check(_ admin: Configuration.Admin, _ listeners: [Configuration.Listener], _ findings: Findings) {
        guard let taken = listeners.first(where: { $0.address.value.overlaps(admin.address.value) }) else { return }
        findings.error(
            at: admin.address.place, "\(admin.address.value) is where clients connect: \(taken.address.value) is a listener",
            expected: "an address of its own, such as 127.0.0.1:8081 or unix:/run/slidegate/admin.sock")
    }
}
