extension FieldSection {
    /// Drops what clients say of themselves under these names, which is hearsay: who forwards a request says it anew.
    package mutating func dropForwardedFields() {
        drop(.forwarded)
        drop(.xForwardedFor)
        drop(.xForwardedHost)
        drop(.xForwardedProto)
        drop(.xForwardedPort)
        drop(.xRealIP)
    }
}
