import Authentication
import Bytes
import HTTP1
import Metrics

/// A file that the gateway itself serves, made once: its public keys, the module for browsers. Such files are public: any page
/// may read them, and no token is needed.
package struct ServedFile: Sendable {
    let place: Place
    let content: [UInt8]
    /// A strong entity tag with its quotes.
    let entityTag: [UInt8]
    /// The field lines of every answer, and those that describe content.
    let commonLines: [UInt8]
    let contentLines: [UInt8]

    /// Where a file is; in normal form, as the policy sees paths.
    package enum Place: Sendable {
        case path([UInt8])
        /// Under each name that has 16 hexadecimal digits between the two.
        case hashes(before: [UInt8], behind: [UInt8])

        static let digits = 16

        func contains(_ path: Span<UInt8>) -> Bool {
            switch self {
            case .path(let own): return path.elementsEqual(own.span)
            case .hashes(let before, let behind):
                let end = before.count + Self.digits
                guard path.count == end + behind.count, path.starts(with: before.span),
                    path.extracting(end...).elementsEqual(behind.span)
                else { return false }
                return (before.count..<end).allSatisfy { path[$0].isLowercaseHexadecimal }
            }
        }
    }

    /// - Parameters:
    ///   - digest: of the content, in characters that an entity tag may have.
    ///   - mediaType: as in `Content-Type`.
    ///   - caching: as in `Cache-Control`.
    package init(at place: Place, content: [UInt8], digest: String, mediaType: String, caching: String) {
        self.place = place
        self.content = content
        entityTag = Array("\"\(digest)\"".utf8)
        commonLines = Array("Cache-Control: \(caching)\r\nETag: \"\(digest)\"\r\nAccess-Control-Allow-Origin: *\r\n".utf8)
        contentLines = Array(
            "Content-Type: \(mediaType)\r\nX-Content-Type-Options: nosniff\r\nContent-Length: \(content.count)\r\n".utf8)
    }

    /// Whether the client has this very content already (RFC 9110 §13.1.2; comparison is weak).
    func isKnown(to fields: FieldSection, _ bytes: Span<UInt8>) -> Bool {
        for line in fields.lines where bytes.extracting(line.name.bounds).equalsIgnoringCase("if-none-match") {
            let value = bytes.extracting(line.value.bounds)
            if value.elementsEqual("*") { return true }
            // The tag is a digest: wherever it stands in the list, nothing else looks like it.
            var offset = 0
            while offset + entityTag.count <= value.count {
                if value.extracting(offset..<offset + entityTag.count).elementsEqual(entityTag.span) { return true }
                offset += 1
            }
        }
        return false
    }
}

/// All files that the gateway itself serves. They go before any route.
package struct ServedFiles: Sendable {
    /// The first one at a path counts.
    private let files: [ServedFile]
    /// In normal form, each without a slash at its end: they, and whatever is below and no file, are not there.
    private let folders: [[UInt8]]

    /// Nil: there are no files, and no request needs to be looked at.
    package init?(_ files: [ServedFile], folders: [String] = []) {
        guard !files.isEmpty || !folders.isEmpty else { return nil }
        self.files = files
        self.folders = folders.map { Array($0.utf8) }
    }

    enum Match {
        case file(ServedFile)
        case refuse(Refusal)
    }

    /// What becomes of a request; nil: it is for the routes, as is one to a file by another method than GET and HEAD, but in
    /// a folder.
    func match(_ method: Method, path: Span<UInt8>) -> Match? {
        let isReading = method == .get || method == .head
        if isReading, let file = files.first(where: { $0.place.contains(path) }) { return .file(file) }
        guard folders.contains(where: { path.isWithin($0) }) else { return nil }
        return .refuse(Refusal(isReading ? .noRoute : .methodNotAllowed(allowed: ["GET", "HEAD"])))
    }
}

extension Span<UInt8> {
    fileprivate func isWithin(_ folder: [UInt8]) -> Bool {
        starts(with: folder.span) && (count == folder.count || self[folder.count] == UInt8(ascii: "/"))
    }
}

extension UInt8 {
    fileprivate var isLowercaseHexadecimal: Bool { (0x30...0x39).contains(self) || (0x61...0x66).contains(self) }
}

extension Worker {
    func composeAnswer(
        _ file: ServedFile, isKnown: Bool, method: Method, keepingConnection: Bool, version: Version, security: ListenerSecurity?
    ) {
        beginAnswer(isKnown ? 304 : 200, security)
        headOutput.append(file.commonLines)
        if !isKnown { headOutput.append(file.contentLines) }
        explain(.answered, because: "file")
        endAnswer(keepingConnection: keepingConnection, version)
        if !isKnown, method != .head { headOutput.append(file.content) }
    }
}
