import EventLoop
import Metrics
import Sessions

/// Who has asked the store something and waits.
protocol StoreCaller: AnyObject {
    /// Called once, in a later turn, unless the caller has hung up before.
    func storeReplied(_ reply: Result<StoreReply, StoreError>)
}

/// Names one question to the store. A place is used again for another question, and with another generation then: a reply
/// that comes late finds nobody.
struct StoreTicket: Equatable, Sendable {
    var place: Int
    var generation: UInt32
}

/// A worker's questions to the store that have no reply yet. The store knows nothing of them but tickets: replies come from its
/// thread by mail.
struct StoreCalls {
    /// A store that has stopped to answer must not collect questions for ever.
    static let pendingMax = 4096

    private struct Place {
        var generation: UInt32 = 0
        /// Nil: nobody waits, or nobody any more.
        var caller: (any StoreCaller)?
        /// In nanoseconds.
        var began: Int64 = 0
    }

    private var places: [Place] = []
    private var free: [Int] = []
    private(set) var pending = 0

    /// Nil when too many are pending.
    mutating func begin(for caller: any StoreCaller, at now: Int64) -> StoreTicket? {
        guard pending < Self.pendingMax else { return nil }
        pending += 1
        if free.isEmpty {
            places.append(Place())
            free.append(places.count - 1)
        }
        let place = free.removeLast()
        places[place].caller = caller
        places[place].began = now
        return StoreTicket(place: place, generation: places[place].generation)
    }

    /// The caller has gone, or waits no longer. What it asked for may be done all the same.
    mutating func hangUp(_ ticket: StoreTicket) {
        guard isPending(ticket) else { return }
        places[ticket.place].caller = nil
    }

    /// The reply has come: who waits for it, and how long it took in nanoseconds. Nil for a ticket that is not pending.
    mutating func end(_ ticket: StoreTicket, at now: Int64) -> (caller: (any StoreCaller)?, nanoseconds: Int64)? {
        guard isPending(ticket) else { return nil }
        let place = places[ticket.place]
        places[ticket.place] = Place(generation: place.generation &+ 1)
        free.append(ticket.place)
        pending -= 1
        return (place.caller, now &- place.began)
    }

    private func isPending(_ ticket: StoreTicket) -> Bool {
        places.indices.contains(ticket.place) && places[ticket.place].generation == ticket.generation
    }
}
