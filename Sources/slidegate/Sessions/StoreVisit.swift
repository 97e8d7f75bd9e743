import Configuration
import EventLoop
import JOSE
import Sessions
import SessionStores
import Synchronization

/// The store of a configuration, opened by a command for a few requests, beside whatever gateways use it.
struct StoreVisit {
    let rules: SessionRules
    let now: NumericDate
    private let store: any SessionStore
    private let patienceMilliseconds: Int32

    init(_ store: any SessionStore, rules: SessionRules, now: NumericDate, patienceMilliseconds: Int32 = 15_000) {
        self.store = store
        self.rules = rules
        self.now = now
        self.patienceMilliseconds = patienceMilliseconds
    }

    func close() { store.close() }

    /// Waits for the answer.
    func ask(_ operation: StoreRequest.Operation) throws -> StoreReply {
        let (signal, answer) = (try DescriptorSignal(), StoreAnswer())
        store.perform(StoreRequest(operation, rules: rules, now: now)) { result in
            answer.set(result)
            signal.raise()
        }
        guard signal.wait(atMostMilliseconds: patienceMilliseconds), let result = answer.result else {
            throw CommandFailure("the store does not answer", status: ExitStatus.systemError)
        }
        do {
            return try result.get()
        } catch {
            throw CommandFailure(Self.describe(error), status: ExitStatus.systemError)
        }
    }

    /// For a reply to something else.
    var misunderstanding: CommandFailure { CommandFailure("the store has answered something else", status: ExitStatus.software) }

    static func describe(_ error: StoreError) -> String {
        switch error {
        case .away(let reason): "the store is away: \(reason)"
        case .failed(let reason): "the store cannot do it: \(reason)"
        case .badCursor: "the store does not know its own cursor"
        case .closed: "the store is closed"
        }
    }
}

/// From the store's thread to the one that waits.
private final class StoreAnswer: Sendable {
    private let slot = Mutex<Result<StoreReply, StoreError>?>(nil)

    func set(_ result: Result<StoreReply, StoreError>) { slot.withLock { $0 = result } }

    var result: Result<StoreReply, StoreError>? { slot.withLock { $0 } }
}

extension StoreVisit {
    /// - Throws: when the file says nothing of sessions, keeps them where nobody else sees them, or the store cannot be opened.
    init(_ configuration: Configuration, now: NumericDate) throws {
        guard let sessions = try LoadedSessions(configuration) else {
            throw CommandFailure("\(configuration.file) says nothing of sessions", status: ExitStatus.configuration)
        }
        guard sessions.store != .memory else {
            throw CommandFailure(
                "\(configuration.file) keeps sessions in the gateway's memory, where no other process sees them",
                status: ExitStatus.configuration)
        }
        do {
            let store = try sessions.store.open(asGateway: false, revocations: RevocationSet())
            self.init(store, rules: sessions.rules, now: now)
        } catch {
            throw CommandFailure("the store cannot be opened: \(error.reason)", status: ExitStatus.systemError)
        }
    }
}
