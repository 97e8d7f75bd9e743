private import Glibc
import Synchronization

/// A fixed number of atomic words, all zero at first, that any thread may use at any time. What has never been written to takes
/// address space and no memory.
@safe
package struct AtomicTable: ~Copyable, @unchecked Sendable {
    // Sendable: the pointer never changes, and everything that it points at is atomic.
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    package let count: Int

    package init(_ count: Int) {
        self.count = count
        // An atomic word of zero bits is zero; nothing else would leave the pages untouched.
        guard let memory = unsafe calloc(count, MemoryLayout<Atomic<UInt64>>.stride) else { fatalError("out of memory") }
        unsafe words = memory.bindMemory(to: Atomic<UInt64>.self, capacity: count)
    }

    deinit { unsafe free(words) }

    /// - Precondition: `index` is in `0..<count`.
    package func load(_ index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        return unsafe words[index].load(ordering: .relaxed)
    }

    /// As `load`; what a thread has written before it published this word is seen behind it.
    package func loadPublished(_ index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        return unsafe words[index].load(ordering: .acquiring)
    }

    package func store(_ word: UInt64, at index: Int) {
        precondition(index >= 0 && index < count)
        unsafe words[index].store(word, ordering: .relaxed)
    }

    /// As `store`; whoever sees the word by `loadPublished` sees all that this thread has written before.
    package func publish(_ word: UInt64, at index: Int) {
        precondition(index >= 0 && index < count)
        unsafe words[index].store(word, ordering: .releasing)
    }

    /// The new value.
    package func add(_ amount: UInt64, at index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        return unsafe words[index].wrappingAdd(amount, ordering: .relaxed).newValue
    }

    /// False when the word is no longer `expected`.
    package func replace(_ expected: UInt64, by desired: UInt64, at index: Int) -> Bool {
        precondition(index >= 0 && index < count)
        return unsafe words[index].compareExchange(expected: expected, desired: desired, ordering: .relaxed).exchanged
    }
}
