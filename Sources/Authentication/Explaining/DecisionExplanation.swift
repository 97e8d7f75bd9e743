package import JOSE

/// A decision, and what led to it: for people who ask why.
///
/// The decision is `authenticate`'s, and what the answer gets is what `prepareResponse` says. Everything beside it was found by
/// asking the same functions once more, and tests hold that both agree.
package struct DecisionExplanation {
    /// Where the token is, by the sources of the policy.
    package enum Place: Sendable, Equatable {
        case nowhere
        case found(TokenSourcePolicy.Source)
        case malformed
        case several
    }

    /// What is asked of a request, in this order, once its route is known.
    package enum Check: Sendable, Equatable {
        /// One token, where one is needed.
        case presence
        /// A cookie's token was not sent for another site's page.
        case sameSite
        case token(TokenExamination.Check)
        case revocation
        /// By index into the route's.
        case requirement(Int)
        /// A token that has ended is there to be renewed, or within the leeway.
        case lateness
    }

    package enum Finding: Sendable {
        case passed
        case failed(Refusal.Kind)
        /// Not looked at: an earlier check failed, or there is nothing to look at.
        case open
    }

    /// What a route requires of a claim, and what the claim is: as it was written, nil where it is absent.
    package struct RequirementFinding: Sendable {
        package let requirement: RoutePolicy.Requirement
        package let claim: String?
        package let isMet: Bool
    }

    /// What is to come of the token.
    package struct Prospect: Sendable {
        package let tokenEnd: Int64
        /// When its window opens, or did; nil: it has none.
        package let windowStart: Int64?
        /// nil: there is no cap, or nothing to count it from.
        package let sessionEnd: Int64?
        /// What a request would bring now, or else at the opening of the window. A skip says why there is nothing to wait for.
        package let now: RenewalDecision
        package let next: RenewalDecision
        /// The longest pause that the session survives; nil: nothing is renewed.
        package let idleSeconds: Int64?
    }

    package let now: NumericDate
    package let match: RouteTable.Match
    /// It asks whether another request would be allowed (CORS).
    package let isPreflight: Bool
    package let place: Place
    package let fingerprint: Fingerprint?
    /// Nil: there is no token, or the route does not look at it.
    package let token: TokenExamination?
    package let checks: [(check: Check, finding: Finding)]
    package let requirements: [RequirementFinding]
    package let decision: Decision
    package let mode: RoutePolicy.Mode
    /// Nil: no good token, or one that means nothing here.
    package let prospect: Prospect?
    /// What an answer with status 200 would carry; nil: the request goes no further.
    package let outcome: RenewalOutcome?
    /// Names of fields that do not go upstream, as the client has sent them.
    package let dropped: [String]
    /// What the API and the client get beside what comes from the other; no token in them can be used.
    package let requestFields: [Field]
    package let responseFields: [Field]

    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: Value

        package enum Value: Sendable, Equatable {
            case text(String)
            /// The value is a token, or holds one; not shown.
            case token(Holder)
        }

        package enum Holder: Sendable, Equatable { case presented, successor }
    }

    /// Index into the policy's routes.
    package var route: Int? { if case .route(let index) = match { index } else { nil } }

    /// What the request is refused for, or would be in another mode.
    package var refusal: Refusal? {
        switch decision {
        case .refuse(let refusal): refusal
        case .admit(let admission): admission.wouldRefuse
        case .preflight: nil
        }
    }

    /// The first check that fails.
    package var failure: Refusal.Kind? {
        for (_, finding) in checks { if case .failed(let kind) = finding { return kind } }
        return nil
    }
}
