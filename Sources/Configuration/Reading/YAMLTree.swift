import Yams

/// The parts of a YAML document that a configuration may use: scalars, sequences, mappings, each with its place.
///
/// Tags, merge keys and second documents are refused; anchors and aliases are read, within bounds. What a scalar means
/// is decided by the key it stands at and never by its looks, so `id: 2026` is text and `realm: yes` too.
struct YAMLTree {
    enum Content {
        /// `isPlain`: written without quotes, so that `~` or nothing may mean "no value".
        case scalar(String, isPlain: Bool)
        case sequence([YAMLTree])
        case mapping([Entry])
    }

    struct Entry {
        var key: String
        var keyMark: Position
        var value: YAMLTree
    }

    /// Line and column from 1.
    struct Position: Hashable, Comparable {
        var line: Int
        var column: Int

        static func < (a: Position, b: Position) -> Bool { (a.line, a.column) < (b.line, b.column) }
    }

    var content: Content
    var position: Position

    /// What is written here in one word, for messages.
    var kind: String {
        switch content {
        case .scalar(_, isPlain: true) where isEmpty: "nothing"
        case .scalar(let text, _): "\"\(Quotation.shortened(text))\""
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// Nothing after the colon, or one of YAML's spellings of null.
    var isEmpty: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }
}

/// A file that is no YAML, or more YAML than a configuration needs.
struct YAMLFault: Error, Equatable {
    var position: YAMLTree.Position?
    var message: String
    var expected: String?

    init(at position: YAMLTree.Position?, _ message: String, expected: String? = nil) {
        self.position = position
        self.message = message
        self.expected = expected
    }
}

/// Bounds that keep a file, whoever wrote it, from exhausting the process. Far above what a person writes.
enum YAMLBounds {
    /// Ten thousand routes fit in 1 MiB.
    static let fileBytesMax = 4 << 20
    /// Nodes after aliases are expanded: an alias bomb stops here.
    static let nodesMax = 400_000
    /// A configuration is at most seven deep.
    static let depthMax = 16
    /// See `YAMLTree.aliasWork`.
    static let aliasWorkMax = 1e5
}

extension YAMLTree {
    /// Reads the one document of `text`. Nil when there is none.
    static func read(_ text: String) throws(YAMLFault) -> YAMLTree? {
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        guard text.utf8.count <= YAMLBounds.fileBytesMax else {
            throw YAMLFault(at: nil, "the file has more than \(YAMLBounds.fileBytesMax >> 20) MiB")
        }
        try refuseDepth(in: text)
        guard aliasWork(in: text) <= YAMLBounds.aliasWorkMax else {
            throw YAMLFault(at: nil, "the file has too many anchors and aliases")
        }
        var nodes = 0
        do {
            // The basic resolver takes every scalar for text, so that `1` and `"1"` are one key.
            guard let root = try Yams.Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot() else { return nil }
            return try YAMLTree(root, depth: 0, nodes: &nodes)
        } catch let fault as YAMLFault {
            throw fault
        } catch let error as YamlError {
            throw YAMLFault(error, in: text)
        } catch {
            throw YAMLFault(at: nil, "not YAML")
        }
    }

    private init(_ node: Node, depth: Int, nodes: inout Int) throws(YAMLFault) {
        position = node.mark.map { Position(line: $0.line, column: $0.column) } ?? Position(line: 1, column: 1)
        nodes += 1
        guard nodes <= YAMLBounds.nodesMax else { throw YAMLFault(at: position, "aliases expand to too much") }
        guard depth < YAMLBounds.depthMax else { throw YAMLFault(at: position, "nested too deeply") }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            content = .scalar(scalar.string, isPlain: isPlain)
            try Self.refuseTag(scalar.tag, but: .str, at: position)
        case .sequence(let sequence):
            try Self.refuseTag(sequence.tag, but: .seq, at: position)
            var elements: [YAMLTree] = []
            for element in sequence {
                elements.append(try YAMLTree(element, depth: depth + 1, nodes: &nodes))
            }
            content = .sequence(elements)
        case .mapping(let mapping):
            try Self.refuseTag(mapping.tag, but: .map, at: position)
            var entries: [Entry] = []
            for (keyNode, valueNode) in mapping {
                let key = try YAMLTree(keyNode, depth: depth + 1, nodes: &nodes)
                guard case .scalar(let name, let isPlain) = key.content else {
                    throw YAMLFault(at: key.position, "a key is text, not \(key.kind)")
                }
                guard !(isPlain && name == "<<") else {
                    throw YAMLFault(at: key.position, "merge keys are not read", expected: "the keys written out")
                }
                let value = try YAMLTree(valueNode, depth: depth + 1, nodes: &nodes)
                entries.append(Entry(key: name, keyMark: key.position, value: value))
            }
            content = .mapping(entries)
        case .alias(let alias):
            throw YAMLFault(at: position, "unknown alias \"\(Quotation.shortened("\(alias.anchor.rawValue)"))\"")
        }
    }

