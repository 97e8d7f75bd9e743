/// What holds where the file says nothing, each value once and with its reason. `Reference.md` repeats the values; a
/// test compares.
package enum Defaults {
    // MARK: Tokens

    /// The clocks of an issuer and of its gateway are expected to be kept by NTP; every second of leeway is a second
    /// that an expired token lives on. The common JWT libraries have the same default.
    package static let leeway: Duration = .zero
    /// The usual place (RFC 6750 §2.1).
    package static let tokenSources: [Configuration.Tokens.Source] = [.authorization]
    /// Servers commonly refuse heads above 8 KiB; a token that fits is smaller.
    package static let tokenBytesMax = 8 << 10
    package static let realm = "slidegate"
    /// RFC 7519 §5.1 and RFC 9068 §2.1. Other types are other things: ID tokens of a kind, DPoP proofs, logout tokens.
    package static let tokenTypes = ["JWT", "at+jwt"]

    // MARK: Sliding

    /// Bounds what a token that was issued for years by mistake turns into; well above any lifetime that needs renewal.
    package static let lifetimeMax: Duration = .seconds(30 * 86_400)
    /// A working day, and a login every morning: without an end, a stolen token would live as long as it is used.
    package static let sessionCap: Duration = .seconds(12 * 3600)
    /// Less than a tenth of a lifetime is not worth a new token.
    package static let leastGainPercent = 10
    /// An expired token is dead.
    package static let grace: Duration = .zero
    package static let deliveryHeader = "X-Refresh-Token"
    /// With 401 the upstream has just refused this token.
    package static let exceptStatuses = [401]
    package static let optOutHeader = "X-No-Refresh"
    package static let tokenExpiryHeader = "X-Token-Expires-In"
    package static let sessionExpiryHeader = "X-Session-Expires-In"
    /// The seconds on an answer that no cache keeps are right for whoever reads them.
    package static let expiryAnswers: Configuration.Sliding.ExpiryAnswers = .renewals
    /// `__Host-` binds the cookie to this very host, to HTTPS and to the root path.
    package static let cookieName = "__Host-token"
    package static let cookiePath = "/"
    /// Sent when someone follows a link to the site, not with requests that other sites make.
    package static let cookieSameSite: Configuration.Sliding.Cookie.SameSite = .lax

    // MARK: Sessions

    /// What a stolen access token is good for, and an ended session when nobody hears of it.
    package static let accessLifetime: Duration = .seconds(15 * 60)
    /// Who is away for a weekend need not log in again.
    package static let refreshLifetime: Duration = .seconds(7 * 86_400)
    /// A login every month, however busy the user: without an end, a stolen refresh token would live as long as it is used.
    package static let refreshCap: Duration = .seconds(30 * 86_400)
    package static let rotates = true
    /// Longer than a lost answer takes to be asked for again, and two tabs are apart.
    package static let refreshGrace: Duration = .seconds(10)
    package static let deviceHeaders = Configuration.Sessions.Device(
        id: "X-Device-Id", name: "X-Device-Name", application: "X-Application-Id")
    /// What another process has revoked is known here within a quarter of a second, for a few questions a second.
    package static let revocationPoll: Duration = .milliseconds(250)
    /// A store that starts again is back by then.
    package static let awayAfter: Duration = .seconds(5)
    /// As the cap of sliding sessions: tokens that live longer are rare.
    package static let revocationKeep: Duration = .seconds(12 * 3600)
    package static let sweep: Duration = .seconds(600)
    /// `__Host-` binds the cookie to this very host, to HTTPS and to the root path.
    package static let refreshCookieName = "__Host-refresh"
    /// Pages of the application ask for refreshes; nobody follows a link to one.
    package static let refreshCookieSameSite: Configuration.Sliding.Cookie.SameSite = .strict
    package static let loginMethods = ["POST"]
    package static let claimsHeader = "X-Session-Claims"
    /// A login's answer is a name, some rights, a greeting.
    package static let loginContentBytesMax = 64 << 10
    package static let preset: Configuration.Sessions.Preset = .oauth2
    package static let redisPort: UInt16 = 6379
    package static let redisPrefix = "slidegate:"
    /// Far above what Redis takes, far below what a user waits for.
    package static let redisTimeout: Duration = .seconds(1)
    /// What has been revoked must not pass for want of asking.
    package static let storeAway: Configuration.Route.StoreAway = .closed

    // MARK: CORS

    /// The methods of an ordinary API.
    package static let corsMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    /// What an API client sends that is not allowed without asking.
    package static let corsHeaders = ["Authorization", "Content-Type"]
    /// Saves preflights; short enough that a change of this file is seen the same day. Chromium caps at two hours.
    package static let corsMaxAge: Duration = .seconds(600)

    // MARK: Listeners

    /// The user and the group that the gateway runs as; whoever is to connect is made a member of the group.
    package static let socketMode: UInt32 = 0o660

    // MARK: Upstreams

    /// The name of the one upstream that the short form defines.
    package static let upstreamName = "default"
    /// Covers the concurrency of one worker at some ten thousand requests a second; an idle connection costs a descriptor.
    package static let keepaliveMax = 256
    /// Upstreams are near: a second try of the SYN comes after one second.
    package static let connectTimeout: Duration = .seconds(2)
    /// The slowest answer that a person waits for.
    package static let responseTimeout: Duration = .seconds(30)
    /// Below the 60 seconds and more that servers commonly keep an idle connection, so that they rarely close first.
    package static let upstreamIdleTimeout: Duration = .seconds(55)

    /// Fair without knowing anything of the servers.
    package static let balance: Configuration.Upstream.Balance = .roundRobin
    /// What some hundred connections answer within the time below.
    package static let queueSize = 1000
    /// Longer than a burst lasts, shorter than a person's patience with the answer still to come.
    package static let queueTimeout: Duration = .seconds(5)
    package static let slowStart: Duration = .zero
    /// One other server has failed too: then it is hardly the server.
    package static let retryAttempts = 1
    /// What says that nothing was done, or that it may be done twice.
    package static let retryConditions: [Configuration.Upstream.Retries.Condition] = [.connectFailure, .reset]
    /// An outage of everything costs the upstream a fifth more.
    package static let retryBudgetPercent = 20
    /// A single failure is chance; five in a row, from one worker, are not.
    package static let ejectAfterFailures = 5
    /// The time that a service takes to start again.
    package static let ejectFor: Duration = .seconds(10)
    /// What is gone for hours is tried every few minutes.
    package static let ejectForMax: Duration = .seconds(300)
    /// If more than half of the servers fail, it is hardly the servers, and the rest could not bear the load.
    package static let ejectedMaxPercent = 50

    // MARK: TLS

    /// What this version speaks.
    package static let alpnProtocols = ["http/1.1"]
    /// Clients without 1.3 are still about; 1.2 with these suites is safe, and older ones are not to be had (RFC 8996).
    package static let tlsMinimumVersion: Configuration.TLSVersion = .tls12
    /// A resumed handshake costs a fraction of a full one on both sides.
    package static let tlsTickets = true
    /// Whoever names an authority means its certificates to be asked for.
    package static let clientVerification: Configuration.Listener.Clients.Verification = .required
    /// A root and one issuing authority below it, as company authorities commonly are.
    package static let clientDepth = 1
    package static let httpsPort = 443

    // MARK: Names and health

    /// Some names have a time to live of zero, which would have the server asked without end.
    package static let ttlMin: Duration = .seconds(1)
    /// A record that was published for a day by mistake holds traffic for minutes.
    package static let ttlMax: Duration = .seconds(300)
    /// Three questions of a second each.
    package static let lookupTimeout: Duration = .seconds(3)
    package static let healthInterval: Duration = .seconds(5)
    package static let healthTimeout: Duration = .seconds(2)
    /// One good answer may be luck.
    package static let healthyAfter = 2
    /// One bad answer may be an accident; three in a row are known within twenty seconds.
    package static let unhealthyAfter = 3
    package static let healthyStatuses = [200...299]

    // MARK: Keys that are fetched

    /// Issuers publish a key well before they sign with it; one that they withdraw is gone within minutes.
    package static let keyRefresh: Duration = .seconds(600)
    /// What a flood of tokens with invented key names can make of requests to the issuer.
    package static let keyRefetch: Duration = .seconds(10)
    /// An issuer's bad day should not be everyone's; longer would trust keys that may have been withdrawn for a reason.
    package static let keyStaleness: Duration = .seconds(86_400)
    /// Verifiers see a new key within minutes, before the old one goes.
    package static let publishedKeysMaxAge: Duration = .seconds(300)

    // MARK: Pages

    /// What lies in storage can be stolen later too; memory leaves nothing behind.
    package static let browserStore = Configuration.Browser.Store.memory

    // MARK: Limits and timeouts

    package static let headBytesMax = 32 << 10
    package static let fieldCountMax = 100
    /// RFC 9112 §3 recommends 8000 at least.
    package static let targetBytesMax = 8 << 10
    /// Content is streamed, not stored: the bound protects the upstream.
    package static let bodyBytesMax = 1 << 30
    package static let connectionsMax = 20_000
    /// One byte of a head each four milliseconds: as Kestrel's default, below any modem, far above a client that only holds on.
    package static let minBytesPerSecond = 240
    /// Time for a round trip that went wrong, twice.
    package static let minRateGrace: Duration = .seconds(5)
    /// Heads and answers that 20,000 connections of ordinary clients have under way; each may hold 160 KiB at worst.
    package static let memoryBytesMax = 512 << 20
    /// What upstreams know best.
    package static let forwarded: Configuration.Forwarded = .xForwarded
    package static let headTimeout: Duration = .seconds(10)
    /// Above the 60 seconds that load balancers keep idle connections, so that the gateway rarely closes first.
    package static let idleTimeout: Duration = .seconds(75)
    package static let bodyTimeout: Duration = .seconds(60)
    package static let writeTimeout: Duration = .seconds(60)
    /// Servers and libraries that ping do so every half minute or so; what has been silent for ten times that is gone, or forgotten.
    package static let tunnelTimeout: Duration = .seconds(300)
    /// The time that orchestrators commonly give a process to end.
    package static let drainTimeout: Duration = .seconds(30)
    /// A connection in steady use has its next request well within it, and is then told to close. One that has been quiet
    /// for longer hardly sends in just the moment of its end.
    package static let drainIdleTimeout: Duration = .seconds(5)

    // MARK: The rest

    package static let workers: Configuration.Workers = .automatic
    /// Who installs a guard wants it to guard.
    package static let mode: Configuration.Mode = .enforce
    package static let explainHeader = "X-Slidegate-Explain"
    /// An encoded slash means one thing to the policy and another to many upstreams.
    package static let encodedSlashes: Configuration.Paths.EncodedSlashes = .refuse
    package static let authentication: Configuration.Route.Authentication = .required
    package static let forwardAuthorization: Configuration.Route.Authorization = .original
    /// An event stream has no end of its own, and its client connects again by itself; a download ends, and does not.
    package static let streams: Configuration.Route.Streams = .events
    package static let secretEncoding: Configuration.Key.SecretEncoding = .text
    /// Refusals are what an operator is asked about; a line for each renewal is one setting away.
    package static let decisionsLogged: Configuration.Logs.Decisions = .refusals
    package static let logDestination: Configuration.Logs.Destination = .stderr
    /// Where containers and service managers look for it.
    package static let accessLogDestination: Configuration.Logs.Access.Destination = .stdout
    package static let accessLogSubject: Configuration.Logs.Access.Subject = .plain
    package static let accessLogTrace: Configuration.Logs.Access.Trace = .start
    /// Ten thousand lines and more: what a disk that pauses for a moment, or a reader that starts anew, holds up.
    package static let accessLogBufferBytes = 4 << 20
    package static let syslogSocket = "/dev/log"
    /// RFC 5426 §3.3.
    package static let syslogPort = 514
}
