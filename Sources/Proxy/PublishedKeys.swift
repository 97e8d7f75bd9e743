import Authentication
import Bytes
import HTTP1

/// The gateway's own public keys as it serves them: a JWK set (RFC 7517 §5), made once.
package struct PublishedKeys: Sendable {
    /// In normal form, as the policy sees paths.
    let path: [UInt8]
    let content: [UInt8]
    /// A strong entity tag with its quotes.
    let entityTag: [UInt8]
    let maxAgeSeconds: Int

    /// - Parameter digest: of the content, in characters that an entity tag may have.
    package init(path: String, content: String, digest: String, maxAgeSeconds: Int) {
        self.path = Array(path.utf8)
        self.content = Array(content.utf8)
        entityTag = Array("\"\(digest)\"".utf8)
        self.maxAgeSeconds = maxAgeSeconds
    }

    /// Whether the request is for them: a GET or HEAD without content. Anything else goes the way of all requests.
    func isAsked(by head: borrowing RequestHead, path: Span<UInt8>) -> Bool {
        (head.method == .get || head.method == .head) && !head.framing.hasContent && path.elementsEqual(self.path.span)
    }

    /// Whether the client has this very set already (RFC 9110 §13.1.2; comparison is weak).
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

extension Worker {
    /// Composes the answer to a request for the gateway's own keys. They are public: any page may read them.
    func composeAnswer(
        _ keys: PublishedKeys, isKnown: Bool, method: Method, keepingConnection: Bool, version: Version,
        security: ListenerSecurity?
    ) {
        beginAnswer(isKnown ? 304 : 200, security)
        headOutput.append("Cache-Control: public, max-age=")
        headOutput.append(decimal: keys.maxAgeSeconds)
        headOutput.append("\r\nETag: ")
        headOutput.append(keys.entityTag)
        headOutput.append("\r\nAccess-Control-Allow-Origin: *\r\n")
        if !isKnown {
            headOutput.append("Content-Type: application/jwk-set+json\r\nContent-Length: ")
            headOutput.append(decimal: keys.content.count)
            headOutput.append("\r\n")
        }
        endAnswer(keepingConnection: keepingConnection, version)
        if !isKnown, method != .head { headOutput.append(keys.content) }
    }
}