    /// The library writes the kind's own tag where there was none, so that one is allowed; it changes nothing.
    private static func refuseTag(_ tag: Tag, but own: Tag.Name, at position: Position) throws(YAMLFault) {
        guard tag == Tag(.implicit) || tag == Tag(.nonSpecific) || tag == Tag(own) else {
            throw YAMLFault(
                at: position, "YAML tags are not read: \"\(Quotation.shortened(tag.description))\"",
                expected: "the value without it")
        }
    }

    /// An upper bound of what aliases can make of the file, from nothing but the number of `&` and `*` in it, so that
    /// no trick of quoting escapes it. With `n` anchors and `a` aliases the worst is (a/n)ⁿ copies. The bound has to
    /// hold before the parser runs, because the parser hashes keys, aliases and all, to find duplicates.
    static func aliasWork(in text: String) -> Double {
        var anchors = 0.0
        var aliases = 0.0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "&") { anchors += 1 }
            if byte == UInt8(ascii: "*") { aliases += 1 }
        }
        var worst = 0.0
        var count = 1.0
        // (a/n)ⁿ grows up to n = a/e and then falls; past 40 factors above e it is beyond the bound anyway.
        while count <= min(anchors, aliases, 40) {
            var product = 1.0
            for _ in 0..<Int(count) { product *= aliases / count }
            worst = max(worst, product)
            count += 1
        }
        return worst
    }

    /// Refuses more open brackets, or more indentation steps, than any configuration has, before the parser recurses
    /// into them. Brackets in quotes and comments count too; 1000 unbalanced ones in a file are none of ours.
    private static func refuseDepth(in text: String) throws(YAMLFault) {
        var open = 0
        var line = 1
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): open += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): open -= 1
            case UInt8(ascii: "\n"): line += 1
            default: break
            }
            guard open < 1000 else { throw YAMLFault(at: Position(line: line, column: 1), "nested too deeply") }
        }
    }
}

extension YAMLFault {
    init(_ error: YamlError, in text: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let position = YAMLTree.Position(line: mark.line, column: mark.column)
            self.init(at: position, "not YAML: \(problem)", expected: Self.hint(at: position, in: text))
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "\"\(Quotation.shortened($0))\"" }.joined(separator: ", ")
            self.init(
                at: YAMLTree.Position(line: context.mark.line, column: context.mark.column),
                "\(names) is there twice", expected: "each key once")
        case .reader(let problem, _, _, _):
            self.init(at: nil, "not YAML: \(problem)", expected: "UTF-8 text without control characters")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            self.init(at: nil, "not YAML")
        }
    }

    /// What people most often forget to quote.
    private static func hint(at position: YAMLTree.Position, in text: String) -> String? {
        let lines = text.split(separator: "\n", maxSplits: position.line, omittingEmptySubsequences: false)
        guard position.line >= 1, position.line <= lines.count else { return nil }
        for line in lines[max(0, position.line - 2)..<position.line] {
            if line.contains("]:") { return "quotes around an IPv6 address: \"[::1]:8080\"" }
            if line.contains(" *") || line.contains("[*") { return "quotes around a name with a star: \"*.example\"" }
            if line.contains("\t") { return "spaces, not tabs" }
        }
        return nil
    }
}
