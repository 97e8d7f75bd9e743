extension Configuration {
    /// When a token is renewed, for how long, and how the successor is handed over. Durations are whole seconds.
    package struct Sliding: Sendable, Equatable {
        package var lifetime: Lifetime
        /// Upper bound of an inherited lifetime.
        package var lifetimeMax: Duration
        /// A token is renewed when no more than this is left of it.
        package var buffer: Buffer
        /// Successors begin at multiples of this from the start of the window. Nil: the buffer, one successor a token.
        package var quantum: Duration?
        /// End of the session, counted from its first token. Nil: only by an explicit `none`.
        package var sessionCap: Duration?
        /// A renewal that gains less than this percentage of the lifetime is skipped; 0 ... 99.
        package var leastGainPercent: Int
        /// How long after its end a token may still be renewed. Zero by default.
        package var grace: Duration
        package var delivery: Delivery
        /// Upstream statuses whose answers never carry a successor.
        package var exceptStatuses: [Int]
        /// A request with this field does not renew. Nil: clients cannot opt out.
        package var optOutHeader: String?
        /// Response field that tells the seconds to the token's end. Nil: not sent.
        package var tokenExpiryHeader: String?
        /// Response field that tells the seconds to the session's end. Nil: not sent.
        package var sessionExpiryHeader: String?
        package var expiryAnswers: ExpiryAnswers
        package var place: Place

        /// Which answers tell the seconds that are left.
        package enum ExpiryAnswers: String, Sendable, CaseIterable {
            /// Those that carry a successor: no cache keeps them, so the seconds are fresh.
            case renewals
            /// All answers to requests that a token authorised. One from a cache tells old seconds: add its `Age`.
            case all
        }

        package enum Lifetime: Sendable, Equatable {
            /// `exp - iat` of the presented token, at most `lifetimeMax`.
            case inherit
            case fixed(Duration)
        }

        package enum Buffer: Sendable, Equatable {
            case duration(Duration)
            /// Of the token's lifetime; 1 ... 99.
            case percent(Int)
        }

        package enum Delivery: Sendable, Equatable {
            /// A response field of this name.
            case header(String)
            /// `Authorization: Bearer …` on the response.
            case authorization
            case cookie(Cookie)
        }

        /// Always `HttpOnly` and `Secure`; `Max-Age` is what remains of the token.
        package struct Cookie: Sendable, Equatable {
            package var name: String
            package var path: String
            /// Never with a `__Host-` name.
            package var domain: String?
            package var sameSite: SameSite

            package enum SameSite: String, Sendable, CaseIterable { case strict, lax, none }
        }
    }
}
