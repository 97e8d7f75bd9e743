import COpenSSL

/// OpenSSL's queue of errors, one per thread. What one call leaves in it must not be taken for the failure of the next.
enum ErrorQueue {
    static func clear() { ERR_clear_error() }

    /// Empties the queue.
    ///
    /// - Returns: what the oldest error, which is nearest to the cause, says; nil when there is none.
    static func drain() -> String? {
        var reason: String?
        while true {
            let code = ERR_get_error()
            guard code != 0 else { return reason }
            if reason == nil, let text = ERR_reason_error_string(code) { reason = String(cString: text) }
        }
    }
}
