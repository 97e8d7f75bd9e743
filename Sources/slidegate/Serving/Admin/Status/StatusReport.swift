import Authentication
import Bytes
import EventLoop
import JOSE
import Metrics
import Proxy

/// What the status page shows, as `/status.json` says it: the reference describes each member.
struct StatusReport {
    /// Whether the session API may be used.
    enum Sessions: String {
        case available
        /// None is configured, and without it sessions are not shown.
        case secretRequired = "secret_required"
        case none
    }

    var gateway: GatewayReport
    var service: ServiceReport
    var readiness: Readiness
    var store: StoreReport?
    var sessions: Sessions
    /// Seconds since 1970.
    var now: Int64
    var instant: Instant

    var json: JSONOutput {
        let total = gateway.total
        return [
            "time": .integer(now), "readiness": readiness.json, "process": process, "build": build, "configuration": service.json,
            "listeners": .array(service.addresses.map { .string("\($0)") }), "certificates": .array(service.certificates.map(\.json)),
            "workers": ["count": JSONOutput(gateway.workers), "reporting": JSONOutput(gateway.workersReporting)],
            "active": [
                "connections": JSONOutput(total.openConnections), "requests": JSONOutput(total.activeExchanges),
                "tunnels": JSONOutput(total.openTunnels),
            ],
            "counters": .object(Counter.allCases.map { (name: "\($0.name)", value: JSONOutput(total.counters[$0])) }),
            "own_answers": JSONOutput(total.ownAnswers), "latency_bounds": bounds, "routes": .array(total.requests.json),
            "durations": ["verify": total.verifyTimes.json, "mint": total.mintTimes.json, "store": total.storeTimes.json],
            "renewals_skipped": skips, "token_cache": tokenCache, "upstreams": .array(total.upstreams.map(\.json)),
            "keys": .array(total.keys.map(\.json)), "key_sets": .array(service.keySets.map(\.json)), "store": store?.json ?? nil,
            "sessions": .string(sessions.rawValue), "refusals": .array(total.refusals.map(\.json)),
            "shadow": .array(total.shadow.map(\.json)),
            "log_lines_dropped": .object(service.droppedLogLines.map { (name: $0.log, value: JSONOutput($0.count)) }),
        ]
    }

    /// The longest time that each bucket of a histogram counts, in seconds; the last bucket has none.
    private var bounds: JSONOutput {
        .array((0..<Histogram.boundCount).map { .number(Double(Histogram.bound(of: $0)) / 1e9) })
    }

    private var skips: JSONOutput {
        let counts = zip(RenewalSkip.allCases, gateway.total.renewalSkips).filter { $0.1 > 0 }
        return .object(counts.map { (name: $0.0.rawValue, value: JSONOutput($0.1)) })
    }

    private var tokenCache: JSONOutput {
        let total = gateway.total
        return [
            "found": JSONOutput(total.tokenCounts.found), "verified": JSONOutput(total.tokenCounts.verified),
            "tokens": JSONOutput(total.cachedTokens),
        ]
    }

    private var build: JSONOutput {
        [
            "version": .string(Version.text), "swift": .string(MetricsPage.compilerVersion), "openssl": .string(LibraryVersions.openssl),
            "libevent": .string(LibraryVersions.libevent),
        ]
    }

    private var process: JSONOutput {
        let usage = ProcessUsage.current()
        return [
            "id": .integer(Int64(ProcessUsage.processID)), "started_at": .integer(service.startedAt), "uptime": .number(uptime), "cpu_seconds": .number(usage.processorSeconds),
            "resident_bytes": JSONOutput(usage.residentBytes), "open_files": JSONOutput(usage.openDescriptors),
        ]
    }

    /// In seconds, by the monotonic clock: what rates are reckoned by.
    private var uptime: Double { Double(instant.milliseconds - service.startInstant.milliseconds) / 1000 }
}

extension RequestCounts {
    /// Those that have had a request.
    fileprivate var json: [JSONOutput] {
        names.indices.filter { total(of: $0) > 0 }.map { group in
            let decisions = RequestDecision.allCases.map { decision in
                (name: decision.rawValue, count: StatusClass.allCases.reduce(0) { $0 + self[group, $1, decision] })
            }
            let statuses = StatusClass.allCases.map { status in
                (name: "\(status.name)", count: RequestDecision.allCases.reduce(0) { $0 + self[group, status, $1] })
            }
            return [
                "name": .string(names[group]), "requests": Self.json(decisions), "statuses": Self.json(statuses),
                "latency": durations[group].json,
            ]
        }
    }

