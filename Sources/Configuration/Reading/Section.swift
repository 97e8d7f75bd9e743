/// A mapping in the file whose keys are known: each key is sorted to its field, the rest is reported.
struct Section<Key: SectionKey> {
    private var fields: [Key: Field] = [:]
    /// Where the keys stand in the file.
    private var keyPlaces: [Key: Place] = [:]
    let field: Field
    /// Whether keys were refused that no mapping of this kind has.
    private(set) var hasUnknownKeys = false

    var place: Place { field.place }

    /// Reports unknown and repeated keys, and keys of later versions. Nil, and a report, when `field` is no mapping.
    init?(_ field: Field, expected: String) {
        self.field = field
        guard field.isMapping else {
            field.refuse(expected: expected)
            return nil
        }
        for (name, place, child) in field.entries(expected: expected) {
            if let key = Key(rawValue: name) {
                fields[key] = child
                keyPlaces[key] = place
            } else {
                hasUnknownKeys = true
                Self.reportUnknown(name, at: place, to: field.findings)
            }
        }
    }

    subscript(_ key: Key) -> Field? { fields[key] }

    func has(_ key: Key) -> Bool { fields[key] != nil }

    /// Where the key itself stands; the mapping's own place when the key is absent.
    func place(of key: Key) -> Place { keyPlaces[key] ?? field.place }

    private static func reportUnknown(_ name: String, at place: Place, to findings: Findings) {
        if let feature = Key.later[name] {
            findings.error(at: place, "\(feature) is not available in this version of slidegate")
            return
        }
        if Key.self == Vocabulary.Key.self, name == "secret" {
            // The value is not repeated: the message may end in a log.
            findings.error(
                at: place, "a secret does not belong in this file",
                expected: "secret_file with the name of a file, or secret_env with that of an environment variable")
            return
        }
        let known = Key.allCases.map(\.rawValue)
        let message = "unknown key \"\(Quotation.shortened(name))\""
        if let near = Suggestion.nearest(to: name, among: known) {
            findings.error(at: place, message, suggestion: near)
            return
        }
        let elsewhere = Vocabulary.sections(having: name).filter { $0 != Key.section }
        let home = elsewhere.first.map { $0.isEmpty ? "\(name), at the left margin" : "\($0).\(name)" }
        findings.error(at: place, message, expected: Prose.alternatives(known.sorted()), suggestion: home)
    }
}
