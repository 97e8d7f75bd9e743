import Foundation
import Testing

extension Message {
    /// The members of a `application/problem+json` body.
    var problem: [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]
    }

    var problemCode: String? { problem?["code"] as? String }
}

/// Holds `answer` to what every answer of the gateway's own promises: the status, a problem document (RFC 9457) with the
/// stable code, and `Proxy-Status` (RFC 9209), so that nobody takes it for the upstream's.
func expectProblem(
    _ answer: Message, status: Int, code: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(answer.status == status, "\(answer.headText)\(answer.text)", sourceLocation: sourceLocation)
    #expect(answer["Content-Type"]?.hasPrefix("application/problem+json") == true, sourceLocation: sourceLocation)
    #expect(answer["Proxy-Status"]?.isEmpty == false, "\(answer.headText)", sourceLocation: sourceLocation)
    #expect(answer.problem?["status"] as? Int == status, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(answer.problemCode?.isEmpty == false, "\(answer.text)", sourceLocation: sourceLocation)
    if let code { #expect(answer.problemCode == code, "\(answer.text)", sourceLocation: sourceLocation) }
}

/// A route that lets everyone through: for promises about messages rather than tokens.
let openToAll = "routes: [ { path: /, auth: none } ]"
