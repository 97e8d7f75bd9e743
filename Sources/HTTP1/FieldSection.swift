package import Bytes

/// The field lines of one head (RFC 9110 §5), found in one pass and kept as offsets.
///
/// Reused from message to message: once its array has grown to what messages need, parsing allocates nothing. Lines are
/// never removed or moved, only marked as dropped; the serializer copies the runs between the marks.
///
/// A name that is known only once `_` counts as `-` (`X_Forwarded_For`) is an alias: `.other` to every lookup. In requests
/// and trailers aliases are dropped, so that no application can take one for the field that the gateway vouches for.
package struct FieldSection {
    package internal(set) var lines: [FieldLine] = []
    var seen = FieldNameSet()
    private var repeated = FieldNameSet()
    /// By raw value of a name in `seen`: the index of its first line. Stale elsewhere. An array, as the compiler copies a
    /// whole `InlineArray` to read one element of it.
    private var firstIndices = [UInt16](repeating: 0, count: 64)
    let names = FieldNameTable.shared

    package init() {}
}

// MARK: - Looking up

extension FieldSection {
    /// The first line of that name, dropped or not. Constant time.
    package func first(_ id: FieldName) -> FieldLine? {
        firstIndex(of: id).map { lines[$0] }
    }

    /// The index of the first line of that name, dropped or not. Constant time.
    package func firstIndex(of id: FieldName) -> Int? {
        seen.contains(id) ? Int(firstIndices[Int(id.rawValue & 63)]) : nil
    }

    /// How many lines have that name: 0, 1, or 2 for two and more.
    package func count(of id: FieldName) -> Int {
        repeated.contains(id) ? 2 : seen.contains(id) ? 1 : 0
    }
}

// MARK: - Editing and serializing

extension FieldSection {
    /// Drops all lines of that name.
    package mutating func drop(_ id: FieldName) {
        guard id != .other, let first = firstIndex(of: id) else { return }
        lines[first].isDropped = true
        guard repeated.contains(id) else { return }
        var index = first &+ 1
        while index < lines.count {
            if lines[index].id == id { lines[index].isDropped = true }
            index &+= 1
        }
    }

    package mutating func drop(at index: Int) { lines[index].isDropped = true }

    /// Takes a line back that the parser has dropped.
    package mutating func keep(at index: Int) { lines[index].isDropped = false }

    /// Drops all lines of a configured name and its aliases.
    ///
    /// - Parameter hash: `canonicalHash(name)`.
    package mutating func drop(_ name: Span<UInt8>, hash: UInt32, from bytes: Span<UInt8>) {
        var index = 0
        while index < lines.count {
            if lines[index].canonicalHash == hash,
                isCanonicallyEqual(bytes.extracting(lines[index].name.bounds), name)
            {
                lines[index].isDropped = true
            }
            index &+= 1
        }
    }

    /// Copies every line that is not dropped, CRLF included: one copy for each run of neighbours. No blank line follows.
    ///
    /// - Parameter bytes: what the section was parsed from.
    package func appendKept(from bytes: Span<UInt8>, to buffer: inout ByteBuffer) {
        var run = ByteRange.empty
        var index = 0
        while index < lines.count {
            let line = lines[index]
            if !line.isDropped {
                if run.end != line.line.start {
                    if !run.isEmpty { buffer.append(bytes.extracting(run.bounds)) }
                    run.start = line.line.start
                }
                run.end = line.line.end
            }
            index &+= 1
        }
        if !run.isEmpty { buffer.append(bytes.extracting(run.bounds)) }
    }
}

// MARK: - Filling

extension FieldSection {
    mutating func removeAll() {
        lines.removeAll(keepingCapacity: true)
        seen = FieldNameSet()
        repeated = FieldNameSet()
    }

    @inline(__always)
    mutating func append(_ line: FieldLine) {
        if line.id != .other {
            if seen.contains(line.id) {
                repeated.insert(line.id)
            } else {
                seen.insert(line.id)
                firstIndices[Int(line.id.rawValue & 63)] = UInt16(truncatingIfNeeded: lines.count)
            }
        }
        lines.append(line)
    }
}
