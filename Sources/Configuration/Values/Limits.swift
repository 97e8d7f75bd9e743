extension Configuration {
    /// Bounds on what one client can make the gateway hold. Sizes are bytes.
    package struct Limits: Sendable, Equatable {
        /// Start line and fields of a request.
        package var headBytesMax: Int
        /// Field lines of a request.
        package var fieldCountMax: Int
        /// The request-target.
        package var targetBytesMax: Int
        /// Content of a request. Nil: only by an explicit `none`.
        package var bodyBytesMax: Int?
        /// Downstream connections, all workers together.
        package var connectionsMax: Int
        /// Of these, those of one client. Nil: as many as there may be in all.
        package var connectionsPerClientMax: Int?
        /// Requests under way, all workers together. Nil: no limit of their own.
        package var requestsMax: Int?
        /// Tokens that are not genuine, of one client. Nil: as many as it likes.
        package var failedVerifications: Rate?
        /// How fast a client has to send and to read, in bytes a second, on average and after `minRateGrace`. Nil: no minimum.
        package var minBytesPerSecond: Int? = Defaults.minBytesPerSecond
        package var minRateGrace = Defaults.minRateGrace
        /// Buffered for clients and upstreams, all workers together.
        package var memoryBytesMax = Defaults.memoryBytesMax
    }

    /// How long the gateway waits for a client.
    package struct Timeouts: Sendable, Equatable {
        /// From the first byte of a head to its last; also from accept to the first byte.
        package var head: Duration
        /// Between two requests on a connection.
        package var idle: Duration
        /// Between two reads of request content.
        package var body: Duration
        /// Between two writes of a response that the client is slow to take.
        package var write: Duration
        /// Without traffic in a tunnel, either way, or in an event stream.
        package var tunnel: Duration
        /// From SIGTERM to the end of the process, for exchanges under way.
        package var drain: Duration
        /// Between two requests on a connection meanwhile.
        package var drainIdle: Duration
    }

    /// How request paths are normalised before policy and forwarding see them.
    package struct Paths: Sendable, Equatable {
        package var encodedSlashes: EncodedSlashes

        /// What becomes of `%2F` and `%5C`.
        package enum EncodedSlashes: String, Sendable, CaseIterable {
            case refuse
            /// Left as they are: data within a segment, never a separator.
            case keep
        }
    }
}
