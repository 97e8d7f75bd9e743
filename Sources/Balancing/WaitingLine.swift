/// A bounded line: first come, first served; whoever has had enough of waiting leaves from the middle. Every step takes the
/// same time however long the line is.
package struct WaitingLine<Element> {
    private struct Place {
        var element: Element?
        var previous = -1
        var next = -1
    }

    /// The most that may wait.
    package var capacity: Int
    package private(set) var count = 0
    private var places: [Place] = []
    private var free: [Int] = []
    private var first = -1
    private var last = -1

    package init(capacity: Int) { self.capacity = capacity }

    package var isEmpty: Bool { count == 0 }

    /// - Returns: the ticket to leave with; nil when the line is full.
    package mutating func join(_ element: Element) -> Int? {
        guard count < capacity else { return nil }
        let ticket: Int
        if let unused = free.popLast() {
            ticket = unused
        } else {
            ticket = places.count
            places.append(Place())
        }
        places[ticket] = Place(element: element, previous: last)
        if last >= 0 { places[last].next = ticket } else { first = ticket }
        last = ticket
        count += 1
        return ticket
    }

    /// Whoever is at the front, who stays there.
    package var front: Element? { first >= 0 ? places[first].element : nil }

    package mutating func popFirst() -> Element? {
        guard first >= 0 else { return nil }
        let element = places[first].element
        leave(first)
        return element
    }

    /// - Parameter ticket: from `join`, used once.
    package mutating func leave(_ ticket: Int) {
        let place = places[ticket]
        precondition(place.element != nil, "left twice")
        if place.previous >= 0 { places[place.previous].next = place.next } else { first = place.next }
        if place.next >= 0 { places[place.next].previous = place.previous } else { last = place.previous }
        places[ticket] = Place()
        free.append(ticket)
        count -= 1
    }
}
