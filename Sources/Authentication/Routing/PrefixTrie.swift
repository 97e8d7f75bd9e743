internal import Bytes

/// Path prefixes as a compressed trie in flat arrays. Every distinct prefix is a leaf, numbered in order of insertion.
///
/// A prefix holds for a path that equals it or goes on with a new segment: `/a` for `/a` and `/a/b`, not for `/ab`; `/a/`
/// for whatever begins with it.
struct PrefixTrie: Sendable {
    private struct Node {
        /// In `labels`: what the prefixes go on with, behind the byte that the edge here tells.
        var label: Range<Int32> = 0..<0
        var children: Range<Int32> = 0..<0  // in `edges`
        var leaf: Int32 = -1
    }

    private struct Edge {
        var first: UInt8
        var node: Int32
    }

    private struct Leaf {
        var prefixCount: Int32
        var endsWithSlash: Bool
        /// The leaf of the longest prefix of this prefix; -1: none.
        var shorter: Int32 = -1
    }

    private var nodes: [Node] = []
    private var edges: [Edge] = []
    private var labels: [UInt8] = []
    private var leaves: [Leaf] = []
    /// Between `insert` and `compile`.
    private var pending: [[UInt8]: Int] = [:]

    var hasSeveralPrefixes: Bool { leaves.count > 1 }

    /// The number of the leaf for `prefix`, a new one or the one it has.
    mutating func insert(_ prefix: [UInt8]) -> Int {
        if let leaf = pending[prefix] { return leaf }
        let leaf = leaves.count
        pending[prefix] = leaf
        leaves.append(Leaf(prefixCount: Int32(prefix.count), endsWithSlash: prefix.last == 0x2F))
        return leaf
    }

    /// Builds the tree; nothing can be inserted afterwards.
    mutating func compile() {
        let sorted = pending.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        pending = [:]
        nodes = [Node()]
        build(node: 0, sorted[...], depth: 0, shorter: -1)
    }

    /// Fills `node`, reached by the first `depth` bytes that all of `prefixes` (sorted) share.
    private mutating func build(node: Int, _ prefixes: ArraySlice<(key: [UInt8], value: Int)>, depth: Int, shorter: Int32) {
        guard let first = prefixes.first, let last = prefixes.last else { return }
        var end = depth
        let limit = min(first.key.count, last.key.count)
        while end < limit, first.key[end] == last.key[end] { end += 1 }
        let start = node == 0 ? depth : depth + 1
        nodes[node].label = Int32(labels.count)..<Int32(labels.count + end - start)
        labels.append(contentsOf: first.key[start..<end])

        var rest = prefixes
        var shorter = shorter
        if first.key.count == end {
            leaves[first.value].shorter = shorter
            shorter = Int32(first.value)
            nodes[node].leaf = shorter
            rest = rest.dropFirst()
        }
        var groups: [ArraySlice<(key: [UInt8], value: Int)>] = []
        while let next = rest.first {
            let stop = rest.firstIndex { $0.key[end] != next.key[end] } ?? rest.endIndex
            groups.append(rest[..<stop])
            rest = rest[stop...]
        }
        let firstEdge = edges.count
        for group in groups {
            edges.append(Edge(first: group.first!.key[end], node: Int32(nodes.count)))
            nodes.append(Node())
        }
        nodes[node].children = Int32(firstEdge)..<Int32(edges.count)
        for (offset, group) in groups.enumerated() {
            build(node: Int(edges[firstEdge + offset].node), group, depth: end, shorter: shorter)
        }
    }

    /// The leaf of the longest prefix that holds for `path`; -1: none.
    func longestLeaf(of path: Span<UInt8>) -> Int32 {
        if path.count == 1, path[0] == 0x2A { return longestLeaf(of: Self.root.span) }
        var deepest: Int32 = -1
        var node = nodes[0]
        var position = 0
        walk: while true {
            let labelCount = node.label.count
            guard path.count &- position >= labelCount else { break }
            var index = 0
            while index < labelCount {
                if path[position &+ index] != labels[Int(node.label.lowerBound) &+ index] { break walk }
                index &+= 1
            }
            position &+= labelCount
            if node.leaf >= 0 { deepest = node.leaf }
            guard position < path.count, let next = child(of: node, path[position]) else { break }
            position &+= 1
            node = nodes[next]
        }
        return deepest < 0 || holds(deepest, for: path) ? deepest : nextShorterLeaf(than: deepest, of: path)
    }

    /// The leaf of the next shorter prefix that holds for `path`; -1: none. `leaf` must be one whose prefix `path` has.
    func nextShorterLeaf(than leaf: Int32, of path: Span<UInt8>) -> Int32 {
        var leaf = leaves[Int(leaf)].shorter
        while leaf >= 0, !holds(leaf, for: path) { leaf = leaves[Int(leaf)].shorter }
        return leaf
    }

    /// Whether the prefix of `leaf`, which `path` begins with, ends at a segment's end.
    private func holds(_ leaf: Int32, for path: Span<UInt8>) -> Bool {
        let leaf = leaves[Int(leaf)]
        let end = Int(leaf.prefixCount)
        // `*` is looked up as `/`.
        return leaf.endsWithSlash || path.count <= end || path[end] == 0x2F
    }

    /// Binary search: at most 8 steps, and none of them depends on the number of routes.
    private func child(of node: Node, _ byte: UInt8) -> Int? {
        var low = Int(node.children.lowerBound)
        var high = Int(node.children.upperBound)
        while low < high {
            let middle = (low &+ high) >> 1
            if edges[middle].first < byte { low = middle &+ 1 } else { high = middle }
        }
        return low < node.children.upperBound && edges[low].first == byte ? Int(edges[low].node) : nil
    }

    private static let root: [UInt8] = [0x2F]
}
