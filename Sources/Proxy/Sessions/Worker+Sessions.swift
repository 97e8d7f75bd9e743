import Authentication
import Bytes
import EventLoop
import HTTP1
import Metrics
import Sessions

// MARK: - Asking the store

extension Worker {
    /// Asks the store on behalf of `caller`, who is told in a later turn; nil when nothing more can be asked of it now.
    func ask(_ request: StoreRequest, _ store: any SessionStore, for caller: any StoreCaller) -> StoreTicket? {
        guard let ticket = storeCalls.begin(for: caller, at: loop.nanoseconds()) else {
            count(.storeFailures)
            return nil
        }
        count(.storeCalls)
        // Nothing of the worker goes with it: the store's thread knows a mailbox and a ticket.
        store.perform(request) { [mailbox] reply in mailbox.send(.storeReplied(ticket, reply)) }
        return ticket
    }

    func storeReplied(_ ticket: StoreTicket, _ reply: Result<StoreReply, StoreError>) {
        guard let (caller, nanoseconds) = storeCalls.end(ticket, at: loop.nanoseconds()) else { return }
        storeTimes.record(nanoseconds)
        guard let caller else { return }
        if case .failure = reply { count(.storeFailures) }
        caller.storeReplied(reply)
    }

    /// The store has not answered in time.
    func storeTimedOut(_ ticket: StoreTicket) -> Result<StoreReply, StoreError> {
        count(.storeFailures)
        storeCalls.hangUp(ticket)
        return .failure(.away("no answer in time"))
    }
}

// MARK: - Answers and what they count as

extension Worker {
    /// Composes the answer of an endpoint into `headOutput`.
    func compose(
        _ answer: EndpointAnswer, keepingConnection: Bool, method: Method, version: Version, security: ListenerSecurity?
    ) {
        beginAnswer(answer.status, security)
        headOutput.append(answer.lines)
        explain(.answered, because: answer.outcome.reason ?? answer.outcome.event.rawValue)
        if answer.status != 204 {
            headOutput.append("Content-Length: ")
            headOutput.append(decimal: answer.content.count)
            headOutput.append("\r\n")
        }
        endAnswer(keepingConnection: keepingConnection, version)
        if method != .head, answer.status != 204 { headOutput.append(answer.content) }
    }

    /// Counts and logs what came of a call or a login.
    /// - Parameter status: of the answer that tells the client.
    func note(_ outcome: EndpointOutcome, status: Int, client: SocketAddress) {
        switch outcome.event {
        case .sessionCreated: count(.sessionsCreated)
        case .refreshed: count(.refreshes)
        case .refreshReplayed: count(.refreshesReplayed)
        case .refreshRefused: refusedRefreshes[outcome.reason ?? "unknown", default: 0] += 1
        case .reuseDetected: count(.reuseDetected)
        case .loggedOut, .loggedOutEverywhere, .sessionEnded: count(.logouts)
        case .revoked: count(.revocations)
        case .loginNotCaptured: count(.loginsNotCaptured)
        case .signingFailed: count(.mintFailures)
        case .introspected, .sessionsListed, .endpointRefused, .sessionsUnavailable: break
        }
        if outcome.isAboutForgery, isGuarded { noteFailedVerification(of: client) }
        log.session(outcome, status: status, peer: client, worker: self)
    }
}
