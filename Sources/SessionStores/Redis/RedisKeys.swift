import JOSE
import Sessions

/// Where what is kept, under the prefix of an installation:
///
///   s:ID       text      a session, as `Session.text`
///   u:SUBJECT  sorted    the sessions of a subject, by their creation
///   all        sorted    all sessions, by their names
///   due        sorted    all sessions, by when a sweep may remove them
///   log        sorted    revocations, by their number in the order of their making
///   log:ends   sorted    the same, by when they are of no use any more
///   log:last   number    of the last one
///   fence:ID   number    the store `ID` changes nothing any more by connections before this one
///   probe                a trial, gone at once
///   revoked    channel   revocations as they are made
struct RedisKeys {
    let prefix: String

    func session(_ id: SessionID) -> String { session(id.text) }
    func session(_ id: String) -> String { prefix + "s:" + id }
    func subject(_ subject: String) -> String { prefix + "u:" + subject }
    func fence(_ store: String) -> String { prefix + "fence:" + store }
    var all: String { prefix + "all" }
    var due: String { prefix + "due" }
    var log: String { prefix + "log" }
    var logEnds: String { prefix + "log:ends" }
    var logLast: String { prefix + "log:last" }
    var probe: String { prefix + "probe" }
    var channel: String { prefix + "revoked" }
}

extension Revocation {
    /// As the log and the channel have it: kind, end, for subjects the instant, and the name.
    var logText: String {
        switch target {
        case .token(let name): "t \(expiresAt.seconds) \(name)"
        case .session(let name): "s \(expiresAt.seconds) \(name)"
        case .subject(let name, let before): "u \(expiresAt.seconds) \(before.seconds) \(name)"
        }
    }

    /// Nil for what is none. Names are bytes: nothing here looks at characters.
    init?(logText text: [UInt8]) {
        let isOfSubject = text.first == UInt8(ascii: "u")
        let parts = text.split(separator: UInt8(ascii: " "), maxSplits: isOfSubject ? 3 : 2, omittingEmptySubsequences: false)
        let numbers = parts.dropFirst().dropLast().map { Int64(String(decoding: $0, as: UTF8.self)) }
        guard numbers.count == (isOfSubject ? 2 : 1), let end = numbers[0], NumericDate.range.contains(end), let last = parts.last
        else { return nil }
        let (name, expiresAt) = (String(decoding: last, as: UTF8.self), NumericDate(seconds: end))
        switch parts[0] {
        case [UInt8(ascii: "t")]: self.init(.token(name), expiresAt: expiresAt)
        case [UInt8(ascii: "s")]: self.init(.session(name), expiresAt: expiresAt)
        case [UInt8(ascii: "u")]:
            guard let before = numbers[1], NumericDate.range.contains(before) else { return nil }
            self.init(.subject(name, before: NumericDate(seconds: before)), expiresAt: expiresAt)
        default: return nil
        }
    }
}
