import Authentication
import EventLoop
import Proxy

/// `GET /shadow`: what enforcing would have done on the routes that are in shadow mode, or were since the process started.
struct ShadowPage {
    private let routes: [ShadowRoute]
    private let now: Int64

    init(_ report: GatewayReport, now: Int64) {
        routes = report.total.shadow
        self.now = now
    }

    /// - Parameter sources: what is asked for the report.
    static func page(_ sources: AdminSources, now: @escaping () -> Int64) -> AdminPage {
        AdminPage { request, answer throws(AdminFault) in
            let format = try request.parameters(["format"])["format"] ?? "text"
            guard format == "text" || format == "json" else { throw AdminFault("format is text or json") }
            sources.collectReport { report in
                let page = ShadowPage(report, now: now())
                answer(format == "json" ? AdminAnswer(type: "application/json", page.json.bytes + [0x0A]) : AdminAnswer(page.text))
            }
        }
    }

    // MARK: For people

    var text: String {
        guard !routes.isEmpty else { return "No route is in shadow mode, nor has any been since the process started." }
        return ([summary] + routes.map(describe)).joined(separator: "\n\n")
    }

    private var summary: String {
        let (requests, refusals, renewals) = totals
        guard requests > 0 else { return "No request has come yet to a route in shadow mode." }
        return "Of \(Self.requests(requests)), enforcing would have refused \(refusals) (\(Self.share(refusals, of: requests))) and renewed the "
            + "token of \(renewals) (\(Self.share(renewals, of: requests)))."
    }

    private var totals: (requests: Int, refusals: Int, renewals: Int) {
        routes.reduce((0, 0, 0)) { ($0.0 + $1.requests, $0.1 + $1.refusals, $0.2 + $1.renewals) }
    }

    private func describe(_ route: ShadowRoute) -> String {
        let state = route.isShadow ? "in shadow mode since \(InstantText.describe(route.since, now: now))" : "no longer in shadow mode; as it was"
        var lines = ["\(printable(route.name))  \(state)"]
        guard route.requests > 0 else { return (lines + ["  no requests"]).joined(separator: "\n") }
        var rows: [[String]] = [["requests", "\(route.requests)", "", ""]]
        rows.append(["would refuse", "\(route.refusals)", Self.share(route.refusals, of: route.requests), ""])
        for reason in route.reasons {
            let name = "  \(reason.status) \(reason.reason)"
            rows.append([name, "\(reason.count)", Self.share(reason.count, of: route.requests), "last \(InstantText.relative(reason.last, now: now))"])
        }
        let last = route.renewals == 0 ? "" : "last \(InstantText.relative(route.lastRenewal, now: now))"
        rows.append(["would renew", "\(route.renewals)", Self.share(route.renewals, of: route.requests), last])
        lines += Self.aligned(rows)
        if !route.examples.isEmpty { lines += ["  the last that would have been refused:"] + route.examples.map { "    \(describe($0))" } }
        return lines.joined(separator: "\n")
    }

    private func describe(_ example: RecentRefusal) -> String {
        var text = "\(InstantText.calendar(example.time))  \(example.status) \(example.reason)  \(printable(example.method)) \(printable(example.path))"
        text += "  from \(example.client.hostText)"
        if let token = example.token { text += ", token \(token.text)" }
        return example.isAsked ? text + ", asked by a proxy in front" : text
    }

    /// Names to the left, numbers to the right.
    private static func aligned(_ rows: [[String]]) -> [String] {
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let space = { (count: Int) in String(repeating: " ", count: count) }
            let line = "  " + row[0] + space(widths[0] - row[0].count) + "  " + space(widths[1] - row[1].count) + row[1] + "  "
                + space(widths[2] - row[2].count) + row[2] + "  " + row[3]
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func requests(_ count: Int) -> String { count == 1 ? "1 request" : "\(count) requests" }

    /// With two digits that say something: `0.03%`, `12.5%`. What there is is never `0%`, and what is not all never `100%`.
    static func share(_ part: Int, of whole: Int) -> String {
        guard whole > 0, part > 0 else { return "0%" }
        guard part < whole else { return "100%" }
        let (basis, overflow) = part.multipliedReportingOverflow(by: 10_000)
        let hundredths = overflow ? part / max(1, whole / 10_000) : basis / whole
        switch hundredths {
        case 0: return "<0.01%"
        case ..<100: return "0.\(hundredths < 10 ? "0" : "")\(hundredths)%"
        default: return "\(hundredths / 100).\(hundredths % 100 / 10)%"
        }
    }

    // MARK: For programs

    var json: JSONOutput {
        let (requests, refusals, renewals) = totals
        return [
            "now": .integer(now), "requests": JSONOutput(requests), "would_refuse": JSONOutput(refusals), "would_renew": JSONOutput(renewals),
            "routes": .array(routes.map(\.json)),
        ]
    }
}

extension ShadowRoute {
    var json: JSONOutput {
        [
            "route": .string(name), "active": .boolean(isShadow), "since": .integer(since), "requests": JSONOutput(requests),
            "would_refuse": JSONOutput(refusals), "would_renew": JSONOutput(renewals),
            "last_would_renew": lastRenewal == 0 ? nil : .integer(lastRenewal),
            "reasons": .array(reasons.map { reason in
                [
                    "reason": .string(reason.reason), "code": .string(reason.code), "status": JSONOutput(reason.status),
                    "count": JSONOutput(reason.count), "last": .integer(reason.last),
                ]
            }),
            "examples": .array(examples.map { example in
                [
                    "time": .integer(example.time), "status": JSONOutput(example.status), "code": .string(example.code),
                    "reason": .string(example.reason), "method": .string(example.method), "path": .string(example.path),
                    "client": .string(example.client.hostText), "token": JSONOutput(example.token?.text),
                    "forward_auth": .boolean(example.isAsked),
                ]
            }),
        ]
    }
}
