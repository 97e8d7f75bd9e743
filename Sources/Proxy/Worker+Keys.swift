package import Authentication
import EventLoop
import JOSE

/// One of the keys that tokens are verified with, and what it has been used for.
package struct KeyReport: Sendable {
    package var name: KeyName
    /// Whether it signs successors.
    package var signs: Bool
    package var use: KeyUse
}

extension [KeyReport] {
    /// Adds another worker's, key by key.
    mutating func merge(_ part: [KeyReport]) {
        for report in part {
            if let index = firstIndex(where: { $0.name == report.name && $0.signs == report.signs }) {
                self[index].use += report.use
            } else {
                append(report)
            }
        }
    }
}

/// What a worker remembers about keys beyond the authenticator in force.
struct KeyLedger {
    /// An issuer that changes its keys all the time must not fill the memory: what is beyond is forgotten.
    private static let retiredMax = 256
    /// The control thread has a longer interval; this one keeps mail few.
    static let requestInterval: Int64 = 1_000

    /// Of authenticators that are not in force any more.
    private(set) var retired: [KeyName: KeyUse] = [:]
    /// What authenticators before did with tokens.
    private(set) var retiredTokens = TokenCounts()
    /// Asks the control thread to fetch keys again; nil where none are fetched.
    var requestKeys: (@Sendable () -> Void)?
    var nextRequest = Instant(milliseconds: .min)

    mutating func retire(_ authenticator: Authenticator) {
        retiredTokens += authenticator.tokenCounts
        for (name, use) in zip(authenticator.keyNames, authenticator.keyUse) where use != KeyUse() {
            guard retired[name] != nil || retired.count < Self.retiredMax else { continue }
            retired[name, default: KeyUse()] += use
        }
    }
}

extension Worker {
    /// Goes over to other keys; everything else stays: connections, pools, routes. The cache of verified tokens goes with the
    /// authenticator, so that no token lives on that was verified by a key that is gone.
    func replaceKeys(_ generation: Int, _ makeAuthenticator: () -> Authenticator) {
        guard snapshot.generation == generation else { return }
        keyLedger.retire(snapshot.authenticator)
        snapshot.replace(equip(makeAuthenticator()))
    }

    /// The authenticator with what is the worker's own.
    func equip(_ authenticator: Authenticator) -> Authenticator {
        authenticator.revocations = revocations
        return authenticator
    }

    func confirmKeys(_ generation: Int, until date: NumericDate) {
        guard snapshot.generation == generation else { return }
        snapshot.authenticator.confirmKeys(until: date)
    }

    /// A token was refused because its key may be one that has not been fetched.
    func keysWereMissing() {
        guard let requestKeys = keyLedger.requestKeys, loop.now >= keyLedger.nextRequest else { return }
        keyLedger.nextRequest = loop.now.advanced(byMilliseconds: KeyLedger.requestInterval)
        requestKeys()
    }

    var tokenCounts: TokenCounts {
        var counts = keyLedger.retiredTokens
        if let snapshot { counts += snapshot.authenticator.tokenCounts }
        return counts
    }

    /// Every key of the authenticator in force in its order, then those that were in force before and have been used.
    var keyReports: [KeyReport] {
        let authenticator = snapshot.authenticator
        var retired = keyLedger.retired
        var reports = zip(authenticator.keyNames, authenticator.keyUse).enumerated().map { index, key in
            var use = key.1
            // Of several keys of one name the first one carries on.
            if let before = retired.removeValue(forKey: key.0) { use += before }
            return KeyReport(name: key.0, signs: index == authenticator.signingKeyIndex, use: use)
        }
        reports += retired.map { KeyReport(name: $0.key, signs: false, use: $0.value) }
        return reports
    }
}
