extension Configuration.Upstream {
    /// How the servers share the requests.
    package enum Balance: Sendable, Equatable {
        case roundRobin
        case leastRequests
        /// By a field of the request; its name in lower case.
        case header(String)
        /// By a claim of the verified token.
        case claim(String)
    }

    /// Where requests wait while every server has as many as it may; all workers together.
    package struct Queue: Sendable, Equatable {
        package var size: Int
        package var timeout: Duration
    }

    /// When a request is tried again.
    package struct Retries: Sendable, Equatable {
        package enum Condition: String, CaseIterable, Sendable {
            case connectFailure = "connect_failure"
            case reset = "reset_before_response"
            case timeout
            case badGateway = "status_502"
            case serviceUnavailable = "status_503"
            case gatewayTimeout = "status_504"
        }

        /// Tries after the first.
        package var attempts: Int
        package var conditions: [Condition]
        /// Tries for a hundred requests.
        package var budgetPercent: Int
        /// For the head of an answer, while there may be another try. Nil: as long as the response may take.
        package var tryTimeout: Duration?
        /// From the request to the head of the answer, all tries together.
        package var totalTimeout: Duration?
    }

    /// When servers are put aside, judged by how requests went.
    package struct Ejection: Sendable, Equatable {
        /// Failures in a row; 0: never.
        package var failures = Defaults.ejectAfterFailures
        package var time = Defaults.ejectFor
        package var timeMax = Defaults.ejectForMax
        /// Of the servers that have a weight.
        package var shareMaxPercent = Defaults.ejectedMaxPercent
        /// Answers that count as failures.
        package var statuses: [Int] = []
    }
}
