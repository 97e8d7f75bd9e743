import ArgumentParser
import JOSE
import Sessions

/// `slidegate sessions revoke`
struct SessionsRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "End sessions, and have their tokens refused.",
        usage: "slidegate sessions revoke CONFIG (ID | --subject SUBJECT | --sid SID | --jti JTI) [--json]",
        discussion: """
            ID ends one session. --subject ends all of a user, and has whatever of that user began before this second refused. --sid and --jti \
            are for tokens that belong to no session here: the sid is refused with all tokens that have it or succeed one that had \
            it, the jti is one token.

            EXAMPLES
              slidegate sessions revoke slidegate.yaml ABEiM0RVZneImaq7zN3u_w
              slidegate sessions revoke slidegate.yaml --subject alice

            \(ExitStatus.discussion)
            """)

    @OptionGroup var options: SessionsOptions

    @Argument(help: "The session to end.")
    var id: SessionID?

    @Option(parsing: .unconditional, help: ArgumentHelp("End all sessions of this user.", valueName: "subject"))
    var subject: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Refuse tokens with this sid.", valueName: "sid"))
    var sid: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Refuse the token with this jti.", valueName: "jti"))
    var jti: String?

    func validate() throws {
        let count = [id != nil, subject != nil, sid != nil, jti != nil].count { $0 }
        guard count == 1 else { throw ValidationError("Say one of ID, --subject, --sid and --jti.") }
        if [subject, sid, jti].contains("") { throw ValidationError("An empty name is nobody's.") }
    }

    func run() throws {
        try reporting {
            try options.visit { visit in
                let until = visit.now.advanced(bySeconds: visit.rules.accessReachSeconds)
                if let id {
                    guard try end(id, visit) else {
                        throw CommandFailure("there is no session \(id) that has not ended", status: ExitStatus.negative)
                    }
                    tell(1, "Session \(id) has ended", until)
                } else if let subject {
                    guard case .endedAll(let count) = try visit.ask(.endAll(subject: subject, except: nil, .revoked)) else {
                        throw visit.misunderstanding
                    }
                    tell(count, "Ended \(counted(count, "session")) of \(printable(subject))", until)
                } else if let sid {
                    // The sid of a session's tokens is its name; then the session is over, too.
                    let isEnded = try SessionID(sid).map { try end($0, visit) } ?? false
                    if !isEnded { try revoke(.session(sid), until, visit) }
                    tell(isEnded ? 1 : 0, "The sid \(printable(sid)) is revoked", until)
                } else if let jti {
                    try revoke(.token(jti), until, visit)
                    tell(0, "The token \(printable(jti)) is revoked", until)
                }
            }
        }
    }

    private func end(_ id: SessionID, _ visit: StoreVisit) throws -> Bool {
        guard case .ended(let session) = try visit.ask(.end(id, .revoked)) else { throw visit.misunderstanding }
        return session != nil
    }

    private func revoke(_ target: Revocation.Target, _ until: NumericDate, _ visit: StoreVisit) throws {
        guard case .revoked = try visit.ask(.revoke(Revocation(target, expiresAt: until))) else { throw visit.misunderstanding }
    }

    private func tell(_ ended: Int, _ sentence: String, _ until: NumericDate) {
        Console.write(
            options.json
                ? "{\"ended\":\(ended),\"refused_until\":\(until.seconds)}"
                : "\(sentence); access tokens are refused until \(InstantText.calendar(until.seconds)).")
    }
}
