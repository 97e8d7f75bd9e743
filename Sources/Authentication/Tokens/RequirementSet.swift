internal import Bytes
internal import JOSE

/// What a route requires of a token's claims; all of it.
struct RequirementSet: IndexedSet, Sendable {
    private let requirements: [RoutePolicy.Requirement]
    /// The values required of `scope`, for the challenge (RFC 6750 §3): those that its grammar can carry.
    let scope: [String]

    init(_ requirements: [RoutePolicy.Requirement]) {
        self.requirements = requirements
        scope = requirements.filter { Self.isScope($0.claim) }.flatMap(\.values).filter { value in
            !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
        }
    }

    var isEmpty: Bool { requirements.isEmpty }

    func isMet(by token: VerifiedToken) -> Bool { requirements.allSatisfy { Self.isMet($0, by: token.claims) } }

    static func isMet(_ requirement: RoutePolicy.Requirement, by claims: ClaimsSet) -> Bool {
        guard let member = claims.member(named: requirement.claim) else { return false }
        if requirement.values.isEmpty { return member.kind != .null }
        switch member.kind {
        case .string where isScope(requirement.claim):
            let granted = claims.string(of: member)?.split(separator: " ") ?? []
            return requirement.values.contains { value in granted.contains { $0 == value } }
        case .string, .array:
            return requirement.values.contains { value in
                let bytes = Array(value.utf8)
                return claims.value(of: member, isOrContains: bytes.span)
            }
        case .number, .boolean:
            return requirement.values.contains { value in
                let bytes = Array(value.utf8)
                return claims.withValue(of: member) { $0.elementsEqual(bytes.span) }
            }
        case .object, .null:
            return false
        }
    }

    /// Space-separated by RFC 8693 §4.2; `scp` is what some issuers call it.
    private static func isScope(_ claim: String) -> Bool { claim == "scope" || claim == "scp" }
}
