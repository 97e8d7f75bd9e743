import JOSE
import Sessions

/// A session in words and in JSON.
struct SessionText {
    private let session: Session
    private let now: Int64

    init(_ session: Session, now: NumericDate) {
        self.session = session
        self.now = now.seconds
    }

    // MARK: For people

    /// A line for each; names that do not fit are cut.
    static func table(_ sessions: [Session], now: NumericDate) -> String {
        guard !sessions.isEmpty else { return "There are no sessions." }
        let rows = [["SESSION", "SUBJECT", "LOGIN", "LAST USED", "STATE", "FROM", "DEVICE"]] + sessions.map { SessionText($0, now: now).row }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static let cellMax = 32

    private var row: [String] {
        [
            session.id.text, Self.cell(session.subject), InstantText.relative(session.createdAt.seconds, now: now),
            InstantText.relative(session.lastUsedAt.seconds, now: now), state, Self.cell(session.address),
            Self.cell(session.device.name ?? session.device.id ?? session.device.application ?? ""),
        ]
    }

    private static func cell(_ text: String) -> String {
        let text = printable(text)
        return text.count <= cellMax ? text : text.prefix(cellMax - 1) + "…"
    }

    private var state: String {
        if let end = session.end { return "ended \(InstantText.relative(end.date.seconds, now: now)): \(Self.describe(end.reason))" }
        let expiry = InstantText.relative(session.expiresAt.seconds, now: now)
        return isAlive ? "expires \(expiry)" : "expired \(expiry)"
    }

    private var isAlive: Bool { session.isAlive(at: NumericDate(seconds: now)) }

    private static func describe(_ reason: Session.Reason) -> String {
        switch reason {
        case .logout: "logout"
        case .logoutEverywhere: "logout everywhere"
        case .endedByUser: "by its user, elsewhere"
        case .revoked: "revoked"
        case .reuse: "refresh token used twice"
        case .limit: "limit of sessions"
        }
    }

    /// Everything, claims too.
    var details: String {
        var lines: [(String, String)] = [("session", session.id.text), ("subject", printable(session.subject)), ("state", state)]
        lines.append(("login", instant(session.createdAt)))
        lines.append(("last used", instant(session.lastUsedAt)))
        lines.append(("expires", instant(session.expiresAt)))
        if let endsAt = session.endsAt { lines.append(("at the latest", instant(endsAt))) }
        if let end = session.end { lines.append(("ended", instant(end.date))) }
        lines.append(("rotations", "\(session.counter)"))
        lines.append(("from", session.address.isEmpty ? "unknown" : printable(session.address)))
        let device = session.device
        for (name, value) in [("device", device.id), ("name", device.name), ("application", device.application)] {
            if let value { lines.append((name, printable(value))) }
        }
        lines.append(("claims", printable(String(decoding: session.claims, as: UTF8.self))))
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { $0 + String(repeating: " ", count: width + 2 - $0.count) + $1 }.joined(separator: "\n")
    }

    private func instant(_ date: NumericDate) -> String { InstantText.describe(date.seconds, now: now) }

    // MARK: For programs

    /// One object, with the members that users see of their sessions and some more; dates are in seconds since 1970.
    var json: String { "{\(members)}" }

    /// With the member `claims`.
    var jsonWithClaims: String { "{\(members),\"claims\":\(String(decoding: session.claims, as: UTF8.self))}" }

    private var members: String {
        var members: [(String, String)] = [("id", quoted(session.id.text)), ("subject", quoted(session.subject)), ("alive", "\(isAlive)")]
        members.append(("created_at", "\(session.createdAt.seconds)"))
        members.append(("last_used_at", "\(session.lastUsedAt.seconds)"))
        members.append(("expires_at", "\(session.expiresAt.seconds)"))
        if let endsAt = session.endsAt { members.append(("ends_at", "\(endsAt.seconds)")) }
        if let end = session.end {
            members.append(("ended_at", "\(end.date.seconds)"))
            members.append(("ended_by", quoted(end.reason.rawValue)))
        }
        members.append(("rotations", "\(session.counter)"))
        members.append(("address", quoted(session.address)))
        let device = [("id", session.device.id), ("name", session.device.name), ("application", session.device.application)]
        members.append(("device", "{\(device.compactMap { name, value in value.map { "\"\(name)\":\(quoted($0))" } }.joined(separator: ","))}"))
        return members.map { "\"\($0)\":\($1)" }.joined(separator: ",")
    }

    private func quoted(_ text: String) -> String { ClaimsText.quoted(text) }
}

/// `no sessions`, `1 session`, `2 sessions`.
func counted(_ count: Int, _ noun: String) -> String {
    count == 1 ? "1 \(noun)" : "\(count == 0 ? "no" : "\(count)") \(noun)s"
}
