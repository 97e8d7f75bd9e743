package import JOSE

/// Where sessions and revocations are kept. May be used from any thread; answers come on the store's own.
///
/// A change is answered after it is durable (as far as the store is), and the revocations that follow from it are in the
/// process's `RevocationSet` by then.
///
/// Subjects and the names of revocations are bytes to a store, as in tokens: no normal form, no case, zero bytes and all.
/// Sessions that have ended or expired are found and listed until a sweep comes that is due for them (`Session.keptUntil`).
package protocol SessionStore: AnyObject, Sendable {
    /// Calls `reply` exactly once, also when the store is closed meanwhile.
    func perform(_ request: StoreRequest, then reply: @escaping @Sendable (Result<StoreReply, StoreError>) -> Void)
    /// Answers what is under way, ends the store's thread and returns when it has ended. More than one call is no harm.
    func close()
}

/// One thing to do, with the time and the rules that it is done by.
package struct StoreRequest: Sendable {
    package enum Operation: Sendable {
        /// Adds the session, whose name must be new; ends those of its subject that `SessionRules.givingWay` says.
        case create(Session)
        /// `Session.refresh`, atomically.
        case refresh(SessionID, counter: UInt32, address: String)
        case find(SessionID)
        case list(SessionQuery)
        /// Ends the session, unless it has ended, and revokes its `sid` until `accessReachSeconds` from now. One that has expired
        /// ends like others: an access token of it may be around.
        case end(SessionID, Session.Reason)
        /// Ends all sessions of the subject but one, expired ones too, and revokes what of the subject began before this second;
        /// by their names, those of its sessions that were begun or refreshed in it or, by another gateway's clock, later. With `except`, the
        /// others are revoked by their names alone, so that the excepted one goes on.
        case endAll(subject: String, except: SessionID?, Session.Reason)
        case revoke(Revocation)
        /// Removes the sessions that no longer have to be kept, and revocations that have expired.
        case sweep
    }

    package var operation: Operation
    package var rules: SessionRules
    package var now: NumericDate

    package init(_ operation: Operation, rules: SessionRules, now: NumericDate) {
        self.operation = operation
        self.rules = rules
        self.now = now
    }
}

/// What came of a request, case by case as in `StoreRequest.Operation`.
package enum StoreReply: Sendable, Equatable {
    /// With the sessions that had to give way, least recently used first.
    case created(ended: [SessionID])
    /// The session as it is now; nil: there is none of that name.
    case refreshed(Refreshment, Session)
    case unknown
    case found(Session?)
    case page(SessionPage)
    /// The session as it was before; nil: there is none of that name, or it had ended.
    case ended(Session?)
    /// How many had not ended before.
    case endedAll(count: Int)
    case revoked
    case swept(sessions: Int, revocations: Int)
}

/// Which sessions a list is of, and from where on.
package struct SessionQuery: Sendable, Equatable {
    /// Nil: everyone's.
    package var subject: String?
    /// Also those that have ended or expired, as far as they are still there.
    package var includesEnded: Bool
    /// What `SessionPage.next` said; nil: from the beginning.
    package var cursor: String?
    /// 1…1000.
    package let limit: Int

    /// - Parameter limit: out of its range, it is taken as the nearer end of that.
    package init(subject: String? = nil, includesEnded: Bool = false, cursor: String? = nil, limit: Int = 100) {
        self.subject = subject
        self.includesEnded = includesEnded
        self.cursor = cursor
        self.limit = min(max(limit, 1), 1000)
    }
}

/// Some sessions, at most as many as were asked for; those of one subject are in the order of their dates of creation. Who
/// follows `next` to the end has seen every session once that was there all the time.
package struct SessionPage: Sendable, Equatable {
    package var sessions: [Session]
    /// Nil: these were the last. A page may be short, even empty, without being the last.
    package var next: String?

    package init(sessions: [Session], next: String?) {
        self.sessions = sessions
        self.next = next
    }
}

package enum StoreError: Error, Sendable, Equatable {
    /// It cannot be reached, or does not answer in time: what was asked may have been done. Another try may succeed.
    case away(String)
    /// It is there and cannot do it: another try would fail alike.
    case failed(String)
    /// `SessionQuery.cursor` is none of this store's.
    case badCursor
    /// It has been closed.
    case closed
}
