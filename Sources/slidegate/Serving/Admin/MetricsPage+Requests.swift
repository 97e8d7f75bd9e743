import Authentication
import Metrics
import Proxy

extension MetricsPage {
    /// Every request that has ended, in one of these.
    static func appendRequests(_ requests: RequestCounts, to page: inout Exposition) {
        page.begin(.requests)
        for (group, route) in requests.names.enumerated() where requests.total(of: group) > 0 {
            for status in StatusClass.allCases {
                for decision in RequestDecision.allCases {
                    let count = requests[group, status, decision]
                    if count > 0 { page.sample([route, "\(status.name)", decision.rawValue], value: count) }
                }
            }
        }
    }

    /// Of routes that are in shadow mode, or were. There are no more of them than of names, nor of reasons than this program knows.
    static func appendShadow(_ routes: [ShadowRoute], to page: inout Exposition) {
        page.begin(.shadowRefusals)
        for route in routes {
            for reason in route.reasons { page.sample([route.name, reason.reason], value: reason.count) }
        }
    }

    /// - Parameter skips: by `RenewalSkip.index`.
    static func appendSkips(_ skips: [Int], to page: inout Exposition) {
        page.begin(.renewalsSkipped)
        for reason in RenewalSkip.allCases { page.sample(reason.rawValue, value: skips[reason.index]) }
    }
}
