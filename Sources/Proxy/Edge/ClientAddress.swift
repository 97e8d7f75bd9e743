import Bytes
import EventLoop
import HTTP1
import ProxyProtocol

// MARK: - Who the client of a request is

extension SocketAddress {
    /// Nil: behind a Unix socket. A zone means nothing beyond this machine and is left out.
    var ipAddress: IPAddress? {
        switch self {
        case .ipv4(let address, _): .ipv4(address)
        case .ipv6(let high, let low, _, _): IPAddress(high: high, low: low)
        default: nil
        }
    }

    init(_ address: IPAddress?, port: UInt16) {
        self =
            switch address {
            case .ipv4(let bits)?: .ipv4(address: bits, port: port)
            case .ipv6(let high, let low)?: .ipv6(high: high, low: low, port: port, scope: 0)
            case nil: .unnamed
            }
    }

    init(_ endpoint: ProxyHeader.Endpoint) { self.init(endpoint.address, port: endpoint.port) }
}

/// What a trusted peer has said about the request that is being decided about. Offsets are into its head.
struct ForwardedFacts {
    /// False: nobody said anything that counts, and the other members are empty.
    var isTrusted = false
    /// Nobody can read what was said: the chain begins anew with the peer.
    var isMalformed = false
    /// Nil: what the gateway itself knows holds.
    var isSecure: Bool?
    var host = ByteRange.empty
    var port = ByteRange.empty
}

extension ForwardedFacts {
    /// Finds the client of a request that came through trusted proxies, and what else they say about it.
    static func read(
        _ fields: borrowing FieldSection, in bytes: Span<UInt8>, from peer: IPAddress?, by rules: EdgeRules
    ) -> (facts: ForwardedFacts, client: IPAddress?) {
        var facts = ForwardedFacts()
        facts.isTrusted = true
        var client = peer
        if rules.forwardedFields.hasXForwarded {
            let (outcome, found) = search(.xForwardedFor, fields, bytes, peer, rules.trustedPeers, &facts)
            facts.isMalformed = outcome == .malformed
            client = found
            facts.readXForwarded(fields, bytes)
        }
        if rules.forwardedFields.hasForwarded {
            let (outcome, found) = search(.forwarded, fields, bytes, peer, rules.trustedPeers, &facts)
            if outcome == .malformed { facts.isMalformed = true }
            let isAlone = !rules.forwardedFields.hasXForwarded || fields.firstIndex(of: .xForwardedFor) == nil
            if isAlone {
                client = found
            } else if fields.firstIndex(of: .forwarded) != nil, found != client {
                // One of the two was not written by the proxies: nothing says which.
                facts.isMalformed = true
                client = peer
            }
        }
        if facts.isMalformed {
            facts.isSecure = nil
            facts.host = .empty
            facts.port = .empty
        }
        return (facts, client)
    }

    private static func search(
        _ name: FieldName, _ fields: borrowing FieldSection, _ bytes: Span<UInt8>, _ peer: IPAddress?,
        _ trusted: TrustedPeers, _ facts: inout ForwardedFacts
    ) -> (outcome: ClientSearch.Outcome, client: IPAddress?) {
        var search = ClientSearch(from: peer)
        var outcome = ClientSearch.Outcome.unfinished
        var index = fields.lines.count
        while index > 0, outcome == .unfinished {
            index -= 1
            let line = fields.lines[index]
            guard line.id == name else { continue }
            let value = bytes.extracting(line.value.bounds)
            guard name == .forwarded else {
                outcome = search.read(forwardedFor: value, trusting: trusted)
                continue
            }
            outcome = search.read(forwarded: value, trusting: trusted)
            // The proxy that names the client is the one that the client has spoken to.
            if outcome != .malformed, let element = ForwardedElement(value.extracting(search.element)) {
                facts.take(element, at: Int(line.value.start) + search.element.lowerBound, in: bytes)
            }
        }
        return (outcome, search.client)
    }

    private mutating func take(_ element: ForwardedElement, at offset: Int, in bytes: Span<UInt8>) {
        if let proto = element.proto {
            isSecure = Self.isSecure(bytes.extracting(proto.lowerBound + offset..<proto.upperBound + offset))
        }
        if let range = element.host, Self.isAuthority(bytes.extracting(range.lowerBound + offset..<range.upperBound + offset)) {
            host = ByteRange(range.lowerBound + offset, range.upperBound + offset)
        }
    }

    /// Each counts where it is there once and says what it may say.
    private mutating func readXForwarded(_ fields: borrowing FieldSection, _ bytes: Span<UInt8>) {
        if fields.count(of: .xForwardedProto) == 1, let line = fields.first(.xForwardedProto) {
            isSecure = Self.isSecure(bytes.extracting(line.value.bounds))
        }
        if fields.count(of: .xForwardedHost) == 1, let line = fields.first(.xForwardedHost),
            Self.isAuthority(bytes.extracting(line.value.bounds))
        {
            host = line.value
        }
        if fields.count(of: .xForwardedPort) == 1, let line = fields.first(.xForwardedPort),
            let number = bytes.extracting(line.value.bounds).decimal(), (1...65535).contains(number), line.value.count <= 5
        {
            port = line.value
        }
    }

    /// Nil for anything but the two schemes.
    private static func isSecure(_ scheme: Span<UInt8>) -> Bool? {
        if scheme.equalsIgnoringCase("https") { return true }
        return scheme.equalsIgnoringCase("http") ? false : nil
    }

    /// `host [ ":" port ]` as far as its characters go (RFC 3986 §3.2.2), without escapes.
    private static func isAuthority(_ text: Span<UInt8>) -> Bool {
        guard !text.isEmpty, text.count <= 260 else { return false }
        for index in 0..<text.count {
            let byte = text[index]
            switch byte {
            case 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F, 0x7E: continue  // - . : [ ] _ ~
            default: guard byte.isASCIILetter || byte.isASCIIDigit else { return false }
            }
        }
        return true
    }
}
