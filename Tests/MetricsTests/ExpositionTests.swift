import Bytes
import Metrics
import Testing

@Suite("Text exposition format 0.0.4")
struct ExpositionTests {
    private func text(_ body: (inout Exposition) -> Void) -> String {
        var page = Exposition()
        body(&page)
        return String(decoding: page.text.bytes(), as: UTF8.self)
    }

    @Test func `a family begins with its help and its type, and its samples follow`() {
        let family = MetricFamily("jobs_total", .counter, ["kind"], "Jobs done.")
        let page = text { page in
            page.begin(family)
            page.sample("small", value: 3)
            page.sample("large", value: 0)
        }
        #expect(
            page == """
                # HELP jobs_total Jobs done.
                # TYPE jobs_total counter
                jobs_total{kind="small"} 3
                jobs_total{kind="large"} 0

                """)
    }

    @Test func `without labels there are no braces`() {
        let page = text { $0.single(MetricFamily("temperature_celsius", .gauge, "Of the room."), -4) }
        #expect(page.hasSuffix("# TYPE temperature_celsius gauge\ntemperature_celsius -4\n"))
    }

    @Test(arguments: [
        ("a\\b", #"a\\b"#), ("a\"b", #"a\"b"#), ("a\nb", #"a\nb"#), ("é, {}=#", "é, {}=#"), ("", ""), (#"\n"#, #"\\n"#),
    ])
    func `backslash, quote and line feed are escaped in values of labels`(_ value: String, _ written: String) {
        let family = MetricFamily("x", .gauge, ["label"], "X.")
        let page = text { page in
            page.begin(family)
            page.sample(value, value: 1)
        }
        #expect(page.hasSuffix("x{label=\"\(written)\"} 1\n"))
    }

    @Test func `help keeps its quotes, and is one line`() {
        let page = text { $0.begin(MetricFamily("x", .gauge, "Of \"it\",\nand \\ more.")) }
        #expect(page == "# HELP x Of \"it\",\\nand \\\\ more.\n# TYPE x gauge\n")
    }

    @Test(arguments: [(0.5, "0.5"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1e-6, "1e-06"), (3, "3.0")])
    func `numbers are what Go's ParseFloat takes`(_ value: Double, _ written: String) {
        #expect(text { $0.single(MetricFamily("x", .gauge, "X."), value) }.hasSuffix("\nx \(written)\n"))
    }

    @Test func `a histogram has its buckets, one for all, the sum and the count`() {
        let family = MetricFamily("wait_seconds", .histogram, ["queue"], "Waits.")
        let page = text { page in
            page.begin(family)
            page.sample(["a"], buckets: [(0.25, 1), (0.5, 4)], sum: 7.5, count: 6)
        }
        #expect(
            page == """
                # HELP wait_seconds Waits.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{queue="a",le="0.25"} 1
                wait_seconds_bucket{queue="a",le="0.5"} 4
                wait_seconds_bucket{queue="a",le="+Inf"} 6
                wait_seconds_sum{queue="a"} 7.5
                wait_seconds_count{queue="a"} 6

                """)
        let bare = text { page in
            page.begin(MetricFamily("wait_seconds", .histogram, "Waits."))
            page.sample([], buckets: [], sum: 0, count: 0)
        }
        #expect(bare.hasSuffix("wait_seconds_bucket{le=\"+Inf\"} 0\nwait_seconds_sum 0.0\nwait_seconds_count 0\n"))
    }

    @Test func `long values are cut to a bound, are still UTF-8, and stay apart`() throws {
        let family = MetricFamily("x", .gauge, ["label"], "X.")
        for letter in ["a", "é", "漢", "👍"] {
            let long = String(repeating: letter, count: 300)
            let written = ["", "1", "2"].map { end in
                text { page in
                    page.begin(family)
                    page.sample(long + end, value: 1)
                }.split(separator: "\"")[1]
            }
            #expect(Set(written).count == 3)
            for value in written {
                #expect(value.utf8.count <= Exposition.labelBytesMax && value.hasPrefix(letter + letter))
                #expect(!value.contains("\u{FFFD}"))
            }
        }
        let fitting = String(repeating: "b", count: Exposition.labelBytesMax)
        let page = text { page in
            page.begin(family)
            page.sample(fitting, value: 1)
        }
        #expect(page.contains("\"\(fitting)\""))
    }
}
