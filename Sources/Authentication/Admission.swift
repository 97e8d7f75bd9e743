/// What is to become of a request.
package enum Decision {
    /// It goes upstream.
    case admit(Admission)
    /// The gateway answers, and nothing goes upstream.
    case refuse(Refusal)
    /// The gateway answers a CORS preflight with 204 (`appendPreflightFields`). Only where a CORS policy is configured;
    /// elsewhere preflights are admitted without a token.
    case preflight(Preflight)
}

/// A request that may pass, and all that its answer will need to know of it. Owned: it outlives the request's bytes.
package struct Admission {
    /// Index into the policy's routes.
    package let route: Int
    /// Nil: nobody in particular. The route asks for no token, or does not insist on one.
    package let token: TokenEntry?
    /// Whether a successor is due. It rides only if the answer allows, too.
    package let renewal: RenewalDecision
    package let origin: CrossOrigin
    /// Whole lines that stand for the ones that carried the token; empty where those stay or just go.
    let substitutes: [UInt8]
    /// Nil for all that would pass in any mode.
    let verdict: ShadowVerdict?

    /// Why the request would be refused, were its route not in shadow mode: it passes as one without a token does where none is
    /// asked for. The token that it carries is nobody's then, even where it is good.
    package var wouldRefuse: Refusal? { verdict?.refusal }
    /// Of the token of such a request, if it has one and no more.
    package var refusedToken: Fingerprint? { verdict?.token }
}

/// What enforcing would have made of a request. A reference: admissions are passed around, and hardly one has it.
final class ShadowVerdict: Sendable {
    let refusal: Refusal
    let token: Fingerprint?

    init(_ refusal: Refusal, token: Fingerprint?) {
        self.refusal = refusal
        self.token = token
    }
}

/// What became of a renewal, for logs and counters.
package enum RenewalOutcome: Sendable {
    /// The answer carries `successor`.
    case attached(Renewal, successor: [UInt8])
    case skipped(RenewalSkip)

    package var isAttached: Bool {
        switch self {
        case .attached: true
        case .skipped: false
        }
    }
}

// What is printed by chance must not show a token.

extension Admission: CustomStringConvertible {
    package var description: String { "Admission(route: \(route), renewal: \(renewal))" }
}

extension RenewalOutcome: CustomStringConvertible {
    package var description: String {
        switch self {
        case .attached(let renewal, _): "attached(\(renewal))"
        case .skipped(let reason): "skipped(\(reason.rawValue))"
        }
    }
}
