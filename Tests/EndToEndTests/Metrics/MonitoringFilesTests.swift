import Foundation
import Testing

/// Goal: dashboards and alerts that are shipped ask for nothing that no gateway says. Method: promtool on the files, and every expression
/// in them held to the pages of running gateways.
@Suite("deploy/monitoring", .serialized)
struct MonitoringFilesTests {
    private static let folder = Peer.root + "/deploy/monitoring"

    /// Labels by metric, `_bucket` and the like among them, as running gateways have them.
    private static let known = Result { () throws -> [String: Set<String>] in
        var known: [String: Set<String>] = ["up": [], "ALERTS": ["alertname", "alertstate", "severity"]]
        for page in try MonitoredGateway.pages.get().values {
            for family in try MetricsText(page).families.values {
                for (sample, _) in family.samples { known[sample.name, default: []].formUnion(sample.labels.keys) }
            }
        }
        for name in known.keys { known[name]?.formUnion(["job", "instance"]) }
        for rule in try MonitoringRule.all() where !rule.isAlert {
            let expression = Expression(rule.expression)
            known[rule.name] = expression.kept ?? expression.groupings.subtracting(["le"])
        }
        return known
    }

    private func check(_ text: String, _ place: String) throws {
        let known = try Self.known.get()
        let expression = Expression(text)
        #expect(!expression.selectors.isEmpty, "\(place) asks for nothing: \(text)")
        for selector in expression.selectors {
            let labels = try #require(known[selector.metric], "\(place): no gateway has \(selector.metric)")
            for (label, _) in selector.matchers { #expect(labels.contains(label), "\(place): \(selector.metric) has no \(label)") }
        }
        let all = expression.selectors.reduce(into: Set<String>()) { $0.formUnion(known[$1.metric] ?? []) }
        for label in expression.groupings { #expect(all.contains(label), "\(place): nothing has \(label)") }
    }

    @Test func `promtool takes the rules and the example`() throws {
        let folder = try Folder()
        for name in ["prometheus.yaml", "alerts.yaml"] {
            let text = try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
            let moved = text.replacingOccurrences(of: "/etc/prometheus/slidegate.secret", with: folder.path("slidegate.secret"))
            try folder.write(Array(moved.utf8), to: name)
        }
        try folder.write(Array("a secret".utf8), to: "slidegate.secret")
        let (status, said) = try Promtool.run("check", "config", "prometheus.yaml", in: folder.path)
        #expect(status == 0 && said.contains("SUCCESS") && !said.contains("FAILED"), "\(said)")
        let rules = try Promtool.run("check", "rules", "alerts.yaml", in: folder.path)
        let count = try MonitoringRule.all().count
        #expect(rules.status == 0 && rules.said.contains("\(count) rules found"), "\(rules.said)")
    }

    @Test func `each alert fires when it should, and not otherwise`() throws {
        let (status, said) = try Promtool.run("test", "rules", "alerts.test.yaml", in: Self.folder)
        #expect(status == 0 && said.contains("SUCCESS"), "\(said)")
        let tests = try String(contentsOfFile: Self.folder + "/alerts.test.yaml", encoding: .utf8).split(separator: "\n")
        for alert in try MonitoringRule.all() where alert.isAlert {
            let expression = "ALERTS{alertname=\"\(alert.name)\",alertstate=\"firing\"}"
            #expect(tests.contains { $0.contains(expression) && $0.contains("exp_samples: []") }, "\(alert.name): when does it not fire?")
            #expect(tests.contains { $0.contains("alertname=\"\(alert.name)\"") && $0.contains("severity=") }, "\(alert.name): when does it fire?")
        }
    }

    @Test func `rules ask for what is there, and alerts say what to do`() throws {
        let known = try Self.known.get()
        for rule in try MonitoringRule.all() {
            try check(rule.expression, rule.name)
            guard rule.isAlert else { continue }
            #expect(Set(rule.annotations.keys) == ["summary", "description", "runbook"], "\(rule.name)")
            let expression = Expression(rule.expression)
            let labels = expression.kept ?? expression.selectors.reduce(into: Set(["job", "instance"])) { $0.formUnion(known[$1.metric] ?? []) }
            for text in rule.annotations.values {
                for part in text.components(separatedBy: "$labels.").dropFirst() {
                    let label = String(part.prefix { $0.isLetter || $0 == "_" })
                    #expect(labels.contains(label), "\(rule.name) has no \(label)")
                }
            }
        }
    }

    @Test func `the dashboard asks for what is there, in PromQL`() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/grafana-dashboard.json"))
        let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        var expressions: [String] = []
        var identifiers: Set<Int> = []
        var places: Set<[Int]> = []
        for panel in panels {
            let title = try #require(panel["title"] as? String)
            #expect(identifiers.insert(try #require(panel["id"] as? Int)).inserted, "\(title)")
            let place = try #require(panel["gridPos"] as? [String: Int])
            #expect(places.insert([place["x"]!, place["y"]!]).inserted && place["x"]! + place["w"]! <= 24, "\(title)")
            guard panel["type"] as? String != "row" else { continue }
            let targets = try #require(panel["targets"] as? [[String: Any]])
            for target in targets {
                let text = try #require(target["expr"] as? String)
                #expect((target["datasource"] as? [String: String])?["uid"] == "${datasource}", "\(title)")
                try check(text, title)
                // What a legend shows must have been kept.
                let expression = Expression(text)
                let legend = (target["legendFormat"] as? String ?? "").components(separatedBy: "{{").dropFirst()
                for part in legend {
                    let label = String(part.prefix { $0 != "}" })
                    let own = try Self.known.get()[expression.selectors[0].metric] ?? []
                    let labels = expression.kept ?? expression.groupings.union(own)
                    #expect(labels.contains(label), "\(title): \(label)")
                }
                expressions.append(text)
            }
        }
        let marks = try #require((dashboard["annotations"] as? [String: Any])?["list"] as? [[String: Any]])
        for expression in marks.compactMap({ $0["expr"] as? String }) {
            try check(expression, "annotations")
            expressions.append(expression)
        }
        let variables = try #require((dashboard["templating"] as? [String: Any])?["list"] as? [[String: Any]])
        for variable in variables where variable["type"] as? String == "query" {
            let query = try #require((variable["query"] as? [String: Any])?["query"] as? String)
            let parts = query.dropFirst("label_values(".count).dropLast().split(separator: ",")
            try check(String(parts.dropLast().joined(separator: ",")), "variable")
            let metric = Expression(String(parts[0])).selectors[0].metric
            #expect(try Self.known.get()[metric]?.contains(parts.last!.trimmingCharacters(in: .whitespaces)) == true, "\(query)")
        }
        let names = Set(variables.compactMap { $0["name"] as? String })
        #expect(names == ["datasource", "job", "instance", "route"])

        // As recording rules, so that promtool reads each.
        var rules = "groups:\n  - name: dashboard\n    rules:\n"
        for (index, expression) in expressions.enumerated() {
            let plain = expression.replacingOccurrences(of: "$__rate_interval", with: "5m")
            rules += "      - { record: panel_\(index), expr: '\(plain)' }\n"
        }
        let folder = try Folder()
        try folder.write(Array(rules.utf8), to: "rules.yaml")
        let (status, said) = try Promtool.run("check", "rules", "rules.yaml", in: folder.path)
        #expect(status == 0 && said.contains("\(expressions.count) rules found"), "\(said)")
        #expect(expressions.count > 60)
    }
}
