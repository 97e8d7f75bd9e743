/// The addresses of one server in turn, so that its connections spread over all of them; one that did not accept is left
/// out for a while.
package struct AddressRotation: Equatable, Sendable {
    /// How long an address that did not accept is left out, in milliseconds, as long as there is another.
    package static let absence: Int64 = 10_000

    /// For each address, when it takes part again.
    private var absentUntil: [Int64]
    private var next: Int

    /// - Parameter offset: where to begin; differs between workers.
    package init(count: Int, offset: Int) {
        absentUntil = [Int64](repeating: .min, count: count)
        next = count > 0 ? offset % count : 0
    }

    /// The index of the address to connect to; nil when there is none.
    package mutating func pick(now: Int64) -> Int? {
        guard !absentUntil.isEmpty else { return nil }
        var best = next
        for step in 0..<absentUntil.count {
            let index = (next + step) % absentUntil.count
            if absentUntil[index] <= now {
                best = index
                break
            }
            if absentUntil[index] < absentUntil[best] { best = index }
        }
        next = (best + 1) % absentUntil.count
        return best
    }

    package mutating func failed(_ index: Int, now: Int64) { absentUntil[index] = now + Self.absence }

    package mutating func accepted(_ index: Int) { absentUntil[index] = .min }
}
