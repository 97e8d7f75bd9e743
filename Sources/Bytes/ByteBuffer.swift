/// A growable run of bytes with a read cursor: appended at the end, consumed from the front.
///
/// Owns its storage and frees it; empty it owns none, so that an idle connection pays nothing for the buffers it may
/// need. This is the one type below the event loop that touches raw memory: everything else sees `Span`.
///
/// Invariant: `0 ≤ start ≤ end ≤ capacity`, and `base` is nil exactly when `capacity` is zero.
@safe
package struct ByteBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>?
    @usableFromInline var start = 0
    @usableFromInline var end = 0
    @usableFromInline package internal(set) var capacity = 0

    package init() { unsafe base = nil }

    /// A buffer that can take `capacity` bytes before it grows.
    package init(capacity: Int) {
        unsafe base = nil
        grow(toHold: capacity)
    }

    deinit { unsafe base?.deallocate() }

    @inlinable package var count: Int { end &- start }
    @inlinable package var isEmpty: Bool { end == start }

    /// Lends the unconsumed bytes for the duration of `body`.
    @inlinable @inline(__always)
    package borrowing func withSpan<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // `base` outlives the call because `self` is borrowed for it, and holds `count` initialised bytes from `start`.
        let bytes = unsafe UnsafeBufferPointer(start: base.map { unsafe UnsafePointer($0 + start) }, count: count)
        return try unsafe body(bytes.span)
    }

    /// Lends at least `minimum` writable bytes behind the contents; `body` returns how many it has filled, from the front.
    @unsafe
    package mutating func withSpareCapacity<Failure: Error>(
        minimum: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        reserve(minimum)
        let spare = unsafe UnsafeMutableRawBufferPointer(start: base.map { unsafe $0 + end }, count: capacity - end)
        let filled = try unsafe body(spare)
        precondition(filled >= 0 && filled <= capacity - end, "more bytes claimed than were lent")
        end += filled
    }
}

// MARK: - Appending

extension ByteBuffer {
    package mutating func append(_ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        reserve(bytes.count)
        // The spans cannot overlap: `self` is exclusively held, and `reserve` made room for `bytes.count` behind `end`.
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe (base! + end).update(from: source.baseAddress!, count: source.count)
        }
        end &+= bytes.count
    }

    @inlinable
    package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base![end] = byte
        end &+= 1
    }

    package mutating func append(_ literal: StaticString) {
        // A static string that is not a lone scalar points at immortal UTF-8.
        let bytes = unsafe UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        unsafe append(bytes.span)
    }

    package mutating func append(_ bytes: [UInt8]) { append(bytes.span) }

    /// Literals are meant for the `StaticString` form, which needs no count of references.
    @_disfavoredOverload
    package mutating func append(_ text: String) {
        var text = text
        text.makeContiguousUTF8()
        append(text.utf8.span)
    }

    /// Appends `value` in decimal; negative values with a leading minus.
    package mutating func append(decimal value: Int) {
        if 0..<1000 ~= value { return append(upToThreeDigits: value) }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var position = 20
        var rest = value.magnitude
        repeat {
            position &-= 1
            digits[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            rest /= 10
        } while rest != 0
        if value < 0 { append(0x2D) }
        append(digits.span.extracting(position..<20))
    }

    /// Statuses, lengths of small answers and the parts of addresses: most numbers there are.
    private mutating func append(upToThreeDigits value: Int) {
        if value >= 100 { append(UInt8(truncatingIfNeeded: value / 100) &+ 0x30) }
        if value >= 10 { append(UInt8(truncatingIfNeeded: value / 10 % 10) &+ 0x30) }
        append(UInt8(truncatingIfNeeded: value % 10) &+ 0x30)
    }

    /// Appends `value` in lower-case hexadecimal without leading zeros.
    package mutating func append(hexadecimal value: Int) {
        precondition(value >= 0)
        var shift = max(0, (Int.bitWidth - value.leadingZeroBitCount - 1) / 4 * 4)
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: value >> shift) & 0xF
            append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
            shift -= 4
        }
    }
}

// MARK: - Consuming

extension ByteBuffer {
    /// Forgets the first `count` bytes. Storage is kept; `removeAll` and `release` give positions and storage back.
    package mutating func removeFirst(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "consumed more than was buffered")
        start &+= count
        if start == end { start = 0; end = 0 }
    }

    /// Keeps the first `count` bytes.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count)
        end = start &+ count
    }

    /// Empties the buffer and keeps its storage for the next use.
    package mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Empties the buffer and frees its storage.
    package mutating func release() {
        unsafe base?.deallocate()
        unsafe base = nil
        start = 0
        end = 0
        capacity = 0
    }

    /// A copy of the contents, for what outlives the buffer.
    package borrowing func bytes() -> [UInt8] { withSpan { Array(copying: $0) } }
}

// MARK: - Storage

extension ByteBuffer {
    /// Makes room for `additional` bytes behind the contents.
    @inlinable
    package mutating func reserve(_ additional: Int) {
        if capacity &- end < additional { makeRoom(for: additional) }
    }

    @usableFromInline @inline(never)
    mutating func makeRoom(for additional: Int) {
        let needed = count + additional
        if needed <= capacity / 2 {  // the front is mostly consumed: slide instead of growing
            unsafe base!.update(from: base! + start, count: count)
            end = count
            start = 0
            return
        }
        grow(toHold: needed)
    }

    private mutating func grow(toHold needed: Int) {
        guard needed > 0 else { return }
        let newCapacity = max(needed, capacity * 2, 64)
        let newBase = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
        if let base = unsafe base {
            unsafe newBase.update(from: base + start, count: count)
            unsafe base.deallocate()
        }
        unsafe base = newBase
        end = count
        start = 0
        capacity = newCapacity
    }
}
