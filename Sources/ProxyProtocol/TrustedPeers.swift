/// Whom the gateway believes what they say about clients: proxies in front, by address.
package struct TrustedPeers: Equatable, Sendable {
    package var blocks: [AddressBlock]
    /// Whoever connects through a Unix socket: the file's permissions have let them.
    package var includesUnixSockets: Bool

    package init(blocks: [AddressBlock] = [], includesUnixSockets: Bool = false) {
        self.blocks = blocks
        self.includesUnixSockets = includesUnixSockets
    }

    package static let nobody = TrustedPeers()

    package var isEmpty: Bool { blocks.isEmpty && !includesUnixSockets }

    /// - Parameter address: nil for a peer behind a Unix socket.
    package func contains(_ address: IPAddress?) -> Bool {
        guard let address else { return includesUnixSockets }
        for block in blocks where block.contains(address) { return true }
        return false
    }
}
