import EventLoop

/// The process and the configuration that is in force.
struct ServiceReport {
    struct Reload {
        /// Seconds since 1970.
        var date: Int64
        /// Why the file was refused; empty when it came into force.
        var complaints: [String]
        var isApplied: Bool { complaints.isEmpty }
    }

    /// Seconds since 1970, as are all dates here.
    var startedAt: Int64
    var startInstant: Instant
    /// The file; nil: the configuration is built in.
    var path: String?
    /// Counts the settings made, the first of which is 1; those of reloads that came to nothing too.
    var generation = 0
    /// `Configuration.digest` of the one in force.
    var digest = ""
    /// When the configuration that is in force came into force.
    var loadedAt: Int64
    var reloadsApplied = 0
    var reloadsRefused = 0
    /// Nil: there has been none.
    var lastReload: Reload?
    /// Where clients connect to.
    var addresses: [SocketAddress] = []
    /// Sets of keys that are fetched, in the order of their names.
    var keySets: [KeySetReport] = []
    /// What clients are shown.
    var certificates: [CertificateReport] = []
    /// Lines lost, by the name of the log.
    var droppedLogLines: [(log: String, count: Int)] = []
    /// Nil: sessions last as long as they are used, or tokens are not renewed at all.
    var sessionCapSeconds: Int64?
}

extension ServiceReport {
    /// Lines of a refusal that are kept.
    private static let complaintsMax = 16

    init(path: String?, on loop: EventLoop) {
        let now = loop.wallSeconds
        self.init(startedAt: now, startInstant: loop.now, path: path, loadedAt: now)
    }

    mutating func applied(generation: Int, at date: Int64) {
        self.generation = generation
        loadedAt = date
        reloadsApplied += 1
        lastReload = Reload(date: date, complaints: [])
    }

    mutating func refused(_ complaints: [String], at date: Int64) {
        reloadsRefused += 1
        lastReload = Reload(date: date, complaints: Array(complaints.prefix(Self.complaintsMax)))
    }
}