    /// What there was none of is left out.
    private static func json(_ counts: [(name: String, count: Int)]) -> JSONOutput {
        .object(counts.filter { $0.count > 0 }.map { (name: $0.name, value: JSONOutput($0.count)) })
    }
}

extension Histogram {
    /// Times in seconds; buckets by index, those alone that are not empty.
    fileprivate var json: JSONOutput {
        func seconds(_ share: Double) -> JSONOutput { quantile(share).map { .number(Double($0) / 1e9) } ?? nil }
        let buckets = (0..<Self.bucketCount).filter { self[$0] > 0 }.map { JSONOutput.array([JSONOutput($0), JSONOutput(self[$0])]) }
        return [
            "count": JSONOutput(count), "sum": .number(Double(sum) / 1e9), "p50": seconds(0.5), "p90": seconds(0.9), "p99": seconds(0.99),
            "buckets": .array(buckets),
        ]
    }
}

extension RecentRefusal {
    fileprivate var json: JSONOutput {
        var fingerprint = ByteBuffer()
        token?.append(to: &fingerprint)
        return [
            "time": .integer(time), "status": JSONOutput(status), "code": .string(code), "reason": .string(reason), "method": .string(method),
            "path": .string(path), "client": .string(client.hostText), "route": route.isEmpty ? nil : .string(route),
            "token": fingerprint.isEmpty ? nil : .string(fingerprint.withSpan { String(copying: $0) }), "asked": .boolean(isAsked),
        ]
    }
}

extension CertificateReport {
    fileprivate var json: JSONOutput { ["listener": .string(listener), "name": .string(name), "not_after": .integer(notAfter)] }
}

extension KeySetReport {
    fileprivate var json: JSONOutput {
        [
            "source": .string(source), "keys": JSONOutput(keyCount), "age": age.map { .integer($0) } ?? nil, "fetches": JSONOutput(fetches),
            "failures": JSONOutput(failures),
        ]
    }
}

extension Readiness {
    fileprivate var json: JSONOutput {
        switch self {
        case .ready: "ready"
        case .loading: "loading"
        case .draining: "draining"
        }
    }
}

extension ServiceReport {
    fileprivate var json: JSONOutput {
        [
            "file": JSONOutput(path), "generation": JSONOutput(generation), "digest": .string(digest), "loaded_at": .integer(loadedAt),
            "reloads_applied": JSONOutput(reloadsApplied), "reloads_refused": JSONOutput(reloadsRefused),
            "last_reload": lastReload.map { reload in
                [
                    "time": .integer(reload.date), "applied": .boolean(reload.isApplied),
                    "complaints": .array(reload.complaints.map { .string($0) }),
                ]
            } ?? nil,
            "session_cap": sessionCapSeconds.map { .integer($0) } ?? nil,
        ]
    }
}

extension UpstreamReport {
    fileprivate var json: JSONOutput {
        ["name": .string(name), "queued": JSONOutput(queued), "latency": answerTimes.json, "servers": .array(servers.map(\.json))]
    }
}

extension ServerReport {
    fileprivate var json: JSONOutput {
        [
            "name": .string(name), "state": .string(word), "backup": .boolean(isBackup), "workers_up": JSONOutput(workersUp),
            "active_requests": JSONOutput(activeRequests), "idle_connections": JSONOutput(idleConnections),
            "requests": JSONOutput(requests), "failures": JSONOutput(failures), "ejections": JSONOutput(ejections),
        ]
    }

    private var word: String {
        switch state {
        case .up: "up"
        case .ejected: "ejected"
        case .onTrial: "on_trial"
        case .down: "down"
        case .drained: "drained"
        }
    }
}

extension KeyReport {
    fileprivate var json: JSONOutput {
        [
            "id": JSONOutput(name.id), "algorithm": .string(name.algorithm.rawValue), "signs": .boolean(signs),
            "verified": JSONOutput(use.verified), "migrated": JSONOutput(use.migrated),
            "last_used": use.lastUsed > 0 ? .integer(use.lastUsed) : nil,
        ]
    }
}

extension StoreReport {
    fileprivate var json: JSONOutput {
        [
            "up": .boolean(isUp), "revocations": JSONOutput(revocationCount), "revocations_dropped": JSONOutput(droppedCount),
            "confirmation_age": confirmationAge.map { .number(Double($0) / 1000) } ?? nil,
        ]
    }
}
