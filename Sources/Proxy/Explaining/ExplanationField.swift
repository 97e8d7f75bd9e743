import Authentication
import Bytes
import EventLoop
import HTTP1
import JOSE
import Metrics
package import ProxyProtocol

/// Who is told in a field of the answer why a request was decided as it was: whoever is in one of these networks and asks, with
/// the same field.
package struct ExplainSettings: Sendable {
    package var networks: TrustedPeers
    /// The field's name. It goes upstream for nobody: `AuthenticationPolicy.connectionHeaders` has it, too.
    package var header: String

    package init(networks: TrustedPeers, header: String) {
        self.networks = networks
        self.header = header
    }
}

/// `ExplainSettings`, made ready for requests.
final class ExplanationField {
    private let networks: TrustedPeers
    private let name: [UInt8]
    /// In lower case, and its hash.
    private let folded: [UInt8]
    private let hash: UInt32

    init(_ settings: ExplainSettings) {
        networks = settings.networks
        name = Array(settings.header.utf8)
        let folded = Array(settings.header.lowercased().utf8)
        self.folded = folded
        hash = canonicalHash(folded.span)
    }

    /// Whether the request asks, and is to be told.
    func isAsked(by client: SocketAddress, _ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
        let folded = folded
        for line in head.fields.lines where line.canonicalHash == hash && !line.isDropped {
            guard bytes.extracting(line.name.bounds).equalsIgnoringCase(folded.span) else { continue }
            return bytes.extracting(line.value.bounds).elementsEqual("1") && networks.contains(client.ipAddress)
        }
        return false
    }

    /// Drops what an upstream says under the same name.
    func drop(from fields: inout FieldSection, _ bytes: Span<UInt8>) {
        let folded = folded
        fields.drop(folded.span, hash: hash, from: bytes)
    }

    /// Appends the field: a dictionary (RFC 8941 §3.2).
    func append(
        route: String, _ decision: RequestDecision, because reason: String, token: Fingerprint?, _ facts: AdmissionFacts? = nil,
        to buffer: inout ByteBuffer
    ) {
        buffer.append(name)
        buffer.append(": decision=")
        buffer.append(decision.rawValue)
        if !reason.isEmpty { Self.append("reason", reason, to: &buffer) }
        if !route.isEmpty { Self.append("route", route, to: &buffer) }
        if let token = facts?.token ?? token {
            buffer.append(", token=\"")
            token.append(to: &buffer)
            buffer.append(0x22)
        }
        if let facts {
            if let keyID = facts.keyID { Self.append("key", keyID, to: &buffer) }
            if let seconds = facts.windowSeconds { Self.append("window", seconds, to: &buffer) }
            if let seconds = facts.sessionSeconds { Self.append("session_end", seconds, to: &buffer) }
        }
        buffer.append("\r\n")
    }

    private static func append(_ key: String, _ value: Int64, to buffer: inout ByteBuffer) {
        buffer.append(", ")
        buffer.append(key)
        buffer.append("=")
        // RFC 8941 §3.3.1: fifteen digits.
        buffer.append(decimal: Int(min(value, 999_999_999_999_999)))
    }

    /// A string (RFC 8941 §3.3.3) has printable ASCII alone; names from the configuration may have more, shown as `?`.
    private static func append(_ key: String, _ value: String, to buffer: inout ByteBuffer) {
        buffer.append(", ")
        buffer.append(key)
        buffer.append("=\"")
        for scalar in value.unicodeScalars.prefix(256) {
            switch scalar.value {
            case 0x22, 0x5C:
                buffer.append(0x5C)
                buffer.append(UInt8(scalar.value))
            case 0x20...0x7E: buffer.append(UInt8(scalar.value))
            default: buffer.append(0x3F)
            }
        }
        buffer.append(0x22)
    }
}

// MARK: - Answers

extension Worker {
    /// Appends the explanation of an answer of the gateway's own to `headOutput`, if the request in `record` asks for it.
    func explain(_ decision: RequestDecision, because reason: String, route: Int? = nil, token: Fingerprint? = nil) {
        guard record.isExplained, let field = snapshot.explanation else { return }
        let route = route ?? (record.route >= 0 ? Int(record.route) : nil)
        field.append(route: nameOfRoute(route), decision, because: reason, token: token, to: &headOutput)
    }

    func explain(_ failure: Failure, _ problem: Problem) {
        guard record.isExplained else { return }
        if case .refusal(let refusal) = failure {
            explain(.refused, because: refusal.reason, route: refusal.route, token: refusal.token)
        } else {
            explain(.failed, because: problem.code)
        }
    }

    /// Appends the explanation of an admitted request, of which `record` knows what has come of it.
    func appendExplanation(
        of admission: borrowing Admission, _ record: borrowing RequestRecord, _ authenticator: Authenticator, to buffer: inout ByteBuffer
    ) {
        guard record.isExplained, let field = snapshot.explanation else { return }
        field.append(
            route: snapshot.routes.names.indices.contains(admission.route) ? snapshot.routes.names[admission.route] : "",
            record.decision, because: record.reason, token: admission.refusedToken, authenticator.facts(of: admission, now: numericDate),
            to: &buffer)
    }
}
