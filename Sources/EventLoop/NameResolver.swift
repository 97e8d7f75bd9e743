import CLibevent
import Glibc

/// What a name stands for, and for how long.
package struct Resolution: Equatable, Sendable {
    /// Without ports. IPv4 before IPv6, else in the server's order; never empty.
    package var addresses: [SocketAddress]
    /// The shortest of the records'; nil for what was not found by DNS and does not age.
    package var secondsToLive: Int?

    package init(addresses: [SocketAddress], secondsToLive: Int?) {
        self.addresses = addresses
        self.secondsToLive = secondsToLive
    }
}

/// Why a lookup has no addresses.
package enum LookupError: Error, Equatable, Sendable, CustomStringConvertible {
    /// NXDOMAIN
    case noSuchName
    /// The name exists, and has neither A nor AAAA records.
    case noAddresses
    case timedOut
    /// SERVFAIL
    case serverFailed
    /// REFUSED or NOTIMP
    case serverRefused
    /// Larger than a datagram, which is all that libevent asks with.
    case truncated
    case malformedAnswer
    case noServer

    package var description: String {
        switch self {
        case .noSuchName: "there is no such name"
        case .noAddresses: "the name has no address"
        case .timedOut: "no name server answered in time"
        case .serverFailed: "the name server failed"
        case .serverRefused: "the name server refused to answer"
        case .truncated: "the answer is too large for a datagram"
        case .malformedAnswer: "the answer is malformed"
        case .noServer: "there is no name server"
        }
    }

    /// Of two families that both failed, what says more: a fault that may pass comes before an absence that may be due to it.
    fileprivate var weight: Int {
        switch self {
        case .noServer: 7
        case .timedOut: 6
        case .serverFailed: 5
        case .serverRefused: 4
        case .truncated: 3
        case .malformedAnswer: 2
        case .noSuchName: 1
        case .noAddresses: 0
        }
    }

    fileprivate init(_ code: CInt) {
        switch code {
        case DNS_ERR_NOTEXIST: self = .noSuchName
        case DNS_ERR_NODATA: self = .noAddresses
        case DNS_ERR_TIMEOUT, DNS_ERR_SHUTDOWN, DNS_ERR_CANCEL: self = .timedOut
        case DNS_ERR_SERVERFAILED: self = .serverFailed
        case DNS_ERR_REFUSED, DNS_ERR_NOTIMPL: self = .serverRefused
        case DNS_ERR_TRUNCATED: self = .truncated
        default: self = .malformedAnswer
        }
    }
}

