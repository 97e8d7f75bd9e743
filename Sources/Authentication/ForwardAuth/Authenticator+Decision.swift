package import Bytes
package import HTTP1

extension Authenticator {
    /// Whether a path means the same to the policy and to an API that gets it as it was sent: it goes the way it seems to go, and
    /// an API that leaves `%61` as it is would find it under the same route.
    ///
    /// - Parameters:
    ///   - head: of the request that is asked about.
    ///   - path: its path in normal form.
    ///   - bytes: what `head` was parsed from.
    package func takesLiterally(_ head: borrowing RequestHead, path: Span<UInt8>, bytes: Span<UInt8>) -> Bool {
        let sent = bytes.extracting(head.path.bounds)
        guard PathNormalizer.isDirect(sent) else { return false }
        let host = bytes.extracting(head.host.bounds)
        let name = bytes.extracting(head.methodName.bounds)
        let literal = PathNormalizer.withUpperCaseEscapes(sent)
        return routes.match(path: literal.span, host: host, method: head.method, methodName: name)
            == routes.match(path: path, host: host, method: head.method, methodName: name)
    }

    /// Appends the names, with commas between, of request fields that only the gateway may set and that it does not set for
    /// this request; and of all that the client has set in their stead, under look-alike names (`X_User_Id`).
    ///
    /// - Parameters:
    ///   - head: the request's, as `authenticate` has left it.
    ///   - bytes: what `head` was parsed from.
    /// - Returns: false when there are none.
    package func appendUnsetNames(
        _ admission: borrowing Admission, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, to buffer: inout ByteBuffer
    ) -> Bool {
        var identity = ByteBuffer()
        appendIdentityFields(admission, to: &identity)
        let set = identity.withSpan { Self.names(inLines: $0) }
        var names: [[UInt8]] = []
        for name in reserved.ownNames where !set.contains(name) { names.append(name) }
        for line in head.fields.lines where reserved.mayContain(hash: line.canonicalHash) {
            let spelling = bytes.extracting(line.name.bounds)
            guard case .dropped? = reserved.role(hash: line.canonicalHash, name: spelling) else { continue }
            let name = Self.lowercased(spelling)
            if !set.contains(name), !names.contains(name) { names.append(name) }
        }
        buffer.append(Array(names.joined(separator: [0x2C])))
        return !names.isEmpty
    }

    /// In lower case.
    private static func names(inLines lines: Span<UInt8>) -> [[UInt8]] {
        var names: [[UInt8]] = []
        var start = 0
        while let end = lines.firstIndex(of: 0x0A, from: start), let colon = lines.firstIndex(of: 0x3A, from: start) {
            names.append(lowercased(lines.extracting(start..<colon)))
            start = end + 1
        }
        return names
    }

    private static func lowercased(_ name: Span<UInt8>) -> [UInt8] {
        var name = Array(copying: name)
        for index in name.indices { name[index] = name[index].asciiLowercased }
        return name
    }
}
