package import ProxyProtocol

/// What limits take for one client: an IPv4 address, or the /64 that an IPv6 address is in. A /64 is what one subscriber
/// gets at least (RFC 6177), with as many addresses as it cares to use; one address of it says nothing.
package struct ClientKey: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    package init(_ address: IPAddress) {
        switch address {
        case .ipv4(let bits): (high, low) = (0, 0xFFFF << 32 | UInt64(bits))
        case .ipv6(let high, _): (self.high, low) = (high, 0)
        }
    }

    /// SipHash under a key that each process draws anew (the standard library's `Hasher`): nobody outside can choose
    /// addresses that meet in a table.
    var keyedHash: UInt64 {
        var hasher = Hasher()
        hasher.combine(high)
        hasher.combine(low)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