/// Resolves host names on a loop without ever blocking it, through libevent's evdns.
///
/// The order is that of the system's resolver: literals, the hosts file, `localhost` (RFC 6761 §6.3), then DNS with the
/// search list of `resolv.conf`. evdns takes at most 32 addresses a family from an answer, follows the CNAMEs in it, matches
/// answers to questions by server, port, number and the letters' case, and asks again after a third of the time.
package final class NameResolver {
    package struct Settings: Equatable, Sendable {
        /// Empty: those of `resolv.conf`.
        package var servers: [SocketAddress]
        /// For a whole lookup, in milliseconds.
        package var timeout: Int64

        package init(servers: [SocketAddress] = [], timeout: Int64 = 3_000) {
            self.servers = servers
            self.timeout = timeout
        }
    }

    private static let hostsFile = "/etc/hosts"
    private static let resolverFile = "/etc/resolv.conf"
    /// How often a server is asked before the answer is given up.
    private static let attempts: Int64 = 3

    fileprivate let loop: EventLoop  // kept: its base outlives this one
    fileprivate let base: OpaquePointer
    fileprivate let settings: Settings

    package init(_ settings: Settings = Settings(), on loop: EventLoop) throws(EventLoopError) {
        self.loop = loop
        self.settings = settings
        guard let base = evdns_base_new(loop.base, 0) else { throw .outOfMemory }
        self.base = base
        let servers = settings.servers.isEmpty ? DNS_OPTION_NAMESERVERS : 0
        evdns_base_resolv_conf_parse(base, DNS_OPTION_SEARCH | DNS_OPTION_MISC | servers, Self.resolverFile)
        for server in settings.servers {
            _ = server.withSockaddr { evdns_base_nameserver_sockaddr_add(base, $0, $1, 0) }
        }
        let milliseconds = max(settings.timeout / Self.attempts, 10)
        let text = String(milliseconds % 1000 + 1000).dropFirst()
        evdns_base_set_option(base, "timeout:", "\(milliseconds / 1000).\(text)")
        evdns_base_set_option(base, "attempts:", "\(Self.attempts)")
        // A server that has not answered is asked again all the same: it may be the only one.
        evdns_base_set_option(base, "max-timeouts:", "255")
    }

    /// Lookups under way must have been cancelled or have ended.
    deinit { evdns_base_free(base, 1) }

    /// What needs no server: literals, names in the hosts file, `localhost`.
    package func addressesKnownHere(_ name: String) -> [SocketAddress]? {
        if let literal = SocketAddress(literal: name) { return [literal] }
        let name = name.lowercased()
        if let listed = HostsFile(at: Self.hostsFile)?.addresses(of: name) { return listed }
        guard name == "localhost" || name.hasSuffix(".localhost") else { return nil }
        return [.ipv4(address: 0x7F00_0001, port: 0), .ipv6(high: 0, low: 1, port: 0, scope: 0)]
    }

    /// Asks for A and AAAA records at the same time.
    /// - Parameter onAnswer: called once, in a later turn, unless the lookup is cancelled or let go of.
    package func lookUp(
        _ name: String, onAnswer: @escaping (Result<Resolution, LookupError>) -> Void
    ) throws(EventLoopError) -> Lookup {
        try Lookup(name, by: self, onAnswer: onAnswer)
    }
}

/// A question under way. Letting go of it cancels it.
package final class Lookup {
    private let resolver: NameResolver
    private let onAnswer: (Result<Resolution, LookupError>) -> Void
    private var queries: [Query] = []
    private var timer: LoopTimer?
    private var addresses: [SocketAddress] = []
    private var secondsToLive = Int.max
    private var fault: LookupError?

    fileprivate init(
        _ name: String, by resolver: NameResolver, onAnswer: @escaping (Result<Resolution, LookupError>) -> Void
    ) throws(EventLoopError) {
        self.resolver = resolver
        self.onAnswer = onAnswer
        timer = try LoopTimer(on: resolver.loop) { [unowned self] in
            note(.timedOut)
            finish()
        }
        if let addresses = resolver.addressesKnownHere(name) {
            self.addresses = addresses
        } else if evdns_base_count_nameservers(resolver.base) == 0 {
            fault = .noServer
        } else {
            queries = [Query.Family.ipv4, .ipv6].compactMap { Query(name, $0, for: self, resolver.base) }
        }
        // The answer comes in a later turn, whatever it is.
        timer?.schedule(afterMilliseconds: queries.isEmpty ? 0 : resolver.settings.timeout)
    }

    deinit { cancel() }

    /// No answer will come. Idempotent.
    package func cancel() {
        timer?.cancel()
        let pending = queries
        queries = []
        for query in pending { query.cancel(resolver.base) }
    }

    fileprivate func received(_ answer: Result<Resolution, LookupError>, to query: Query) {
        queries.removeAll { $0 === query }
        switch answer {
        case .success(let part):
            addresses = query.family == .ipv4 ? part.addresses + addresses : addresses + part.addresses
            secondsToLive = min(secondsToLive, part.secondsToLive ?? .max)
        case .failure(let error): note(error)
        }
        if queries.isEmpty { finish() }
    }

    private func note(_ error: LookupError) {
        if error.weight >= (fault?.weight ?? 0) { fault = error }
    }

    private func finish() {
        cancel()
        guard !addresses.isEmpty else { return onAnswer(.failure(fault ?? .noAddresses)) }
        // One family may have failed while the other answered: what is missing should not be missing for long.
        if let fault, fault != .noAddresses, fault != .noSuchName { secondsToLive = 0 }
        onAnswer(.success(Resolution(addresses: addresses, secondsToLive: secondsToLive == .max ? nil : secondsToLive)))
    }
}

