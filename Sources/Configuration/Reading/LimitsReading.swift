extension Configuration.Limits {
    static func read(_ field: Field?) -> Configuration.Limits {
        var limits = Configuration.Limits(
            headBytesMax: Defaults.headBytesMax, fieldCountMax: Defaults.fieldCountMax,
            targetBytesMax: Defaults.targetBytesMax, bodyBytesMax: Defaults.bodyBytesMax,
            connectionsMax: Defaults.connectionsMax)
        guard let field, let section = Section<Vocabulary.Limits>(field, expected: "a mapping of limits")
        else { return limits }
        limits.headBytesMax = section[.head]?.size(in: Bounds.headBytes) ?? limits.headBytesMax
        limits.fieldCountMax = section[.fields]?.integer(in: Bounds.fieldCount) ?? limits.fieldCountMax
        limits.targetBytesMax = section[.target]?.size(in: Bounds.targetBytes) ?? limits.targetBytesMax
        limits.connectionsMax = section[.connections]?.integer(in: Bounds.connections) ?? limits.connectionsMax
        switch section[.body].map(Configuration.Route.BodyLimit.read) {
        case .bytes(let bytes)?: limits.bodyBytesMax = bytes
        case Configuration.Route.BodyLimit.none?: limits.bodyBytesMax = nil
        case .asElsewhere?, nil: break
        }
        limits.readShares(section)
        if limits.targetBytesMax >= limits.headBytesMax {
            field.findings.error(
                at: section.place(of: section.has(.target) ? .target : .head),
                "a target of \(SizeText.format(limits.targetBytesMax)) does not fit in a head of "
                    + SizeText.format(limits.headBytesMax),
                expected: "a smaller target, or a larger head")
        }
        return limits
    }
}

extension Configuration.Timeouts {
    static func read(_ field: Field?) -> Configuration.Timeouts {
        var timeouts = Configuration.Timeouts(
            head: Defaults.headTimeout, idle: Defaults.idleTimeout, body: Defaults.bodyTimeout,
            write: Defaults.writeTimeout, tunnel: Defaults.tunnelTimeout, drain: Defaults.drainTimeout,
            drainIdle: Defaults.drainIdleTimeout)
        guard let field, let section = Section<Vocabulary.Timeouts>(field, expected: "a mapping of timeouts")
        else { return timeouts }
        timeouts.head = section[.head]?.duration(in: Bounds.timeout) ?? timeouts.head
        timeouts.idle = section[.idle]?.duration(in: Bounds.timeout) ?? timeouts.idle
        timeouts.body = section[.body]?.duration(in: Bounds.timeout) ?? timeouts.body
        timeouts.write = section[.write]?.duration(in: Bounds.timeout) ?? timeouts.write
        timeouts.tunnel = section[.tunnel]?.duration(in: Bounds.timeout) ?? timeouts.tunnel
        timeouts.drain = section[.drain]?.duration(in: Bounds.drain) ?? timeouts.drain
        timeouts.drainIdle = section[.drainIdle]?.duration(in: Bounds.drain) ?? timeouts.drainIdle
        return timeouts
    }
}

extension Configuration.Paths {
    static func read(_ field: Field?) -> Configuration.Paths {
        guard let field, let section = Section<Vocabulary.Paths>(field, expected: "a mapping of encoded_slashes")
        else { return Configuration.Paths(encodedSlashes: Defaults.encodedSlashes) }
        return Configuration.Paths(
            encodedSlashes: section[.encodedSlashes]?.choice(EncodedSlashes.self) ?? Defaults.encodedSlashes)
    }
}
