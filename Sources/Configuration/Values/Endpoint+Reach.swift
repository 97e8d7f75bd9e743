import ProxyProtocol

extension Endpoint {
    /// Whether only this machine can connect to it. Of names only `localhost` is known to be so.
    package var isLoopback: Bool {
        switch host {
        case .ipv4, .ipv6: literal?.isLoopback == true
        case .name(let name): name == "localhost"
        case .unix: true
        }
    }

    /// Whether a connection to one may reach a listener on the other, as far as can be told without resolving names. Port 0, any
    /// that is free, is never another one's.
    package func overlaps(_ other: Endpoint) -> Bool {
        guard port == other.port, isUnix || port != 0 else { return false }
        if host == other.host || takesAll(other) || other.takesAll(self) { return true }
        if case (.unix(let one), .unix(let two)) = (host, other.host) { return Self.segments(one) == Self.segments(two) }
        switch (literal, other.literal) {
        case (let one?, let two?): return one == two
        case (nil, let address?): return hostText == "localhost" && address.isLocalHost
        case (let address?, nil): return other.hostText == "localhost" && address.isLocalHost
        case (nil, nil): return false
        }
    }

    /// Of a path as it reads; links are the file system's affair.
    private static func segments(_ path: String) -> [Substring] {
        path.split(separator: "/").reduce(into: []) { segments, segment in
            if segment == ".." { _ = segments.popLast() } else if segment != "." { segments.append(segment) }
        }
    }

    /// Whether it stands for every address that `other` can be: `[::]` takes IPv4 clients too.
    private func takesAll(_ other: Endpoint) -> Bool {
        guard !other.isUnix else { return false }
        return switch literal {
        case .ipv6(0, 0): true
        case .ipv4(0): other.literal?.isIPv6 != true
        case _: false
        }
    }

    private var literal: IPAddress? {
        switch host {
        case .ipv4(let text), .ipv6(let text):
            let bytes = Array(text.utf8)
            return IPAddress(bytes.span)
        case .name, .unix: return nil
        }
    }
}

extension IPAddress {
    fileprivate var isLoopback: Bool {
        switch self {
        case .ipv4(let address): address >> 24 == 127
        case .ipv6(let high, let low): high == 0 && low == 1
        }
    }

    /// What `localhost` resolves to.
    fileprivate var isLocalHost: Bool { self == .ipv4(0x7F00_0001) || self == .ipv6(high: 0, low: 1) }
}
