import Configuration

extension Explanation {
    /// Who is told how the gateway is, and where.
    var administrationLines: [String] {
        guard let admin = configuration.admin else { return [] }
        let address = admin.address.value
        let allowed =
            if admin.secret != nil { "who has the secret" } else if address.isUnix { "who may open the file: the gateway's user, and root" } else {
                "whoever is on this machine; there is no secret"
            }
        let page = address.isUnix ? "ssh -L 8081:\(address.hostText) HOST, and http://localhost:8081/" : "http://\(address)/"
        return ["Administration at \(address), for \(allowed).", "  The status page: \(page)"]
    }
}
