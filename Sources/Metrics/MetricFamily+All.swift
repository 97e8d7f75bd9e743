extension MetricFamily {
    /// Every family that the page can have, in its order. `Metrics.md` says of each what it means and when to worry.
    package static let all: [MetricFamily] =
        Counter.allCases.map(MetricFamily.init) + [
            requests, shadowRefusals, renewalsSkipped, ownAnswers, answersCutShort, refreshesRefused,
            requestDuration, upstreamDuration, verifyDuration, mintDuration, storeDuration,
            tokenCacheHits, tokenCacheMisses, tokenCacheEntries,
            connections, exchanges, tunnels, workers, workersReporting,
            keyVerified, keyMigrated, keySetAge, keySetKeys, keySetFetches,
            upstreamQueue, serverRequests, serverFailures, serverEjections, serverActive, serverIdle, serverWorkersUp,
            storeSeconds, storeUp, revocationEntries, revocationsDropped, revocationAge,
            certificateExpiry, logLinesDropped,
            ready, buildInfo, configurationInfo, configurationLoaded, configurationReloads, lastReloadSuccessful,
            processorTime, residentMemory, openDescriptors, descriptorsMax, startTime,
        ]

    package init(_ counter: Counter) {
        self.init("slidegate_\(counter.name)_total", .counter, "\(counter.help)")
    }

    // MARK: Requests

    package static let requests = MetricFamily(
        "slidegate_requests_total", .counter, ["route", "status", "decision"],
        "Requests that have ended, by route, class of status and what was decided.")
    package static let shadowRefusals = MetricFamily(
        "slidegate_shadow_refusals_total", .counter, ["route", "reason"],
        "Requests that were let through in shadow mode and would have been refused, by route and reason.")
    package static let renewalsSkipped = MetricFamily(
        "slidegate_renewals_skipped_total", .counter, ["reason"], "Answers that carried no successor, by reason.")
    package static let ownAnswers = MetricFamily(
        "slidegate_own_answers_total", .counter, ["code"], "Answers of the gateway's own, by the code in their content.")
    package static let answersCutShort = MetricFamily(
        "slidegate_answers_cut_short_total", .counter, ["code"], "Answers that had begun and were cut short, by reason.")
    package static let refreshesRefused = MetricFamily(
        "slidegate_refreshes_refused_total", .counter, ["reason"], "Refresh tokens that brought no new tokens, by reason.")

    // MARK: Time

    package static let requestDuration = MetricFamily(
        "slidegate_request_duration_seconds", .histogram, ["route"],
        "From the end of a request's head to the end of its answer, by route.")
    package static let upstreamDuration = MetricFamily(
        "slidegate_upstream_duration_seconds", .histogram, ["upstream"],
        "From sending a request to an upstream to the head of its answer.")
    package static let verifyDuration = MetricFamily(
        "slidegate_verify_duration_seconds", .histogram, "From a request's head to its decision, where the token was verified rather than remembered.")
    package static let mintDuration = MetricFamily(
        "slidegate_mint_duration_seconds", .histogram, "Mints of successors that were signed rather than remembered.")
    package static let storeDuration = MetricFamily(
        "slidegate_store_duration_seconds", .histogram, "Questions to the store of sessions, until their answers.")

    // MARK: The cache of verified tokens

    package static let tokenCacheHits = MetricFamily(
        "slidegate_token_cache_hits_total", .counter, "Requests whose token had been verified before and was remembered.")
    package static let tokenCacheMisses = MetricFamily(
        "slidegate_token_cache_misses_total", .counter, "Requests whose token was not remembered and had to be verified.")
    package static let tokenCacheEntries = MetricFamily(
        "slidegate_token_cache_entries", .gauge, "Verified tokens that are remembered, by all workers.")

    // MARK: Now

    package static let connections = MetricFamily("slidegate_connections", .gauge, "Client connections that are open.")
    package static let exchanges = MetricFamily("slidegate_exchanges", .gauge, "Requests that are being answered.")
    package static let tunnels = MetricFamily("slidegate_tunnels", .gauge, "Tunnels that are open.")
    package static let workers = MetricFamily("slidegate_workers", .gauge, "Worker threads.")
    package static let workersReporting = MetricFamily(
        "slidegate_workers_reporting", .gauge,
        "Worker threads that answered this request for metrics in time; what others have done is missing.")

    // MARK: Keys

    private static let keyLabels = ["kid", "algorithm", "signs"]
    package static let keyVerified = MetricFamily(
        "slidegate_key_verified_requests_total", .counter, keyLabels,
        "Requests whose token a key had signed; of an old key, what is left of its tokens.")
    package static let keyMigrated = MetricFamily(
        "slidegate_key_migrated_successors_total", .counter, keyLabels,
        "Successors signed by the signing key for tokens that another key had signed.")
    package static let keySetAge = MetricFamily(
        "slidegate_key_set_age_seconds", .gauge, ["source"],
        "Time since a key set was last fetched or found to be unchanged; absent while there is none.")
    package static let keySetKeys = MetricFamily(
        "slidegate_key_set_keys", .gauge, ["source"], "Keys of a key set that are in use; 0: the set is not there.")
    package static let keySetFetches = MetricFamily(
        "slidegate_key_set_fetches_total", .counter, ["source", "result"], "Fetches of a key set, by result: ok or failed.")

    // MARK: Upstreams

    package static let upstreamQueue = MetricFamily(
        "slidegate_upstream_queued_requests", .gauge, ["upstream"], "Requests that wait for a server of the upstream.")
    private static let serverLabels = ["upstream", "server"]
    package static let serverRequests = MetricFamily(
        "slidegate_server_requests_total", .counter, serverLabels, "Requests sent to the server.")
    package static let serverFailures = MetricFamily(
        "slidegate_server_failures_total", .counter, serverLabels, "Requests that the server failed.")
    package static let serverEjections = MetricFamily(
        "slidegate_server_ejections_total", .counter, serverLabels, "Times that a worker put the server aside.")
    package static let serverActive = MetricFamily(
        "slidegate_server_active_requests", .gauge, serverLabels, "Requests under way at the server.")
    package static let serverIdle = MetricFamily(
        "slidegate_server_idle_connections", .gauge, serverLabels, "Connections to the server kept for later.")
    package static let serverWorkersUp = MetricFamily(
        "slidegate_server_workers_up", .gauge, serverLabels, "Workers that send the server requests.")

    // MARK: The store of sessions

    package static let storeSeconds = MetricFamily(
        "slidegate_store_seconds_total", .counter, "Time that the store of sessions took to answer, summed.")
    package static let storeUp = MetricFamily("slidegate_store_up", .gauge, "Whether the store of sessions answers: 1 or 0.")
    package static let revocationEntries = MetricFamily(
        "slidegate_revocation_entries", .gauge, "Revocations that are remembered, expired ones until they are swept.")
    package static let revocationsDropped = MetricFamily(
        "slidegate_revocations_dropped_total", .counter,
        "Revocations that there was no room for; while any are missing, the store counts as away.")
    package static let revocationAge = MetricFamily(
        "slidegate_revocation_confirmation_age_seconds", .gauge,
        "Time since every revocation in the store was known here; absent before the first load.")

    // MARK: The program

    package static let certificateExpiry = MetricFamily(
        "slidegate_certificate_expiry_timestamp_seconds", .gauge, ["listener", "name"],
        "When a listener's certificate ends, by the first name that it holds for.")
    package static let logLinesDropped = MetricFamily(
        "slidegate_log_lines_dropped_total", .counter, ["log"], "Log lines lost because the log was not read fast enough.")
    package static let ready = MetricFamily(
        "slidegate_ready", .gauge, "Whether new connections are welcome, as /readyz says it: 1 or 0.")
    package static let buildInfo = MetricFamily(
        "slidegate_build_info", .gauge, ["version", "swift", "openssl", "libevent"],
        "Always 1; which program this is, and what it runs with.")
    package static let configurationInfo = MetricFamily(
        "slidegate_configuration_info", .gauge, ["generation", "hash"],
        "Always 1; how many configurations this process has had, and the beginning of the SHA-256 of the file in force.")
    package static let configurationLoaded = MetricFamily(
        "slidegate_configuration_loaded_timestamp_seconds", .gauge, "When the configuration in force came to be so.")
    package static let configurationReloads = MetricFamily(
        "slidegate_configuration_reloads_total", .counter, ["result"], "Reloads of the configuration, by result: applied or refused.")
    package static let lastReloadSuccessful = MetricFamily(
        "slidegate_configuration_last_reload_successful", .gauge,
        "Whether the file that was read last is in force: 1, or 0 where it was refused.")

    // MARK: The process, by the names that Prometheus' client libraries give

    package static let processorTime = MetricFamily(
        "process_cpu_seconds_total", .counter, "Processor time, user and system.")
    package static let residentMemory = MetricFamily("process_resident_memory_bytes", .gauge, "Resident memory.")
    package static let openDescriptors = MetricFamily("process_open_fds", .gauge, "Open descriptors.")
    package static let descriptorsMax = MetricFamily("process_max_fds", .gauge, "Descriptors that may be open at once.")
    package static let startTime = MetricFamily("process_start_time_seconds", .gauge, "When the process started.")

    /// Before the first one.
    static let none = MetricFamily("", .gauge, "")
}
