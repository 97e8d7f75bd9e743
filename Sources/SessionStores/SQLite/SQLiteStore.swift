import EventLoop
import Glibc
package import JOSE
package import Sessions
import Synchronization

/// Sessions in one file of SQLite, the store of a single machine. Processes may share it: the old and the new one while one
/// hands over to the other, gateways side by side, the command line beside them.
///
/// Requests that wait are done together in one transaction, so that its one wait for the disk serves them all; each is
/// answered when that is over, and one that fails takes nothing of the others with it.
///
/// Revocations of this process are in its `RevocationSet` before their answer goes out; those of others are `pollMilliseconds`
/// late at most, and the time that reading them takes.
package final class SQLiteStore: SessionStore {
    package struct Settings: Sendable {
        /// How often changes by other processes are looked for.
        package var pollMilliseconds: Int64 = 250
        /// How often what has expired is removed; nil: only when asked to.
        package var sweepSeconds: Int64? = 600
        /// How long to wait for another process that writes. All that is asked meanwhile waits too.
        package var busyMilliseconds = 1000
        /// The clock of the store's own doings; requests bring their time along.
        package var clock: @Sendable () -> NumericDate

        package init() { clock = systemClock }
    }

    /// Who uses a store, and for how long.
    package enum Role: Sendable {
        /// Serves clients: knows all revocations, and makes up for gateways that were killed.
        case gateway
        /// Comes for a few requests: loads nothing, and does not create the file.
        case visitor
    }

    /// Requests that wait at most; what comes then is refused as `StoreError.away`. That many take about a second of a slow
    /// disk.
    package static let backlogMax = 4096

    private let intake: SQLiteIntake
    private let thread: LoopThread

    /// Opens the database at `path` and loads its revocations; an absent one is created with mode 0600.
    ///
    /// - Parameter onEvent: see `StoreEvent`; called before this returns, too.
    /// - Throws: `StoreError.failed` when it is none of ours, of a newer version, not writable, or its directory does not exist;
    ///   `away` when another process keeps it locked or the disk is full.
    package init(
        path: String, as role: Role = .gateway, revocations: RevocationSet, settings: Settings = Settings(),
        onEvent: @escaping @Sendable (StoreEvent) -> Void = { _ in }
    ) throws(StoreError) {
        do {
            let intake = try SQLiteIntake()
            self.intake = intake
            let worker = try SQLiteWorker(SQLiteFile(path: path), role, revocations, settings, intake, onEvent: onEvent)
            thread = try LoopThread(named: "sessions") { worker.run() }
        } catch let error as StoreError {
            throw error
        } catch {
            throw .failed("no thread for \(path): \(error)")
        }
    }

    deinit { close() }

    /// Transactions that have written something.
    package var commitCount: Int { intake.commitCount.load(ordering: .relaxed) }

    package func perform(_ request: StoreRequest, then reply: @escaping @Sendable (Result<StoreReply, StoreError>) -> Void) {
        if let refusal = intake.accept(SQLiteErrand(request: request, reply: reply)) { reply(.failure(refusal)) }
    }

    package func close() {
        intake.close()
        thread.join()
    }
}

/// Seconds since 1970 by the system's clock.
@Sendable private func systemClock() -> NumericDate { NumericDate(seconds: Int64(time(nil))) }

/// A request and where its answer goes.
struct SQLiteErrand: Sendable {
    let request: StoreRequest
    let reply: @Sendable (Result<StoreReply, StoreError>) -> Void
}

/// The door between all threads and the store's.
final class SQLiteIntake: Sendable {
    enum Mail: Sendable {
        case errand(SQLiteErrand)
        /// Nothing comes after it.
        case close
    }

    private struct State {
        var waiting = 0
        var isClosed = false
    }

    let mailbox: Mailbox<Mail>
    let commitCount = Atomic(0)
    private let state = Mutex(State())

    init() throws(SocketError) { mailbox = try Mailbox() }

    /// Nil: it will be answered by the store's thread.
    func accept(_ errand: SQLiteErrand) -> StoreError? {
        state.withLock { state in
            if state.isClosed { return .closed }
            guard state.waiting < SQLiteStore.backlogMax else { return .away("too many requests wait") }
            state.waiting += 1
            mailbox.send(.errand(errand))
            return nil
        }
    }

    func answered(_ count: Int) { state.withLock { $0.waiting -= count } }

    func close() {
        state.withLock { state in
            if !state.isClosed { mailbox.send(.close) }
            state.isClosed = true
        }
    }
}
