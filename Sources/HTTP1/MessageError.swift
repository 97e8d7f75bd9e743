/// Why a message is refused. Whoever receives one closes the connection: behind a faulty message nobody can say where
/// the next one starts.
///
/// Cases are facts. `status` suggests what to answer when the fault is a request's; a faulty response is a 502.
package enum MessageError: Error, Equatable, Sendable {
    // Start line (RFC 9112 §3, §4)
    case methodMalformed
    case methodTooLong(limit: Int)
    case targetMalformed
    case targetTooLong(limit: Int)
    /// The target is well formed but not in a form that the method may use (RFC 9112 §3.2).
    case targetFormNotAllowed
    case versionMissing
    case versionMalformed
    /// A major version other than 1.
    case versionUnsupported
    case statusLineMalformed

    // Lines and fields (RFC 9112 §2.2, §5)
    /// CR without LF, or LF without CR.
    case lineEndMalformed
    case fieldNameMalformed
    case fieldNameTooLong(limit: Int)
    /// Whitespace behind a field name, where only its colon may be.
    case whitespaceBeforeColon
    /// A line that starts with a space or tab: `obs-fold`, or whitespace behind the start line.
    case lineFolded
    /// A control character in a value.
    case fieldValueMalformed
    /// `Content_Length` or `Transfer_Encoding`: what applications behind CGI-like gateways read as the real one.
    case fieldNameAmbiguous
    case tooManyFields(limit: Int)
    case headTooLarge(limit: Int)

    // What the fields say together
    case hostMissing
    case hostRepeated
    case hostMalformed
    case contentLengthMalformed
    case contentLengthRepeated
    case transferEncodingUnsupported
    /// `Transfer-Encoding` where the version or the status does not allow it.
    case transferEncodingNotAllowed
    case transferEncodingWithContentLength
    case connectionMalformed
    /// `Connection` names a field that is meant for the recipient of the content (RFC 9110 §7.6.1).
    case connectionOptionNotAllowed
    case tooManyConnectionOptions(limit: Int)
    case expectationUnsupported

    // Content (RFC 9112 §7, §8)
    case chunkMalformed
    case chunkTooLarge
    case chunkExtensionsTooLong(limit: Int)
    /// Framing or routing fields among the trailers (RFC 9110 §6.5.1).
    case trailerNotAllowed
    case trailersTooLarge(limit: Int)
    /// The connection ended before the content did.
    case contentTruncated

    /// The status code to refuse a request with.
    package var status: Int {
        switch self {
        case .targetTooLong: 414
        case .expectationUnsupported: 417
        case .fieldNameTooLong, .tooManyFields, .headTooLarge, .trailersTooLarge, .tooManyConnectionOptions: 431
        case .methodTooLong: 501
        case .versionUnsupported: 505
        default: 400
        }
    }

    /// Stable, for `application/problem+json`, logs and tests.
    package var code: String {
        switch self {
        case .methodMalformed: "method_malformed"
        case .methodTooLong: "method_too_long"
        case .targetMalformed: "target_malformed"
        case .targetTooLong: "target_too_long"
        case .targetFormNotAllowed: "target_form_not_allowed"
        case .versionMissing: "version_missing"
        case .versionMalformed: "version_malformed"
        case .versionUnsupported: "version_unsupported"
        case .statusLineMalformed: "status_line_malformed"
        case .lineEndMalformed: "line_end_malformed"
        case .fieldNameMalformed: "field_name_malformed"
        case .fieldNameTooLong: "field_name_too_long"
        case .whitespaceBeforeColon: "whitespace_before_colon"
        case .lineFolded: "line_folded"
        case .fieldValueMalformed: "field_value_malformed"
        case .fieldNameAmbiguous: "field_name_ambiguous"
        case .tooManyFields: "too_many_fields"
        case .headTooLarge: "head_too_large"
        case .hostMissing: "host_missing"
        case .hostRepeated: "host_repeated"
        case .hostMalformed: "host_malformed"
        case .contentLengthMalformed: "content_length_malformed"
        case .contentLengthRepeated: "content_length_repeated"
        case .transferEncodingUnsupported: "transfer_encoding_unsupported"
        case .transferEncodingNotAllowed: "transfer_encoding_not_allowed"
        case .transferEncodingWithContentLength: "transfer_encoding_with_content_length"
        case .connectionMalformed: "connection_malformed"
        case .connectionOptionNotAllowed: "connection_option_not_allowed"
        case .tooManyConnectionOptions: "too_many_connection_options"
        case .expectationUnsupported: "expectation_unsupported"
        case .chunkMalformed: "chunk_malformed"
        case .chunkTooLarge: "chunk_too_large"
        case .chunkExtensionsTooLong: "chunk_extensions_too_long"
        case .trailerNotAllowed: "trailer_not_allowed"
        case .trailersTooLarge: "trailers_too_large"
        case .contentTruncated: "content_truncated"
        }
    }
}

extension MessageError: CustomStringConvertible {
    /// One sentence for whoever sent the message. Holds nothing of the message itself.
    package var description: String {
        switch self {
        case .methodMalformed: "The method is not a token."
        case .methodTooLong(let limit): "The method is longer than \(limit) bytes."
        case .targetMalformed: "The request target is not a valid URI reference."
        case .targetTooLong(let limit): "The request target is longer than \(limit) bytes."
        case .targetFormNotAllowed: "The form of the request target does not suit the method."
        case .versionMissing: "The request line has no HTTP version."
        case .versionMalformed: "The HTTP version is malformed."
        case .versionUnsupported: "Only HTTP/1.0 and HTTP/1.1 are served here."
        case .statusLineMalformed: "The status line is malformed."
        case .lineEndMalformed: "A line does not end with CR LF."
        case .fieldNameMalformed: "A field name is not a token."
        case .fieldNameTooLong(let limit): "A field name is longer than \(limit) bytes."
        case .whitespaceBeforeColon: "Whitespace follows a field name."
        case .lineFolded: "A line starts with whitespace."
        case .fieldValueMalformed: "A field value holds a control character."
        case .fieldNameAmbiguous: "A field name could be taken for a framing field."
        case .tooManyFields(let limit): "There are more than \(limit) fields."
        case .headTooLarge(let limit): "The head is larger than \(limit) bytes."
        case .hostMissing: "Host is missing."
        case .hostRepeated: "Host is repeated."
        case .hostMalformed: "Host is malformed."
        case .contentLengthMalformed: "Content-Length is not a decimal number in range."
        case .contentLengthRepeated: "Content-Length is repeated."
        case .transferEncodingUnsupported: "Transfer-Encoding is not exactly \"chunked\"."
        case .transferEncodingNotAllowed: "Transfer-Encoding is not allowed in this message."
        case .transferEncodingWithContentLength: "Transfer-Encoding and Content-Length are both present."
        case .connectionMalformed: "Connection is not a list of tokens."
        case .connectionOptionNotAllowed: "Connection names a field that is not hop-by-hop."
        case .tooManyConnectionOptions(let limit): "Connection has more than \(limit) options."
        case .expectationUnsupported: "The expectation cannot be met."
        case .chunkMalformed: "The chunked coding is malformed."
        case .chunkTooLarge: "A chunk size is out of range."
        case .chunkExtensionsTooLong(let limit): "Chunk extensions take more than \(limit) bytes."
        case .trailerNotAllowed: "A trailer field must not be a trailer."
        case .trailersTooLarge(let limit): "The trailers are larger than \(limit) bytes."
        case .contentTruncated: "The content ended early."
        }
    }
}
