package import JOSE

/// How one worker sees the `RevocationSet`: it holds on to the table that was the newest when it looked last, and fetches
/// another when there is one. Belongs to one thread.
package final class RevocationView {
    package let revocations: RevocationSet
    /// For how long a confirmation is good, in milliseconds (`revocation.away_after`).
    package var awayAfter: Int64 { didSet { freshUntil = .min } }

    private var table: RevocationTable
    private var version: UInt64
    /// By the confirmation that was seen last.
    private var freshUntil = Int64.min

    package init(_ revocations: RevocationSet, awayAfter: Int64) {
        self.revocations = revocations
        self.awayAfter = awayAfter
        (table, version) = revocations.current()
    }

    /// See `RevocationSet.changes`: read it before `isRevoked`, and remember it when the answer was no.
    package var changes: UInt64 { revocations.changes }

    /// Whether nothing at all is revoked, so that no name need be worked out.
    package var isEmpty: Bool { revocations.count == 0 }

    package func isRevoked(_ names: borrowing RevocationNames, now: NumericDate) -> Bool {
        if revocations.version != version { follow() }
        if let token = names.token, table.holds(token, beginning: nil, now: now) { return true }
        if let session = names.session, table.holds(session, beginning: nil, now: now) { return true }
        for alias in names.aliases where table.holds(alias, beginning: nil, now: now) { return true }
        guard let subject = names.subject else { return false }
        return table.holds(subject, beginning: names.beginning, now: now)
    }

    /// Whether the set is complete as of `awayAfter` ago, at most. `instant`: milliseconds of the monotonic clock.
    package func isFresh(at instant: Int64) -> Bool {
        if instant <= freshUntil { return true }
        guard let confirmedAt = revocations.confirmedAt else { return false }
        let (end, overflow) = confirmedAt.addingReportingOverflow(awayAfter)
        freshUntil = overflow ? .max : end
        return instant <= freshUntil
    }

    /// Lets go of a table that has been replaced: it may be large, and a worker may be idle for long.
    package func follow() { (table, version) = revocations.current() }
}

extension RevocationTable {
    fileprivate func holds(_ name: RevocationName, beginning: Int64?, now: NumericDate) -> Bool {
        guard let index = index(of: name) else { return false }
        let dates = dates(at: index)
        return dates.holds(at: now) && dates.cover(beginning: beginning)
    }
}
