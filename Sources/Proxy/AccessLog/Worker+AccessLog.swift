extension Worker {
    /// Requests that begin from now on are logged by these settings. Lines that have been begun end where they have.
    func beginAccessLog(_ settings: AccessLogSettings?) {
        guard let settings else {
            accessLog = nil
            return
        }
        do {
            accessLog = try AccessLog(settings, on: loop)
        } catch {
            log.note("the access log goes on as before: \(error)", worker: self)
        }
    }
}
