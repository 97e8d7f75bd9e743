import Testing

@testable import HTTP1

@Suite("Refusals of messages")
struct MessageErrorTests {
    static let all: [MessageError] = [
        .methodMalformed, .methodTooLong(limit: 1), .targetMalformed, .targetTooLong(limit: 1), .targetFormNotAllowed,
        .versionMissing,
        .versionMalformed, .versionUnsupported, .statusLineMalformed, .lineEndMalformed, .fieldNameMalformed,
        .fieldNameTooLong(limit: 1),
        .whitespaceBeforeColon, .lineFolded, .fieldValueMalformed, .fieldNameAmbiguous, .tooManyFields(limit: 1),
        .headTooLarge(limit: 1),
        .hostMissing, .hostRepeated, .hostMalformed, .contentLengthMalformed, .contentLengthRepeated,
        .transferEncodingUnsupported,
        .transferEncodingNotAllowed, .transferEncodingWithContentLength, .connectionMalformed,
        .connectionOptionNotAllowed,
        .tooManyConnectionOptions(limit: 1), .expectationUnsupported, .chunkMalformed, .chunkTooLarge,
        .chunkExtensionsTooLong(limit: 1),
        .trailerNotAllowed, .trailersTooLarge(limit: 1), .contentTruncated,
    ]

    @Test func `each has a code of its own, in snake case`() {
        #expect(Set(Self.all.map(\.code)).count == Self.all.count)
        for error in Self.all {
            #expect(
                error.code.utf8.allSatisfy { $0 == UInt8(ascii: "_") || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 })
            #expect(error.description.hasSuffix("."))
        }
    }

    @Test func `each is the client's fault, or beyond what is implemented`() {
        let others: [String: Int] = [
            "target_too_long": 414, "expectation_unsupported": 417, "field_name_too_long": 431, "too_many_fields": 431,
            "head_too_large": 431,
            "trailers_too_large": 431, "too_many_connection_options": 431, "method_too_long": 501,
            "version_unsupported": 505,
        ]
        for error in Self.all { #expect(error.status == others[error.code] ?? 400) }
    }
}
