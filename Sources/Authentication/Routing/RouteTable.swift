internal import Bytes
package import HTTP1

/// Finds the route of a request: the longest path prefix whose host and method also match; among routes of one prefix an
/// exact host before a wildcard (the longer suffix first) before any host, then a list of methods before any, then the
/// order of the configuration.
///
/// Prefixes are a compressed trie and hosts one hash table, so that a lookup costs the length of path and host, whether
/// there are ten routes or ten thousand. No allocation, except for paths with `;`.
package struct RouteTable: Sendable {
    package enum Match: Equatable, Sendable {
        case route(Int)
        /// No route has such a prefix and host.
        case noRoute
        /// Routes match by path and host; none of them takes the method.
        case methodNotAllowed
        /// With its `;` parameters the path belongs to one route, without them to another. Servers differ in whether
        /// they drop parameters before they dispatch, so either choice could be the wrong guard.
        case ambiguous
    }

    /// The routes of one prefix: small and in one piece, because among ten thousand each look is a cache miss.
    private struct Leaf {
        /// The route that holds here whatever the request is; -1: it depends.
        var only: Int32 = -1
        /// Of its routes for any host, in `anyHost`.
        var anyHost: Range<Int32> = 0..<0
        var hasHosts = false
    }

    private let trie: PrefixTrie
    private let hosts: HostIndex
    private let methods: [MethodSet]
    /// By route: the length of the one path it holds for; -1: it holds for all that its prefix does.
    private let exactCounts: [Int]
    /// By the leaf of the trie.
    private let leaves: [Leaf]
    private let anyHost: [Int32]

    package init(_ routes: [RoutePolicy]) {
        methods = routes.map { MethodSet($0.methods) }
        let methods = methods
        exactCounts = routes.map { $0.isExact ? $0.pathPrefix.utf8.count : -1 }
        let bySpecificity = routes.indices.sorted { (methods[$0].isAny ? 1 : 0, $0) < (methods[$1].isAny ? 1 : 0, $1) }
        var trie = PrefixTrie()
        var hosts = HostIndex()
        var leaves: [Leaf] = []
        var routesOfLeaf: [[Int32]] = []
        for index in bySpecificity {
            let leaf = trie.insert(Array(routes[index].pathPrefix.utf8))
            if leaf == leaves.count {
                leaves.append(Leaf())
                routesOfLeaf.append([])
            }
            if routes[index].hosts.isEmpty { routesOfLeaf[leaf].append(Int32(index)) }
            for host in Set(routes[index].hosts) {
                leaves[leaf].hasHosts = true
                hosts.insert(host, leaf: leaf, route: Int32(index))
            }
        }
        trie.compile()
        hosts.compile()
        var anyHost: [Int32] = []
        for (leaf, indices) in routesOfLeaf.enumerated() {
            leaves[leaf].anyHost = Int32(anyHost.count)..<Int32(anyHost.count + indices.count)
            anyHost += indices
            guard let first = indices.first, !leaves[leaf].hasHosts else { continue }
            if methods[Int(first)].isAny, !routes[Int(first)].isExact { leaves[leaf].only = first }
        }
        (self.trie, self.hosts, self.leaves, self.anyHost) = (trie, hosts, leaves, anyHost)
    }

    /// - Parameters:
    ///   - path: in normal form, or `*`, which stands for the server and belongs to the routes of `/`.
    ///   - host: as the client sent it, without port; empty when it named none.
    package func match(
        path: Span<UInt8>, host: Span<UInt8>, method: Method, methodName: Span<UInt8>
    ) -> Match {
        let match = matchLiterally(path: path, host: host, method: method, methodName: methodName)
        guard trie.hasSeveralPrefixes, path.containsSemicolon else { return match }
        let plain = Self.removingParameters(path)
        let other = matchLiterally(path: plain.span, host: host, method: method, methodName: methodName)
        return match == other ? match : .ambiguous
    }

    /// The methods of the routes that match by path and host, for `Allow` (RFC 9110 §10.2.1). Sorted.
    package func allowedMethods(path: Span<UInt8>, host: Span<UInt8>) -> [String] {
        var names: Set<String> = []
        let name = host.extracting(0..<Self.nameCount(of: host))
        var leaf = trie.longestLeaf(of: path)
        while leaf >= 0 {
            let entry = leaves[Int(leaf)]
            for position in entry.anyHost {
                let route = Int(anyHost[Int(position)])
                if holds(route, for: path) { names.formUnion(methods[route].names) }
            }
            if entry.hasHosts {
                _ = hosts.mostSpecific(leaf: Int(leaf), host: name) { route in
                    if holds(Int(route), for: path) { names.formUnion(methods[Int(route)].names) }
                    return false
                }
            }
            leaf = trie.nextShorterLeaf(than: leaf, of: path)
        }
        return names.sorted()
    }

    private func matchLiterally(
        path: Span<UInt8>, host: Span<UInt8>, method: Method, methodName: Span<UInt8>
    ) -> Match {
        var matchesButMethod = false
        var leaf = trie.longestLeaf(of: path)
        while leaf >= 0 {
            let entry = leaves[Int(leaf)]
            if entry.only >= 0 { return .route(Int(entry.only)) }
            if entry.hasHosts {
                let name = host.extracting(0..<Self.nameCount(of: host))
                let route = hosts.mostSpecific(leaf: Int(leaf), host: name) { route in
                    guard holds(Int(route), for: path) else { return false }
                    if methods[Int(route)].contains(method, name: methodName) { return true }
                    matchesButMethod = true
                    return false
                }
                if route >= 0 { return .route(Int(route)) }
            }
            for position in entry.anyHost {
                let route = Int(anyHost[Int(position)])
                guard holds(route, for: path) else { continue }
                if methods[route].contains(method, name: methodName) { return .route(route) }
                matchesButMethod = true
            }
            leaf = trie.nextShorterLeaf(than: leaf, of: path)
        }
        return matchesButMethod ? .methodNotAllowed : .noRoute
    }

    private func holds(_ route: Int, for path: Span<UInt8>) -> Bool { exactCounts[route] < 0 || exactCounts[route] == path.count }

    /// The length of `host` without the dot that ends a fully qualified name.
    private static func nameCount(of host: Span<UInt8>) -> Int {
        host.count > 1 && host[host.count &- 1] == 0x2E ? host.count &- 1 : host.count
    }

    /// Each segment up to its first `;`; those of which nothing is left are gone, as they are for servers that merge slashes. For
    /// those that do not, no route has an empty segment, so that the path as it is tells theirs.
    private static func removingParameters(_ path: Span<UInt8>) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(path.count)
        var isParameter = false
        for index in 0..<path.count {
            switch path[index] {
            case 0x2F:
                isParameter = false
                if plain.last != 0x2F { plain.append(0x2F) }
            case 0x3B: isParameter = true
            case let byte: if !isParameter { plain.append(byte) }
            }
        }
        return plain
    }
}

extension Span<UInt8> {
    /// Eight bytes at a time: it is asked of every path.
    fileprivate var containsSemicolon: Bool {
        guard count >= 8 else {
            for index in 0..<count where self[index] == 0x3B { return true }
            return false
        }
        var index = 0
        while true {
            // A zero byte in `difference` is a `;`; the classic test has no false negatives, and none positive without one.
            let difference = word(at: index) ^ 0x3B3B_3B3B_3B3B_3B3B
            if (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080 != 0 { return true }
            if index == count &- 8 { return false }
            index = min(index &+ 8, count &- 8)
        }
    }
}
