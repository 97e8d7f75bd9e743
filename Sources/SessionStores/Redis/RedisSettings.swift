package import EventLoop

/// Where a Redis or Valkey server is, and how it is spoken to.
///
/// Without TLS: what goes over the wire is in clear, so the way to the server has to be a private network, a Unix socket or a
/// tunnel. Without Redis Cluster: a change of a session touches several keys at once, and a server that redirects to another
/// one is taken for away.
package struct RedisSettings: Sendable, Equatable {
    /// A host, by name or address, and a port.
    package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
        package var host: String
        package var port: UInt16

        package init(host: String, port: UInt16 = 6379) {
            self.host = host
            self.port = port
        }

        package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    package enum Place: Sendable, Equatable {
        case server(Endpoint)
        /// The path of a Unix socket, at most `SocketAddress.unixPathBytesMax` bytes.
        case unix(String)
        /// The master that these Sentinels name; they are asked in turn, and all of them have to know `service`.
        case sentinels([Endpoint], service: String, Credentials)
    }

    /// Who we are to a server. Without a user name it is the one called `default`.
    package struct Credentials: Sendable, Equatable {
        package var user: String?
        package var password: RedisPassword?

        package init(user: String? = nil, password: RedisPassword? = nil) {
            self.user = user
            self.password = password
        }
    }

    package var place: Place
    package var credentials: Credentials
    package var database: Int
    /// What all keys, and the name of the channel, begin with. Installations that share a server differ in it.
    package var prefix: String
    /// For a connection to be ready, for a command to be answered, and for a request as a whole; in milliseconds.
    package var timeout: Int64
    /// How far apart the revocations that others made are asked for, in milliseconds.
    package var poll: Int64
    package var resolver: NameResolver.Settings

    package init(
        _ place: Place, credentials: Credentials = Credentials(), database: Int = 0, prefix: String = "slidegate:",
        timeout: Int64 = 1_000, poll: Int64 = 250, resolver: NameResolver.Settings = NameResolver.Settings()
    ) {
        self.place = place
        self.credentials = credentials
        self.database = database
        self.prefix = prefix
        self.timeout = timeout
        self.poll = poll
        self.resolver = resolver
    }
}

/// A password, which no log, error or description shows.
package struct RedisPassword: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { "redacted" }
    package var debugDescription: String { "redacted" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
