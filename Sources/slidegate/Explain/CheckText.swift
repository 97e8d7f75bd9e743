import Authentication
import Bytes
import Configuration
import JOSE
import Signatures

/// What a check has seen and what it wants, for people.
struct CheckText {
    let decision: DecisionExplanation
    let configuration: Configuration
    let keys: LoadedKeys
    let now: Int64
    let fetches: Bool

    private var token: TokenExamination? { decision.token }
    private var validation: ValidationRules { AuthenticationPolicy(configuration).validation }

    func name(of check: DecisionExplanation.Check) -> String {
        switch check {
        case .presence: "token"
        case .sameSite: "same site"
        case .token(.form): "form"
        case .token(.header): "header"
        case .token(.algorithm): "algorithm"
        case .token(.signature): "signature"
        case .token(.claims): "claims"
        case .token(.expiration): "exp"
        case .token(.notBefore): "nbf"
        case .token(.datesOfIssue): "iat"
        case .token(.issuer): "iss"
        case .token(.audience): "aud"
        case .revocation: "revocation"
        case .requirement(let index): printable(decision.requirements[index].requirement.claim)
        case .lateness: "grace"
        }
    }

    func text(of check: DecisionExplanation.Check, _ finding: DecisionExplanation.Finding) -> String {
        let seen = seen(by: check)
        switch finding {
        case .failed(let kind):
            let fault = Refusal(kind).detail.asClause
            return seen.isEmpty ? fault : "\(fault): \(seen)"
        case .passed: return seen
        case .open: return seen.isEmpty ? "not looked at" : "not looked at: \(seen)"
        }
    }

    private func seen(by check: DecisionExplanation.Check) -> String {
        switch check {
        case .presence:
            switch decision.place {
            case .found: return "there is one"
            case .nowhere where decision.refusal == nil: return "there is none, and none is needed"
            case .nowhere, .malformed, .several: return ""
            }
        case .sameSite: return "Origin and Sec-Fetch-Site, where they are there, name this very site"
        case .token(let check): return seen(by: check)
        case .revocation: return "by what the store says"
        case .requirement(let index):
            let finding = decision.requirements[index]
            return "found \(finding.claim.map(printable) ?? "none"), wanted \(Prose.alternatives(finding.requirement.values.map { "\"\($0)\"" }))"
        case .lateness:
            let grace = validation.graceSeconds
            return "the token has ended; for \(InstantText.span(grace)) it may still be renewed, and leeway is \(InstantText.span(validation.leewaySeconds))"
        }
    }

    private func seen(by check: TokenExamination.Check) -> String {
        switch check {
        case .form: return "three parts, at most \(SizeText.format(validation.limits.tokenBytesMax))"
        case .header: return "typ is \(member("typ", token?.header?.parameters)), accepted \(Prose.alternatives(configuration.tokens.types)), or none"
        case .algorithm: return "found \(member("alg", token?.header?.parameters)), keys are for \(algorithms)"
        case .signature: return signature
        case .claims: return "an object with dates that are whole seconds and names that are text"
        case .expiration: return date("exp") + leeway
        case .notBefore: return date("nbf") + leeway
        case .datesOfIssue: return date("iat") + leeway
        case .issuer: return "found \(member("iss", token?.claims)), accepted \(accepted(configuration.tokens.issuers))"
        case .audience: return "found \(member("aud", token?.claims)), accepted \(accepted(configuration.tokens.audiences))"
        }
    }

    private var leeway: String {
        validation.leewaySeconds == 0 ? "" : ", give or take \(InstantText.span(validation.leewaySeconds))"
    }

    private func accepted(_ values: [String]) -> String {
        values.isEmpty ? "any, or none" : Prose.alternatives(values.map { "\"\(printable($0))\"" })
    }

    private func member(_ name: String, _ object: JSONObject?) -> String {
        guard let object, let member = object.member(named: name) else { return "none" }
        return printable(object.withValue(of: member) { String(copying: $0) })
    }

    private func date(_ name: String) -> String {
        guard let claims = token?.claims, let member = claims.member(named: name) else { return "there is none" }
        return claims.integer(of: member).map { InstantText.describe($0, now: now) } ?? self.member(name, claims)
    }

    // MARK: Keys

    private var algorithms: String {
        var seen: Set<Algorithm> = []
        let names = keys.entries.map(\.key.algorithm).filter { seen.insert($0).inserted }.map(\.rawValue)
        return (names.isEmpty ? "none" : Prose.all(names)) + absentKeys
    }

    private var signature: String {
        guard let token else { return "" }
        if let index = token.keyIndex { return "by \(describe(index))" }
        guard token.findings.contains(where: { $0.check == .signature }) else { return "" }
        let named = "kid is \(member("kid", token.header?.parameters))"
        if token.candidates.isEmpty {
            return "\(named), and the keys are \(Prose.all(keys.entries.indices.map(describe)))\(absentKeys)"
        }
        return "\(named); tried \(Prose.all(token.candidates.map(describe)))\(absentKeys)"
    }

    private func describe(_ index: Int) -> String {
        guard keys.entries.indices.contains(index) else { return "a key" }
        let entry = keys.entries[index]
        let id = entry.key.id.map { "kid \"\(printable($0))\"" } ?? "without kid"
        return "\(entry.key.algorithm.rawValue) \(id) (\(configuration.keys[entry.source].place.path))"
    }

    /// What is not here, and why.
    private var absentKeys: String {
        guard !keys.remote.isEmpty, !fetches else { return "" }
        let sources = Prose.all(keys.remote.map { "\($0.source.address)" })
        return "; those of \(sources) are not fetched here: --fetch does that"
    }
}

extension String {
    fileprivate var asClause: String { hasSuffix(".") ? prefix(1).lowercased() + dropFirst().dropLast() : self }
}
