import Authentication
import EventLoop
import Metrics

extension Exchange {
    /// Takes the record of an admitted request over from the worker.
    func takeRecord(_ admission: borrowing Admission) {
        if record.takeOver(worker.record) { return }
        swap(&record, &worker.record)
        record.noteToken(of: admission)
    }

    /// Gives the record back to the worker, whose own answer will end the request.
    func returnRecord() {
        completeRecord()
        swap(&record, &worker.record)
    }

    /// The request is over.
    func endRecord() {
        completeRecord()
        worker.requestEnded(&record)
    }

    private func completeRecord() {
        record.bytesReceived &+= contentBytes
        guard server != nil else { return }
        record.tries = Int32(truncatingIfNeeded: dispatch.tries + 1)
        if record.log != nil { record.server = server }
    }

    /// The tunnel or event stream has ended, or is about to.
    func recordEnd(_ cause: StreamEnd) {
        record.reason = cause.rawValue
        guard let tunnel else { return }
        record.bytesReceived = tunnel.bytesFromClient
        record.bytesSent = tunnel.bytesFromUpstream
    }

    /// The worker is at its end.
    func workerEnds() {
        record.decision = .failed
        record.reason = StreamEnd.drained.rawValue
        endRecord()
    }
}
