package import JOSE

/// Everything that is revoked now, for all threads of the process: the store writes it, workers look things up.
///
/// An entry is a keyed hash of 64 bits, so that one takes 16 bytes whatever its name is; that a token is taken for a revoked
/// one by chance has odds of the number of entries in 2^64, and costs that user a login.
package final class RevocationSet: Sendable {
    package init() {}

    // MARK: For the store's thread, one at a time

    /// Adds it, or prolongs it.
    package func insert(_ revocation: Revocation, now: NumericDate) {}

    /// All revocations that the store knew at `instant` are here: milliseconds of the monotonic clock.
    package func confirm(at instant: Int64) {}
}
