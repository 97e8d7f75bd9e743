/// What the keys demand of each other, and who signs.
enum KeyRules {
    /// What tokens are signed for.
    struct Signing {
        var sliding: Bool
        /// Sessions whose tokens are issued here.
        var sessions: Bool
        /// Nobody has to sign, and a signer may be of use all the same.
        var isOptional: Bool

        var isNeeded: Bool { sliding || sessions }
        fileprivate var purpose: String { sliding ? "sliding needs one that does" : "sessions need one that does" }
        fileprivate var tokens: String { sliding ? "renewed tokens" : "tokens" }
    }

    /// - Returns: The keys with `use` settled: exactly one signs when that is needed and there was no error.
    static func settle(
        _ drafts: [Configuration.Key.Draft], _ signing: Signing, root: Section<Vocabulary.Root>
    ) -> [Configuration.Key] {
        let findings = root.field.findings
        refuseRepetition(drafts, findings)
        var keys = drafts.map(\.key)
        let named = drafts.indices.filter { drafts[$0].hasUse && drafts[$0].key.use == .sign }
        for second in named.dropFirst() {
            findings.error(
                at: drafts[second].field.place, "\(drafts[named[0]].key.place.path) signs already",
                expected: "use: sign on exactly one key")
        }
        guard signing.isNeeded, !drafts.isEmpty else {
            if !signing.isOptional, let first = named.first {
                findings.warning(
                    at: drafts[first].field.place, "nothing is signed: there is no sliding in this file")
            }
            return keys
        }
        guard named.isEmpty else { return keys }
        let candidates = drafts.indices.filter { !drafts[$0].hasUse && drafts[$0].canSign }
        if candidates.count == 1 {
            keys[candidates[0]].use = .sign
        } else if candidates.isEmpty {
            findings.error(
                at: root.place(of: root.has(.keys) ? .keys : .key), "no key can sign, and \(signing.purpose)",
                expected: "a secret, a private_key_file or a private jwk_file")
        } else {
            findings.error(
                at: root.place(of: .keys), "\(candidates.count) keys could sign \(signing.tokens)",
                expected: "use: sign on exactly one key, and use: verify on the others")
        }
        return keys
    }

    private static func refuseRepetition(_ drafts: [Configuration.Key.Draft], _ findings: Findings) {
        var sources: Set<Configuration.Key.Source> = []
        var ids: Set<String> = []
        for draft in drafts {
            if !sources.insert(draft.key.source.value).inserted {
                findings.error(at: draft.key.source.place, "the same source is there twice", expected: "each key once")
            }
            if let id = draft.key.id, !ids.insert(id).inserted {
                findings.error(
                    at: draft.field.place, "the id \"\(Quotation.shortened(id))\" is there twice",
                    expected: "an id of its own for each key")
            }
        }
    }

    /// Said once, where it is decided.
    static func warnOfRandomSignature(_ keys: [Configuration.Key], _ findings: Findings) {
        guard let key = keys.first(where: { $0.use == .sign }), let algorithm = key.algorithm,
            !algorithm.isDeterministic
        else { return }
        findings.warning(
            at: key.place,
            "\(algorithm.rawValue) signatures are random: processes agree on a renewed token's claims, not on its bytes")
    }
}
