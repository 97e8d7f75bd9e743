import EventLoop

/// One round of asking every worker for its report. Nobody waits for it on the request path: workers answer between
/// events, and who has not answered in time is left out.
final class ReportCollection {
    /// A worker handles an event in far less; one that does not is stuck, and the report says so.
    private static let patience: Int64 = 1_000

    let ticket: Int
    private var report = GatewayReport()
    private var timer: LoopTimer?
    private let onDone: (GatewayReport) -> Void

    /// - Parameter onDone: called once, with the sum.
    init(
        ticket: Int, workers: Int, on loop: EventLoop, onDone: @escaping (GatewayReport) -> Void
    ) throws(EventLoopError) {
        self.ticket = ticket
        self.onDone = onDone
        report.workers = workers
        timer = try LoopTimer(on: loop) { [unowned self] in self.onDone(report) }
        timer?.schedule(afterMilliseconds: Self.patience)
    }

    func add(_ part: WorkerReport) {
        report.total += part
        report.workersReporting += 1
        if report.workersReporting == report.workers {
            timer?.cancel()
            onDone(report)
        }
    }
}
