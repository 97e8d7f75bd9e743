internal import Bytes

/// Finds the client of a request that came through trusted proxies: the right-most address in what they have written down
/// that is not one of theirs.
///
/// Each proxy appends whom it got the request from, so the list is read from its end: elements are believed as long as they
/// were written by a trusted proxy, and what stands before the first untrusted address is whatever the client has sent and is
/// not even looked at. Where the list says something else than an address (a name that hides it, or what nobody can read) the
/// search ends at the proxy that said so: limits then hold for that proxy, and nobody is taken for someone else.
package struct ClientSearch {
    /// Proxies in a row. Beyond this the list is no list of proxies.
    package static let hopsMax = 32

    package enum Outcome: Equatable, Sendable {
        /// Only trusted proxies so far: the line before this one may say more.
        case unfinished
        case found
        /// The proxy named its client `unknown`, or by a name of its own (RFC 7239 §6.2, §6.3).
        case hidden
        case malformed
    }

    /// Who sent the request, as far as is known by now. Nil: someone behind a Unix socket.
    package private(set) var client: IPAddress?
    /// In the line that was read last: the element that named `client` or ended the search.
    package private(set) var element = 0..<0
    private var hops = 0

    /// - Parameter peer: who sent the request to the gateway; a trusted proxy.
    package init(from peer: IPAddress?) { client = peer }

    /// Reads a line of X-Forwarded-For; of several lines the last one first.
    package mutating func read(forwardedFor value: Span<UInt8>, trusting trusted: TrustedPeers) -> Outcome {
        var end = value.count
        while end >= 0 {
            let comma = value.lastIndex(of: 0x2C, before: end)
            element = value.trimmed((comma.map { $0 + 1 } ?? 0)..<end)
            end = comma ?? -1
            // RFC 9110 §5.6.1: empty list elements count for nothing.
            guard !element.isEmpty else { continue }
            guard let outcome = take(Node(bare: value.extracting(element)), trusting: trusted) else { continue }
            return outcome
        }
        return .unfinished
    }

    /// Reads a line of Forwarded (RFC 7239 §4); of several lines the last one first.
    package mutating func read(forwarded value: Span<UInt8>, trusting trusted: TrustedPeers) -> Outcome {
        var end = value.count
        while end >= 0 {
            let comma = ForwardedElement.separator(in: value, before: end)
            element = value.trimmed((comma.map { $0 + 1 } ?? 0)..<end)
            end = comma ?? -1
            guard !element.isEmpty else { continue }
            guard let parsed = ForwardedElement(value.extracting(element)) else { return .malformed }
            guard let outcome = take(parsed.node, trusting: trusted) else { continue }
            return outcome
        }
        return .unfinished
    }

    /// Nil: a trusted proxy, and the search goes on.
    private mutating func take(_ node: Node, trusting trusted: TrustedPeers) -> Outcome? {
        switch node {
        case .malformed: return .malformed
        case .hidden: return .hidden
        case .address(let address):
            hops += 1
            guard hops <= Self.hopsMax else { return .malformed }
            client = address
            return trusted.contains(address) ? nil : .found
        }
    }
}

/// How a proxy names whom it got a request from (RFC 7239 §6).
enum Node: Equatable {
    case address(IPAddress)
    /// `unknown`, or `_` and a name.
    case hidden
    case malformed

    /// As in X-Forwarded-For, where proxies agree on addresses and on little else: with a port or without, IPv6 with
    /// brackets or, where no port follows, without.
    init(bare text: Span<UInt8>) {
        if let address = IPAddress(text) {
            self = .address(address)
        } else {
            self.init(text)
        }
    }

    /// `nodename [ ":" node-port ]`
    init(_ text: Span<UInt8>) {
        self = .malformed
        guard !text.isEmpty else { return }
        var nameEnd: Int
        var node = Node.malformed
        if text[0] == 0x5B {
            guard let close = text.firstIndex(of: 0x5D), let address = IPAddress(text.extracting(1..<close)),
                text.extracting(1..<close).firstIndex(of: 0x3A) != nil
            else { return }
            node = .address(address)
            nameEnd = close + 1
        } else {
            nameEnd = text.firstIndex(of: 0x3A) ?? text.count
            let name = text.extracting(0..<nameEnd)
            if let address = IPAddress.ipv4(name) {
                node = .address(.ipv4(address))
            } else if name.equalsIgnoringCase("unknown") || Self.isObfuscated(name) {
                node = .hidden
            }
        }
        guard nameEnd == text.count || text[nameEnd] == 0x3A && Self.isPort(text.extracting((nameEnd + 1)...)) else { return }
        self = node
    }

    /// `"_" 1*( ALPHA / DIGIT / "." / "_" / "-" )`
    private static func isObfuscated(_ text: Span<UInt8>) -> Bool {
        guard text.count > 1, text[0] == 0x5F else { return false }
        for index in 1..<text.count {
            let byte = text[index]
            guard byte.isASCIILetter || byte.isASCIIDigit || byte == 0x2E || byte == 0x5F || byte == 0x2D else { return false }
        }
        return true
    }

    private static func isPort(_ text: Span<UInt8>) -> Bool {
        isObfuscated(text) || (1...5).contains(text.count) && (text.decimal() ?? .max) <= 65535
    }
}

extension Span<UInt8> {
    func lastIndex(of byte: UInt8, before end: Int) -> Int? {
        var index = end
        while index > 0 {
            index &-= 1
            if self[index] == byte { return index }
        }
        return nil
    }

    /// The range without the whitespace at its ends (RFC 9110 §5.6.3).
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, self[start] == 0x20 || self[start] == 0x09 { start &+= 1 }
        while start < end, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end &-= 1 }
        return start..<end
    }
}
