/// What a worker counts.
package enum Counter: Int, CaseIterable, Sendable {
    case connections
    case exchanges
    case renewals
    case mintFailures
    case refusals
    case failures
    case acceptPauses
    case rejectedConnections
    case shedRequests
    case throttled
    case slowClients
    case tlsHandshakes
    case tlsResumptions
    case tlsHandshakeFailures
    case tunnelsOpened
    case tunnelsExtended
    case tunnelsExpired
    case streamsRevoked
    case renewalsWithheld
    case upstreamExcess
    case jwksFetches
    case jwksFailures
    case healthChanges
    case resolutionFailures
    case retries
    case retryBudgetExhausted
    case ejections
    case queueTimeouts
    case queueOverflows
    case circuitOpen
    case sessionsCreated
    case refreshes
    case refreshesReplayed
    case reuseDetected
    case logouts
    case revocations
    case loginsNotCaptured
    case storeCalls
    case storeFailures
    case decisions

    /// The name as metrics and logs show it, without prefix and suffix.
    package var name: StaticString {
        switch self {
        case .connections: "connections"
        case .exchanges: "exchanges"
        case .renewals: "renewals"
        case .mintFailures: "mint_failures"
        case .refusals: "refusals"
        case .failures: "failures"
        case .acceptPauses: "accept_pauses"
        case .rejectedConnections: "rejected_connections"
        case .shedRequests: "shed_requests"
        case .throttled: "throttled"
        case .slowClients: "slow_clients"
        case .tlsHandshakes: "tls_handshakes"
        case .tlsResumptions: "tls_resumptions"
        case .tlsHandshakeFailures: "tls_handshake_failures"
        case .tunnelsOpened: "tunnels_opened"
        case .tunnelsExtended: "tunnels_extended"
        case .tunnelsExpired: "tunnels_expired"
        case .streamsRevoked: "streams_revoked"
        case .renewalsWithheld: "renewals_withheld"
        case .upstreamExcess: "upstream_excess"
        case .jwksFetches: "jwks_fetches"
        case .jwksFailures: "jwks_failures"
        case .healthChanges: "health_changes"
        case .resolutionFailures: "resolution_failures"
        case .retries: "retries"
        case .retryBudgetExhausted: "retry_budget_exhausted"
        case .ejections: "ejections"
        case .queueTimeouts: "queue_timeouts"
        case .queueOverflows: "queue_overflows"
        case .circuitOpen: "circuit_open"
        case .sessionsCreated: "sessions_created"
        case .refreshes: "refreshes"
        case .refreshesReplayed: "refreshes_replayed"
        case .reuseDetected: "reuse_detected"
        case .logouts: "logouts"
        case .revocations: "revocations"
        case .loginsNotCaptured: "logins_not_captured"
        case .storeCalls: "store_calls"
        case .storeFailures: "store_failures"
        case .decisions: "decisions"
        }
    }

    /// What is counted, as one sentence for whoever reads the metrics.
    package var help: StaticString {
        switch self {
        case .connections: "Client connections accepted."
        case .exchanges: "Requests admitted and sent upstream."
        case .renewals: "Answers that carried a successor."
        case .mintFailures: "Renewals that were due and could not be signed; the requests went on without."
        case .refusals: "Requests refused by policy."
        case .failures: "Requests that failed otherwise: malformed, timed out, upstream down."
        case .acceptPauses: "Times that accepting was paused, at the limit of connections, descriptors or memory."
        case .rejectedConnections: "Connections refused: too many of one client, or no acceptable PROXY header."
        case .shedRequests: "Requests answered with 503, at the limit of requests or memory."
        case .throttled: "Requests answered with 429: too many tokens of that client were not genuine."
        case .slowClients: "Clients cut off because they sent or read too slowly."
        case .tlsHandshakes: "TLS handshakes with clients that succeeded, resumptions among them."
        case .tlsResumptions: "TLS handshakes with clients that resumed a session."
        case .tlsHandshakeFailures: "TLS handshakes with clients that failed or did not end in time."
        case .tunnelsOpened: "Upgrades that became tunnels."
        case .tunnelsExtended: "Times that a tunnel or event stream got a later end, as its session went on elsewhere."
        case .tunnelsExpired: "Tunnels and event streams that were ended with their session."
        case .streamsRevoked: "Tunnels and event streams that were ended because their token or session was revoked."
        case .renewalsWithheld: "Answers without the successor that was due: the session was revoked meanwhile, or nobody knows."
        case .upstreamExcess: "Upstream connections closed because more came on them than had been asked for."
        case .jwksFetches: "Key sets fetched from a URL, or found to be unchanged."
        case .jwksFailures: "Fetches of a key set that brought none; the set before stays for max_stale."
        case .healthChanges: "Times that active checks changed their mind about a server's address."
        case .resolutionFailures: "Lookups of an upstream's name that brought no address; the addresses before stay."
        case .retries: "Requests sent to an upstream once more, as the try before had failed."
        case .retryBudgetExhausted: "Requests not tried again because too many others had been."
        case .ejections: "Times that a server was put aside by a worker because its requests failed."
        case .queueTimeouts: "Requests whose turn at an upstream did not come in time."
        case .queueOverflows: "Requests refused because too many waited for an upstream."
        case .circuitOpen: "Requests refused at once because no server of their upstream was available."
        case .sessionsCreated: "Sessions begun with a login."
        case .refreshes: "Refresh tokens, or valid access tokens where those are taken, exchanged for new ones."
        case .refreshesReplayed: "Refresh tokens that came again within the grace and got the same answer."
        case .reuseDetected: "Sessions ended because a refresh token that had been used up came back."
        case .logouts: "Requests that ended one or all sessions of their user."
        case .revocations: "Requests that revoked a token (RFC 7009)."
        case .loginsNotCaptured: "Answers to logins that were passed on as they were though they should have begun a session."
        case .storeCalls: "Questions to the store of sessions, answered or not."
        case .storeFailures: "Questions to the store that failed or were not answered in time."
        case .decisions: "Decisions that proxies in front have asked for, refusals among them."
        }
    }
}

/// What one worker has done since it started; summed over workers by whoever reports.
package struct Counters: Sendable {
    /// Room for every `Counter`, in place: counting is an addition to memory that the worker owns.
    private var values = InlineArray<64, Int>(repeating: 0)

    package init() {}

    package subscript(counter: Counter) -> Int {
        get { values[counter.rawValue] }
        set { values[counter.rawValue] = newValue }
    }

    package static func += (total: inout Counters, part: Counters) {
        for counter in Counter.allCases { total[counter] += part[counter] }
    }
}
