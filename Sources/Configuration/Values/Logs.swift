extension Configuration {
    /// What is logged, and where to.
    package struct Logs: Sendable, Equatable {
        package var decisions: Decisions
        package var destination: Destination
        /// Nil: there is no access log.
        package var access: Access?

        /// Which decisions about requests are logged, one line each.
        package enum Decisions: String, Sendable, CaseIterable {
            case none, refusals
            /// Refusals and renewals.
            case changes
            case all
        }

        package enum Destination: String, Sendable, CaseIterable { case stderr, stdout }
    }
}

extension Configuration.Logs {
    /// The access log: a line for each request.
    package struct Access: Sendable, Equatable {
        package var format: Format
        package var destination: Located<Destination>
        package var subject: Subject
        /// What `Subject.hashed` is keyed by. Nil: something made at start, so that names change with each start.
        package var subjectSecret: Located<Configuration.SecretSource>?
        package var trace: Trace
        /// What may wait to be written, in bytes.
        package var bufferBytes: Int

        package enum Format: String, Sendable, CaseIterable {
            /// An object a line.
            case json
            /// As Apache httpd and nginx name it.
            case combined
        }

        package enum Destination: Sendable, Hashable {
            case stdout, stderr
            /// An absolute path.
            case file(String)
            /// The socket of a local syslog.
            case syslogSocket(path: String)
            /// RFC 5426; never a Unix socket.
            case syslogServer(Endpoint)
        }

        /// What is said of the token's subject.
        package enum Subject: String, Sendable, CaseIterable {
            case plain
            /// A pseudonym: the same for the same subject, and not to be turned back without the secret.
            case hashed
            case none
        }

        /// What becomes of a request that is part of no trace (W3C Trace Context).
        package enum Trace: String, Sendable, CaseIterable {
            /// It begins one.
            case start
            case pass
        }
    }
}
