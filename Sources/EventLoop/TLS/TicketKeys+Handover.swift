import COpenSSL

/// Keys on their way to the process that takes over, so that the sessions of clients can be resumed there. They pass through
/// the kernel's memory alone, from the one process to the other.
extension TicketKeys {
    /// What a message of them begins with; another form gets another name, so that no version mistakes it.
    private static let messageName = Array("slidegate ticket keys 1\n".utf8)
    private static let keyBytes = 16 + 32 + 32 + 8
    /// More than there ever are: a key is dropped when its tickets have expired.
    private static let keysMax = 16

    /// The longest message there can be.
    package static var messageBytesMax: Int { messageName.count + keysMax * keyBytes }

    /// The keys as they are now, the one that seals among them.
    package func message() -> [UInt8] {
        var bytes = Self.messageName
        for key in current().prefix(Self.keysMax) {
            for index in key.name.indices { bytes.append(key.name[index]) }
            for index in key.cipherKey.indices { bytes.append(key.cipherKey[index]) }
            for index in key.hashKey.indices { bytes.append(key.hashKey[index]) }
            withUnsafeBytes(of: key.madeAt.littleEndian) { bytes += $0 }
        }
        return bytes
    }

    /// Goes on with the keys of a message; what is none changes nothing, and clients shake hands in full once.
    package func take(message: [UInt8]) {
        guard message.starts(with: Self.messageName), message.count <= Self.messageBytesMax else { return }
        let rest = message.dropFirst(Self.messageName.count)
        guard !rest.isEmpty, rest.count % Self.keyBytes == 0 else { return }
        replaceAll(
            stride(from: rest.startIndex, to: rest.endIndex, by: Self.keyBytes).map { start in
                var key = Key(name: .init(repeating: 0), cipherKey: .init(repeating: 0), hashKey: .init(repeating: 0), madeAt: 0)
                for index in key.name.indices { key.name[index] = rest[start + index] }
                for index in key.cipherKey.indices { key.cipherKey[index] = rest[start + 16 + index] }
                for index in key.hashKey.indices { key.hashKey[index] = rest[start + 48 + index] }
                key.madeAt = (0..<8).reduce(0) { $0 | Int64(rest[start + 80 + $1]) << (8 * $1) }
                return key
            })
    }
}