/// One question to DNS. C owns one reference until it has called back, which it does exactly once, also for a question that
/// was cancelled.
private final class Query {
    enum Family { case ipv4, ipv6 }

    let family: Family
    private unowned(unsafe) let lookup: Lookup
    /// Nil once C has called back, and the handle with it, or once it was cancelled; `lookup` is not touched after that.
    private var handle: OpaquePointer?

    init?(_ name: String, _ family: Family, for lookup: Lookup, _ base: OpaquePointer) {
        self.family = family
        self.lookup = lookup
        let context = Unmanaged.passRetained(self)
        handle =
            switch family {
            case .ipv4: evdns_base_resolve_ipv4(base, name, 0, queryWasAnswered, context.toOpaque())
            case .ipv6: evdns_base_resolve_ipv6(base, name, 0, queryWasAnswered, context.toOpaque())
            }
        guard handle == nil else { return }
        context.release()
        return nil
    }

    func cancel(_ base: OpaquePointer) {
        guard let handle else { return }
        self.handle = nil
        evdns_cancel_request(base, handle)
    }

    func received(_ code: CInt, count: CInt, secondsToLive: CInt, _ bytes: UnsafeMutableRawPointer?) {
        guard handle != nil else { return }
        handle = nil
        guard code == DNS_ERR_NONE, let bytes, count > 0 else {
            return lookup.received(.failure(code == DNS_ERR_NONE ? .noAddresses : LookupError(code)), to: self)
        }
        let addresses = (0..<Int(count)).map { index in
            switch family {
            case .ipv4:
                let word = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                return SocketAddress.ipv4(address: UInt32(bigEndian: word), port: 0)
            case .ipv6:
                let high = bytes.loadUnaligned(fromByteOffset: index * 16, as: UInt64.self)
                let low = bytes.loadUnaligned(fromByteOffset: index * 16 + 8, as: UInt64.self)
                return SocketAddress.ipv6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low), port: 0, scope: 0)
            }
        }
        // 0.0.0.0 is how filters say that there is nothing; to connect to it would be to connect to this machine.
        let usable = addresses.filter { !$0.isUnspecified }
        guard !usable.isEmpty else { return lookup.received(.failure(.noAddresses), to: self) }
        lookup.received(.success(Resolution(addresses: usable, secondsToLive: max(0, Int(secondsToLive)))), to: self)
    }
}

private func queryWasAnswered(
    _ code: CInt, _: CChar, _ count: CInt, _ secondsToLive: CInt, _ addresses: UnsafeMutableRawPointer?,
    _ context: UnsafeMutableRawPointer?
) {
    Unmanaged<Query>.fromOpaque(context!).takeRetainedValue()
        .received(code, count: count, secondsToLive: secondsToLive, addresses)
}

extension SocketAddress {
    fileprivate var isUnspecified: Bool {
        switch self {
        case .ipv4(let address, _): address == 0
        case .ipv6(let high, let low, _, _): high == 0 && low == 0
        case .unix, .unnamed: false
        }
    }

    /// An IPv4 or IPv6 address in its textual form, without brackets; port 0.
    package init?(literal text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .ipv4(address: UInt32(bigEndian: four.s_addr), port: 0)
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            let (high, low) = withUnsafeBytes(of: six) {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            self = .ipv6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low), port: 0, scope: 0)
        } else {
            return nil
        }
    }
}
